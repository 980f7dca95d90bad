// What is written for systemd, launchd and the task scheduler means the words that were given, whatever is in them: the judges are
// the systems' own programs, and Python's readers of property lists and XML.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { launchdAgent } from "../../src/service/launchd-agent.ts";
import { scheduledTask, windowsArguments } from "../../src/service/scheduled-task.ts";
import { systemdUnit } from "../../src/service/systemd-unit.ts";
import { runProgram } from "../support/programs.ts";
import { type TempFolder, tempFolder } from "../support/temp-folder.ts";

const python = Bun.which("python3");
const analyze = Bun.which("systemd-analyze");

/** What people call things, and what would be something else unless it is escaped. */
const odd = fc.constantFrom(
  ...[
    " ",
    '"',
    "'",
    "\\",
    "%",
    "%%",
    "%h",
    "$",
    "$$",
    `$${"{HOME}"}`,
    "$HOME",
    ";",
    "&",
    "<",
    ">",
    "]]>",
    "-->",
    "#",
  ],
  ...[
    "\n",
    "\t",
    "\r",
    "ü",
    "日本",
    "\u{1f52c}",
    "\u2028",
    "a",
    "Z",
    "/",
    "=",
    "*",
    "~",
    "`",
    "!",
    "{}",
    "\\n",
  ],
);
const word = fc.array(odd, { maxLength: 8 }).map((parts) => parts.join(""));
const words = fc.array(word, { maxLength: 6 });
const runs = { numRuns: 200 };

describe("escapes", () => {
  test("a unit holds what systemd reads as the same words", () => {
    fc.assert(
      fc.property(words, (args) => {
        const text = systemdUnit({ description: "x", command: ["/opt/dync", ...args] });
        const line = text.split("\n").find((it) => it.startsWith("ExecStart=")) ?? "";
        expect(systemdWords(line.slice("ExecStart=".length))).toEqual(["/opt/dync", ...args]);
      }),
      runs,
    );
  });

  test("arguments of a task are what a program for Windows takes apart", () => {
    fc.assert(
      fc.property(words, (args) => expect(commandLineWords(windowsArguments(args))).toEqual(args)),
      runs,
    );
  });

  test("what cannot be written is refused in a line, and not changed", () => {
    const description = "x";
    expect(() => systemdUnit({ description, command: ['/opt/a"b/dync'] })).toThrow(
      /systemd cannot run .*quotation/,
    );
    expect(() => launchdAgent({ label: "x", command: ["/opt/a\u0001/dync"] })).toThrow(/launchd cannot run/);
    expect(() => launchdAgent({ label: "x", command: ["/opt/\u{10feff}"] })).toThrow(/no Unicode/);
    for (const path of ["C:\\%PATH%\\dync.exe", "C:\\$(Arg0)\\dync.exe", "C:\\a\u0002"])
      expect(() => scheduledTask({ description, user: "u", command: [path] })).toThrow(
        /task scheduler cannot run/,
      );
  });
});

