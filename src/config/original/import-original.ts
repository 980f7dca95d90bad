// The original server's configuration as a `server.toml` that takes the same uploads to the same places. What has no counterpart is
// named with the line where it stands, in the text and apart from it.

import { assert } from "../../base/assert.ts";
import { messageOf } from "../../base/error.ts";
import { namePattern } from "../../rules/linear-pattern.ts";
import { readPathTemplate } from "../../rules/path-template.ts";
import { readServerFile } from "../server-file.ts";
import { serverSettings } from "../server-settings.ts";
import { type FileReading, type MemberFault, memberText } from "../table.ts";
import { isTable, tomlText } from "../toml.ts";
import type { TomlPath } from "../toml-lines.ts";
import { type Folders, foldersOf, unusedName } from "./data-folder.ts";
import { logSettingsOf } from "./logging.ts";
import { type Dropbox, type OriginalFile, readOriginalFile } from "./original-file.ts";
import { translatePython } from "./python-pattern.ts";
import { commentLines, tomlList, tomlString } from "./toml-text.ts";

/** Something of the original's configuration that is not in ours as it was there. */
export interface ImportNote extends MemberFault {
  /** Whether other uploads are taken than there: else it is done in another way, or never had an effect. */
  readonly isLoss: boolean;
}

export interface Imported {
  /** The file; empty where anything is wrong with the original's. */
  readonly toml: string;
  readonly notes: readonly ImportNote[];
  /** All that is wrong. */
  readonly faults: readonly MemberFault[];
}

const head = `# The configuration of dync-server, made of that of the original server by
# "dync-server config import". Where something of it is another way here, a
# comment says so, with the line of the original's file; what is LOST makes
# this server take other uploads than that one did.
#
# Whatever the rules say, an upload needs metadata here: at least one field.
# Beside the folder NAME of each lie NAME.sha256 and NAME.meta.json as well.`;

/** Reads `text`, the original's YAML. */
export function importOriginal(text: string): Imported {
  const reading = readOriginalFile(text);
  if (!reading.ok) return { toml: "", notes: [], faults: reading.faults };
  const importer = new Importer(reading);
  importer.write();
  const toml = `${importer.lines.join("\n")}\n`;
  assert(readServerFile(toml, "/").ok, "what an import writes is a configuration");
  return { toml, notes: importer.notes, faults: [] };
}

class Importer {
  readonly lines: string[] = [head];
  readonly notes: ImportNote[] = [];
  readonly #file: OriginalFile;
  readonly #lineOf: (path: TomlPath) => number;
  readonly #folders: Folders;
  readonly #ruleNames: string[] = [];

  constructor({ value, lineOf }: Extract<FileReading<OriginalFile>, { ok: true }>) {
    this.#file = value;
    this.#lineOf = lineOf;
    const { manual, dropboxes, path } = value.storage;
    const places = [...(manual === undefined ? [] : [manual]), ...dropboxes.map((it) => it.path)];
    this.#folders = foldersOf(places, path);
  }

