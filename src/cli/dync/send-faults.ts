// Everything that can be said about the command line of `dync [send]` before anything is done: all of it at once, and
// what was probably meant, as the line to type. Looks at files, changes nothing.

import { fstatSync } from "node:fs";
import { basename, extname } from "node:path";
import { isatty } from "node:tty";
import { closest } from "../../base/closest.ts";
import { DyncError } from "../../base/error.ts";
import { NameTemplate } from "../../client/plan/name-template.ts";
import type { NamedServer } from "../../config/client-settings.ts";
import { parseServerAddress } from "../../config/server-address.ts";
import type { CommandFaults, CommandLine, Environment } from "../command.ts";
import { faultsOf } from "../command-line-error.ts";
import { metadataFaults } from "../metadata-file.ts";
import { optionText } from "../option-value.ts";
import { printable } from "../printable.ts";
import { shellLine, shellWord } from "../shell-words.ts";
import { conductFaults } from "./conduct.ts";
import { commandFaults, stdinJobsFaults } from "./input-faults.ts";
import { type KnownServers, readKnownServers } from "./known-servers.ts";
import { liveFaults } from "./live-options.ts";
import { datasetNameOnServer, expectTarName, nameOnServer } from "./name-on-server.ts";
import { selectionFaults } from "./selection-options.ts";
import { limitFaults } from "./send-limit.ts";
import { chosenServer, profileOf, serverOptionsIn, tellApart } from "./server-choice.ts";
import { isThere, kindOf } from "./what-is-there.ts";

/** What people type for our commands, who know other programs. */
const otherNames: Readonly<Record<string, string>> = {
  ...named("uploads", "list", "ls", "show", "unfinished", "pending", "queue"),
  ...named("resume", "continue", "retry", "restart"),
  ...named("free", "clean", "cleanup", "purge", "prune", "tidy"),
  ...named("cancel", "abort", "rm", "remove", "delete", "drop", "stop", "kill"),
  ...named("keygen", "key", "keys", "genkey", "gen-key", "init", "setup"),
  ...named("trust", "known", "know", "pin"),
  ...named("join", "register", "enroll", "enrol", "login", "pair", "request"),
  ...named("servers", "hosts", "server", "fingerprint", "fingerprints", "known-hosts"),
  ...named("doctor", "diagnose", "ping", "test", "debug", "troubleshoot"),
  ...named("history", "log", "sent", "journal"),
  ...named("limit", "throttle", "bandwidth", "rate", "bwlimit", "speed"),
  ...named("check", "verify", "compare", "diff", "cmp"),
  ...named("send", "upload", "put", "push", "cp", "copy", "store", "transfer"),
};
/** What a first word may be that is neither a server nor a file. */
export const commandNames = [
  "send",
  "keygen",
  "trust",
  "join",
  "servers",
  "status",
  "uploads",
  "resume",
  "cancel",
  "check",
  "history",
  "limit",
  "free",
  "watch",
  "receipts",
  "verify-receipt",
  "service",
  "completions",
  "doctor",
  "help",
];

/** What is said beside the options. */
interface Surroundings {
  /** What client.toml says of the server, as far as that is known. */
  readonly profile?: NamedServer | null;
}

/** A command line whose words are told apart. */
interface SendLine extends CommandLine, Surroundings {
  readonly known: KnownServers;
  /** Whether no server is named, but a default is there: then that one is the first of the positional arguments. */
  readonly isDefault: boolean;
}

/** What is wrong with the line; see `CommandFaults`. */
export function sendFaults(given: CommandLine, environment: Environment): CommandFaults {
  const line = toldApart(given, environment);
  if (!("known" in line)) return line;
  const command = misreadCommand(given, line.known);
  if (command !== null) return { misread: command, others: [] };
  const misread = unquotedBlank(line) ?? wrongOrder(line) ?? serverMissing(line);
  return { misread, others: misread === null ? valueFaults(line) : optionFaults(line, line) };
}