describe.skipIf(python === null)(`Python reads (${python === null ? "python3 missing" : "python3"})`, () => {
  const read = async (kind: "plist" | "xml", all: readonly string[]): Promise<readonly unknown[]> => {
    const lines = all.map((text) => `${JSON.stringify({ kind, text })}\n`).join("");
    const end = await runProgram(["python3", join(import.meta.dir, "parse.py")], {
      stdin: new Blob([lines]),
    });
    expect(end).toMatchObject({ code: 0, stderr: "" });
    return end.stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as unknown);
  };

  test("a property list with the words that were given", async () => {
    const samples = fc.sample(words, runs.numRuns);
    const texts = samples.map((args) => launchdAgent({ label: "l & m", command: ["/opt/dync", ...args] }));
    for (const [at, plist] of (await read("plist", texts)).entries())
      expect(plist).toMatchObject({
        Label: "l & m",
        KeepAlive: true,
        RunAtLoad: true,
        ProgramArguments: ["/opt/dync", ...(samples[at] ?? [])],
      });
  });

  test("a task with the words that were given", async () => {
    const taken = words.map((args) => args.filter((it) => !/%|\$\(/.test(it)));
    const samples = fc.sample(taken, runs.numRuns);
    const texts = samples.map((args) =>
      scheduledTask({ description: "a <b>", user: "LAB\\Ä & B", command: ["C:\\P f\\dync.exe", ...args] }),
    );
    for (const [at, found] of (await read("xml", texts)).entries()) {
      const { Command, Arguments, UserId, Description } = found as Record<string, readonly (string | null)[]>;
      expect(Command).toEqual(['"C:\\P f\\dync.exe"']);
      expect(commandLineWords(Arguments?.[0] ?? "")).toEqual([...(samples[at] ?? [])]);
      expect(UserId).toEqual(["LAB\\Ä & B", "LAB\\Ä & B"]);
      expect(Description).toEqual(["a <b>"]);
    }
  });
});

describe.skipIf(analyze === null)(`systemd-analyze (${analyze === null ? "missing" : "verify"})`, () => {
  let folder: TempFolder;
  beforeAll(async () => {
    folder = await tempFolder();
  });
  afterAll(async () => await folder[Symbol.asyncDispose]());

  test("finds no fault in units, whatever their words", async () => {
    const program = folder.file("a dir with $ and % and ü", "dync");
    mkdirSync(folder.file("a dir with $ and % and ü"));
    writeFileSync(program, "#!/bin/sh\n");
    chmodSync(program, 0o755);
    const files = fc.sample(words, 20).map((args, at) => {
      const file = folder.file(`dync-${at}.service`);
      writeFileSync(file, systemdUnit({ description: 'sends "/data/100 %"', command: [program, ...args] }));
      return file;
    });
    const end = await runProgram(["systemd-analyze", "--user", "--man=no", "verify", ...files], {
      env: { XDG_RUNTIME_DIR: folder.path },
    });
    expect(end).toMatchObject({ code: 0, stdout: "", stderr: "" });
  });
});

/** A line of ExecStart as systemd.syntax(7) and systemd.service(5) say that it is read. */
function systemdWords(line: string): readonly string[] {
  const all: string[] = [];
  for (const [, quoted = ""] of line.matchAll(/"((?:\\.|[^"\\])*)"(?= |$)/g)) {
    const text = quoted.replace(/\\(x[0-9a-f]{2}|.)/g, (_, code: string) =>
      code.startsWith("x") ? String.fromCharCode(Number.parseInt(code.slice(1), 16)) : code,
    );
    all.push(text.replaceAll("%%", "%").replaceAll("$$", "$"));
  }
  expect(line).toBe([...line.matchAll(/"((?:\\.|[^"\\])*)"/g)].map(([it]) => it).join(" "));
  return all;
}

/** As `CommandLineToArgvW` does. */
function commandLineWords(line: string): readonly string[] {
  const all: string[] = [];
  let word: string | null = null;
  let isQuoted = false;
  for (let at = 0; at < line.length; at++) {
    const slashes = /^\\*/.exec(line.slice(at))?.[0].length ?? 0;
    if (slashes > 0 && line[at + slashes] === '"') {
      word = (word ?? "") + "\\".repeat(Math.floor(slashes / 2));
      at += slashes;
      if (slashes % 2 === 1) word += '"';
      else isQuoted = !isQuoted;
    } else if (slashes > 0) {
      word = (word ?? "") + "\\".repeat(slashes);
      at += slashes - 1;
    } else if (line[at] === '"') {
      isQuoted = !isQuoted;
      word ??= "";
    } else if (!isQuoted && /[ \t]/.test(line[at]!)) {
      if (word !== null) all.push(word);
      word = null;
    } else word = (word ?? "") + line[at]!;
  }
  return word === null ? all : [...all, word];
}