  write(): void {
    this.#settings();
    this.#others([], this.#file, ["address", "options", "storage", "logging"]);
    this.#manual();
    for (const [index, dropbox] of this.#file.storage.dropboxes.entries()) this.#dropbox(dropbox, index);
    if (this.#ruleNames.length === 0)
      this.lines.push("", "# No rule takes anything, and so nothing is taken.", "rules = []");
  }

  #settings(): void {
    const { address, options = {}, storage, logging = {} } = this.#file;
    const { host, port } = address;
    this.lines.push("", `data = ${tomlString(this.#folders.data)}`);
    const known = ["tmp_dir", "path", "manual", "storage", "dropboxes"];
    const { tmp_dir: tmpFolder, storage: backup } = storage as unknown as Record<string, unknown>;
    if (storage.path !== this.#folders.data)
      this.#note(["storage", "path"], "nothing was ever stored there; all places are below the data folder");
    if (tmpFolder !== undefined)
      this.#note(
        ["storage", "tmp_dir"],
        "unfinished uploads lie hidden in the data folder, so that a finished one only gets its name",
      );
    if (backup !== undefined) this.#note(["storage", "storage"], "nothing was ever stored there");
    this.#others(["storage"], storage, known);
    this.#bind(host);
    this.lines.push(`port = ${port}`);
    this.lines.push(
      "# The user_id within a client's key names the user, as it did.",
      "trust-user-ids = true",
    );
    this.#logging(logging);
    const { umask, pidfile } = options as Readonly<Record<string, unknown>>;
    if (pidfile !== undefined) this.#note(["options", "pidfile"], "systemd looks after the process");
    if (umask !== undefined)
      this.#note(["options", "umask"], `the umask is that of the service: UMask=${octal(umask)} in its unit`);
    this.#others(["options"], options, ["umask", "pidfile"]);
  }

  #bind(host: string): void {
    const address = serverSettings.address.kind.parse(host);
    if (!address.ok)
      return this.#note(
        ["address"],
        `${tomlText(host)} is no address of this machine; without one the server listens on all`,
        true,
      );
    if (address.value !== serverSettings.address.default)
      this.lines.push(`bind = ${tomlString(address.value)}`);
  }

  #logging(logging: NonNullable<OriginalFile["logging"]>): void {
    const { file, level, notes } = logSettingsOf(logging);
    if (file !== null) this.lines.push(`log-file = ${tomlString(file)}`);
    if (level !== null) this.lines.push(`log-level = ${tomlString(level)}`);
    for (const { path, text } of notes) this.#note(path, text);
  }

  #manual(): void {
    const { manual, dropboxes } = this.#file.storage;
    this.lines.push("");
    if (manual === undefined && !dropboxes.some((it) => it.match_file ?? true)) return;
    if (manual === undefined)
      return this.#note(
        ["storage"],
        'without "manual" an upload with "passthrough" was refused; here the rules below take it',
        true,
      );
    this.#begin(
      ["storage", "manual"],
      "manual",
      manual,
      [`metadata = { passthrough = '/^/' }`],
      "/{meta.passthrough}",
    );
  }

  #dropbox(dropbox: Dropbox, index: number): void {
    const path: TomlPath = ["storage", "dropboxes", index];
    const { origin, match_file: files = true, match_dir: folders = true } = dropbox;
    const lines: string[] = [];
    this.lines.push("");
    if (origin?.length === 0)
      return this.#note([...path, "origin"], "nobody is in the list: there is no rule for it");
    if (!files && !folders)
      return this.#note(path, "takes neither files nor folders: there is no rule for it");
    if (origin !== undefined) lines.push(`users = ${tomlList(origin.map(literalGlob))}`);
    const pattern = this.#filesOf(dropbox.regexp, [...path, "regexp"]);
    if (pattern === null) return;
    lines.push(`files = ${tomlList([pattern])}`);
    if (!files)
      this.#note(
        [...path, "match_file"],
        "the original knew no folders, so it took nothing here; this server takes folders",
      );
    if (!files || !folders) lines.push(`datasets = ${!files}`);
    if (dropbox.requires_barcode ?? true) lines.push("barcode = true");
    this.#begin([...path, "path"], unusedName(dropbox.path, this.#ruleNames), dropbox.path, lines, "");
  }

  /** A rule, unless it has no path. */
  #begin(at: TomlPath, name: string, folder: string, conditions: readonly string[], more: string): void {
    const below = this.#folders.below(folder);
    const path = `${below}${more}/{name}`;
    try {
      if (/[{}]/.test(below)) throw new Error('has "{" or "}" in it');
      readPathTemplate(path);
    } catch (error) {
      return this.#note(
        at,
        `there is no rule for it, since its path ${tomlText(below)} ${messageOf(error)}`,
        true,
      );
    }
    if (this.#folders.needsLink(folder)) {
      const link = `${this.#folders.data}/${below}`;
      this.#note(
        at,
        `it is not below the data folder: put it there, or make ${link} a link to ${folder}, on the same file system`,
        true,
      );
    }
    this.lines.push("[[rules]]", `name = ${tomlString(name)}`, ...conditions);
    this.lines.push(`path = ${tomlString(path)}`, `names = "posix"`, `layout = "openbis"`);
    this.#ruleNames.push(name);
  }

  /** What `regexp` is in a rule, or `null`: there is no such rule. */
  #filesOf(regexp: string, path: TomlPath): string | null {
    const { pattern, faults } = translatePython(regexp);
    const lost = `${tomlText(regexp)} cannot be expressed: it`;
    if (faults.length > 0) {
      this.#note(
        path,
        `there is no rule for it, and those behind it take what it took: ${lost} ${faults.join(", and it ")}`,
        true,
      );
      return null;
    }
    // Case counts there, and does not in rules unless they say so.
    const text = `/(?-is)^(?:${pattern})/`;
    try {
      namePattern(text, true);
      return text;
    } catch (error) {
      this.#note(
        path,
        `there is no rule for it, and those behind it take what it took: ${lost} ${messageOf(error)}`,
        true,
      );
      return null;
    }
  }

  /** Names what the original never looked at. */
  #others(path: TomlPath, there: unknown, known: readonly string[]): void {
    const keys = isTable(there) ? Object.keys(there) : [];
    for (const key of keys.filter((it) => !known.includes(it)))
      this.#note([...path, key], "the original had no such setting");
  }

  #note(path: TomlPath, text: string, isLoss = false): void {
    const [line, member] = [this.#lineOf(path), memberText(path)];
    this.notes.push({ line, member, text, isLoss });
    this.lines.push(...commentLines(`${isLoss ? "LOST, line" : "Line"} ${line}: ${member}: ${text}`));
  }
}

/** A glob for this very text. */
function literalGlob(text: string): string {
  return text.replace(/[\\*?[\]]|^\//g, "\\$&");
}

function octal(umask: unknown): string {
  return Number(umask).toString(8).padStart(4, "0");
}