function toldApart(line: CommandLine, environment: Environment): SendLine | CommandFaults {
  try {
    const known = readKnownServers(environment);
    const { server, paths } = tellApart(line.positionals, known, isThere);
    const isDefault = server === null && known.default !== null;
    const first = server ?? known.default?.text;
    const positionals = first === undefined ? [] : [first, ...paths];
    return { ...line, known, isDefault, positionals, profile: profileOf(server, known) };
  } catch (error) {
    const faults = faultsOf(() => {
      throw error;
    });
    const [first] = faults;
    // A word that may be two things is in the way of all that could be said of the words.
    if (first?.code === "usage") return { misread: first, others: optionFaults(line, {}) };
    return { misread: null, others: [...faults, ...optionFaults(line, {})] };
  }
}

/** A command that was mistyped, or is another program's, would be a SERVER, or a FILE. */
function misreadCommand(line: CommandLine, known: KnownServers): DyncError | null {
  const { positionals, values, isNamed, optionWords } = line;
  const [word, next, third] = positionals;
  // Hosts have such names too; with a file and metadata, it is one.
  if (isNamed || word === undefined || !isBareWord(word) || word === "localhost") return null;
  if (known.named.has(word) || (known.default !== null && isThere(word))) return null;
  const near = otherNames[word.toLowerCase()] ?? closest(word, commandNames);
  const hasMetadata = values.meta !== undefined || values["key-value"] !== undefined;
  const isAlone = next === undefined && values.name === undefined;
  const sendsNothing = !hasMetadata && (isAlone || (next !== undefined && !isThere(next)));
  // What is like no command has to be nothing else either.
  const isStrange =
    known.default === null &&
    sendsNothing &&
    optionWords.length === 0 &&
    third === undefined &&
    isBareWord(next ?? word) &&
    !isInputGiven();
  // Where both that follow are files, it is the server.
  const isOneTooMany = third !== undefined && !isThere(word) && !(isThere(next ?? "") && isThere(third));
  if (near === null ? !isStrange : !sendsNothing && !isOneTooMany) return null;
  const meant = near === null ? null : shellLine(["dync", near, ...optionWords, ...positionals.slice(1)]);
  const toSend = `${shellLine(["dync", word])} FILE -k KEY:VALUE`;
  return new DyncError("usage", `Unknown command "${printable(word)}"`, {
    hint:
      meant === null
        ? `run "dync --help" for the commands; to send to a server of that name: ${toSend}`
        : `did you mean: ${meant}`,
  });
}

// A hint is one line.
const filesShownMax = 4;
// More words than a path has are what a shell made of "*.raw", and every part of them would be looked up.
const blanksMax = 16;

/** A path with a blank that was not quoted is two words. */
function unquotedBlank(line: SendLine): DyncError | null {
  const { positionals } = line;
  if (positionals.length > blanksMax) return null;
  for (let from = 0; from < positionals.length - 1; from++) {
    for (let to = positionals.length; to > from + 1; to--) {
      const path = positionals.slice(from, to).join(" ");
      if (!isThere(path) || positionals.slice(from, to).every(isThere)) continue;
      const rest = [...positionals.slice(0, from), ...positionals.slice(to)];
      const meant = lineOf(line, rest[0] ?? null, ...rest.slice(1), path);
      return new DyncError("usage", `The path "${printable(path)}" has a blank and needs quotes`, {
        hint: `did you mean: ${meant}`,
      });
    }
  }
  return null;
}

/** SERVER comes first: a file in its place, or where it is missing. */
function wrongOrder(line: SendLine): DyncError | null {
  const { positionals, isDefault } = line;
  const [first] = positionals;
  const last = positionals.at(-1);
  if (first === undefined || last === undefined || isDefault || !isThere(first)) return null;
  if (positionals.length > 1) {
    const files = positionals.slice(0, -1);
    if (last === "-" || isThere(last) || !isServer(last, line) || !files.every(isThere)) return null;
    const subject = files.length === 1 ? `"${printable(first)}" is a file and comes` : "Files come";
    return new DyncError("usage", `${subject} after SERVER`, {
      hint: `did you mean: ${lineOf(line, last, ...files)}`,
    });
  }
  // What is piped in goes to a server, though a file has that name.
  if (line.values.name !== undefined && isServer(first, line)) return null;
  return new DyncError("usage", `SERVER is missing, "${printable(first)}" is a file`, {
    hint: `write the server before it: ${lineOf(line, null, first)}`,
  });
}

/** `*.raw` in a shell is all of them, the first one in the place of SERVER. */
function serverMissing(line: SendLine): DyncError | null {
  const [first, ...others] = line.positionals;
  if (first === undefined || others.length === 0 || line.isDefault) return null;
  const ending = extname(first);
  const isOneOfThem = ending !== "" && others.every((other) => extname(other) === ending);
  if (!isOneOfThem || ![first, ...others].every((path) => kindOf(path) === "file")) return null;
  return new DyncError("usage", `SERVER is missing, "${printable(first)}" is a file`, {
    hint: `write the server before it: ${lineOf(line, null, first, ...others)}`,
  });
}

function valueFaults(line: SendLine): readonly DyncError[] {
  const { positionals, known, isDefault } = line;
  const [server, ...files] = positionals;
  const options = serverOptionsIn(line);
  const named = isDefault ? null : server;
  const faults = [...optionFaults(line, line)];
  if (named === undefined && !line.isUncertain)
    faults.unshift(...faultsOf(() => chosenServer(null, options, known)));
  if (server !== "")
    faults.push(...faultsOf(() => chosenServer(named === undefined ? "localhost" : named, options, known)));
  if (server === undefined) return faults;
  if (line.switches.includes("stdin-from-command")) return [...faults, ...commandFaults(line, files)];
  if (line.switches.includes("stdin-jobs")) return [...faults, ...stdinJobsFaults(line, files)];
  const isMany = files.length > 1 || isOpenEnded(line);
  if (isDataset(line)) faults.push(...datasetFaults(line, files));
  else if (!isMany) faults.push(...oneFault(line, files[0]));
  else if (files.length === 1) faults.push(...missingFault(line, files[0] as string));
  return [...faults, ...(isMany ? manyFaults(line, files) : [])];
}

/** Whether each FILE is a folder that is one upload. */
function isDataset({ switches }: SendLine): boolean {
  return switches.includes("dataset") || switches.includes("live");
}

/** Whether options say that there may be any number of files. */
function isOpenEnded({ values, switches }: SendLine): boolean {
  return values["files-from"] !== undefined || switches.includes("recursive");
}

/** What is wrong with the only FILE beside options that name more. */
function missingFault(line: SendLine, file: string): readonly DyncError[] {
  const fault = file === "-" || isThere(file) ? null : fileFault(line, file);
  return fault === null ? [] : [fault];
}

/** What is wrong with the one FILE, or with standard input. */
function oneFault(line: SendLine, file: string | undefined): readonly DyncError[] {
  const faults: DyncError[] = [];
  const name = line.values.name?.[0];
  const fault = file === undefined || file === "-" ? inputFault(line) : fileFault(line, file);
  if (fault !== null) faults.push(fault);
  // Nothing is to be said of the name of what cannot be sent, but for one that was chosen.
  if (fault === null || name !== undefined) {
    faults.push(
      ...faultsOf(() => {
        const wanted = nameOnServer(name, pathOf(file));
        if (line.switches.includes("unpack")) expectTarName(wanted);
      }),
    );
  }
  return faults;
}

/** What is wrong with FILEs of which each is to be a folder. */
function datasetFaults(line: SendLine, folders: readonly string[]): readonly DyncError[] {
  // What goes not beside --live is said with it.
  if (line.switches.includes("unpack") && line.switches.includes("dataset")) {
    const hint = "--dataset sends a folder, --unpack a tar that something else made";
    return [new DyncError("usage", 'Options "--dataset" and "--unpack" are both given', { hint })];
  }
  if (line.switches.includes("recursive") && line.switches.includes("dataset")) {
    const hint = "--dataset makes one upload of a folder, -r one of each file in it";
    return [new DyncError("usage", 'Options "--dataset" and "-r" are both given', { hint })];
  }
  const [folder] = folders;
  if (folder === undefined && isOpenEnded(line)) return [];
  if (folder === undefined || folder === "-") {
    const hint = "name it after SERVER; a tar is taken from standard input with --unpack";
    return [new DyncError("usage", "The folder is missing that is to be a dataset", { hint })];
  }
  // Of several, one that cannot be sent does not keep the others back.
  if (folders.length > 1 || isOpenEnded(line)) return [];
  const fault = kindOf(folder) === "folder" ? null : noFolder(line, folder);
  const name = line.values.name?.[0];
  return [...(fault === null ? [] : [fault]), ...faultsOf(() => datasetNameOnServer(name, folder))];
}

function noFolder(line: SendLine, path: string): DyncError {
  if (kindOf(path) === "nothing") return fileFault(line, path) as DyncError;
  return new DyncError("usage", `Cannot send "${printable(path)}" as a dataset: it is no folder`, {
    hint: "send it without --dataset",
  });
}

/** What is wrong with several FILEs together: one that is not there, or cannot be sent, does not keep the others back. */
function manyFaults(line: SendLine, files: readonly string[]): readonly DyncError[] {
  const { values, switches } = line;
  const faults: DyncError[] = [];
  const fault = (text: string, hint: string): void =>
    void faults.push(new DyncError("usage", printable(text), { hint }));
  if (files.slice(1).includes("")) fault("FILE is empty", "leave the empty one away");
  if (files.includes("-"))
    fault('Standard input, "-", is one of several files', "send it with a command of its own");
  const list = values["files-from"]?.[0];
  if (list === "-" && values.meta?.[0] === "-")
    fault("Metadata and the list of files cannot both come from standard input", "name a file after -m");
  if (files.length === 0 && list === undefined)
    fault("The folder is missing that -r is about", "name it after SERVER");
  const count = files.length > 1 && !isOpenEnded(line) ? `${files.length} are given` : "several may be meant";
  if (values.name !== undefined)
    fault(
      `Option "-n" names one file, ${count}`,
      "leave it away, each keeps its own name; or give the command once for each file",
    );
  if (switches.includes("live"))
    fault(
      `Option "--live" is about one folder, ${count}`,
      "give the command once for each, or use dync watch",
    );
  if (switches.includes("unpack"))
    fault(`Option "--unpack" is about one file, ${count}`, "give the command once for each");
  return faults;
}

/** What is wrong with options, whatever the positional arguments are. */
function optionFaults(
  { values, switches, isComplete }: CommandLine,
  { profile }: Surroundings,
): readonly DyncError[] {
  const meta = values.meta?.[0];
  const pairs = values["key-value"] ?? [];
  const isGiven = meta !== undefined || pairs.length > 0;
  const isAll =
    values["metadata-from"] === undefined &&
    !profile?.metadata.length &&
    !["sidecars", "stdin-jobs"].some((name) => switches.includes(name));
  const faults = isGiven || isComplete ? [...metadataFaults(meta, pairs, isAll)] : [];
  const template = values["name-template"]?.[0];
  if (template !== undefined) faults.push(...faultsOf(() => new NameTemplate(template)));
  if (template !== undefined && values.name !== undefined) {
    const hint = "leave one of them away";
    faults.push(new DyncError("usage", 'Options "-n" and "--name-template" both say the name', { hint }));
  }
  faults.push(...conductFaults(values), ...limitFaults(values.limit?.[0]));
  if (switches.includes("null") && values["files-from"] === undefined) {
    const hint = "it says how the paths in that list end";
    faults.push(new DyncError("usage", 'Option "-0" needs "--files-from"', { hint }));
  }
  return [...faults, ...selectionFaults(values, switches), ...liveFaults({ values, switches })];
}

/** Why standard input cannot be sent. */
function inputFault({ positionals, values, switches }: SendLine): DyncError | null {
  const ofFiles = ["name-template", "metadata-from", "sidecars", "skip-identical"].find(
    (name) => values[name] !== undefined || switches.includes(name),
  );
  if (ofFiles !== undefined) {
    const hint = "name files after SERVER; for standard input there are -n, -m and -k";
    return new DyncError("usage", `${optionText(ofFiles)} is about files, and none is given`, { hint });
  }
  if (values.meta?.[0] === "-") {
    return new DyncError("usage", "Metadata and data cannot both come from standard input", {
      hint: "name a file after SERVER, or one after -m",
    });
  }
  if (positionals[1] === "-" || !isatty(0)) return null;
  return new DyncError("usage", "FILE is missing", {
    hint: 'name a file after SERVER, or pipe the data in; run "dync --help" for examples',
  });
}

/** Why FILE cannot be sent, as far as can be seen without opening it. */
function fileFault(line: SendLine, path: string): DyncError | null {
  const shown = printable(path);
  switch (kindOf(path)) {
    case "nothing": {
      const hint = missingHint(path);
      return new DyncError("source", `Cannot read "${shown}": there is no such file`, { hint });
    }
    case "folder":
      return new DyncError("source", `Cannot send "${shown}": it is a folder, one file is wanted`, {
        hint: `to send all of it as one dataset (its files one by one: -r): ${datasetLine(line, path)}`,
      });
    case "special": {
      const hint = `read it as a stream: ${lineOf(line, line.positionals[0] ?? null)} < ${shellWord(path)}`;
      return new DyncError("source", `Cannot send "${shown}": it is no regular file`, { hint });
    }
    case "file":
      return null;
  }
}

/** What may be wrong with a path at which nothing is. */
function missingHint(path: string): string | undefined {
  if (path.endsWith("\r"))
    return "the path ends with a carriage return: save the script with the line ends of this system";
  // No file of Windows has one of these in its name.
  if (process.platform !== "win32" || !/[*?]/.test(path)) return undefined;
  const pattern = shellWord(printable(basename(path)));
  return `the shells of Windows make no names of patterns: name the folder, with -r --include ${pattern}`;
}

/** The command that sends a folder as one upload. */
function datasetLine(line: SendLine, path: string): string {
  const hasMetadata = line.values.meta !== undefined || line.values["key-value"] !== undefined;
  const optionWords = ["--dataset", ...line.optionWords, ...(hasMetadata ? [] : ["-k", "KEY:VALUE"])];
  return lineOf({ ...line, optionWords }, line.positionals[0] ?? null, path);
}

/** The command line with these positional arguments; a SERVER that is not known is left open, and so is a name of what has none. */
function lineOf(line: SendLine, server: string | null, ...files: readonly string[]): string {
  const { optionWords, isNamed, values } = line;
  const isNameless = files.length === 0 && values.name === undefined;
  const words = ["dync", ...(isNamed ? ["send"] : []), ...optionWords, ...(isNameless ? ["-n", "NAME"] : [])];
  const paths = files.map((file) => shellWord(file.startsWith("-") ? `./${file}` : file));
  const shown = paths.length <= filesShownMax ? paths : [...paths.slice(0, filesShownMax - 1), "..."];
  return [shellLine(words), ...serverWord(line, server), ...shown].join(" ");
}

function serverWord({ isDefault }: SendLine, server: string | null): readonly string[] {
  if (isDefault) return [];
  return [server === null ? "SERVER" : shellWord(server)];
}

function pathOf(file: string | undefined): string | null {
  return file === undefined || file === "-" ? null : file;
}

/** A word as commands are, and hosts within a laboratory. */
function isBareWord(word: string): boolean {
  return /^[a-z][a-z-]*$/i.test(word);
}

/** Whether somebody pipes data in, or a file. */
function isInputGiven(): boolean {
  try {
    const input = fstatSync(0);
    return input.isFIFO() || input.isFile() || input.isSocket();
  } catch {
    return false;
  }
}

function isServer(word: string, { known }: SendLine): boolean {
  return known.named.has(word) || parseServerAddress(word).ok;
}

function named(command: string, ...words: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(words.map((word) => [word, command]));
}
