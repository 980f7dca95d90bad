// The house rules as tests: layers point one way, files and functions stay small enough to hold in one's head,
// nothing that differs between runtimes leaks out of its place, and no file lies about unused.

import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative, sep } from "node:path";

const root = join(import.meta.dir, "..");
// A bound against files that nobody can hold in their head. It is wide, because a narrow one splits ideas instead of
// finding their seams; what keeps code readable is the bound on functions.
const linesMax = 500;
const functionLinesMax = 70;
// More is an object with names, or two functions.
const parametersMax = 5;
const nameCharsMax = 30;
// What a class may remember: with more, nobody can say which of its states are possible.
const mutableFieldsMax = 12;

/** What both sides of the protocol stand on. */
const common = ["protocol/limits.ts", "protocol/machine.ts", "protocol/priority.ts", "protocol/wait.ts"];

/** What the files of each folder of `src/` may import from others. A path with a dot names one file. */
const allowedImports: Record<string, readonly string[]> = {
  base: [],
  upload: ["base"],
  tar: ["base"],
  protocol: ["base"],
  "protocol/wire": ["base", ...common],
  "protocol/client": ["base", ...common, "protocol/wire"],
  "protocol/server": ["base", ...common, "protocol/wire"],
  rules: ["base", "upload", ...common, "protocol/wire", "protocol/server"],
  hooks: ["base", "upload", "rules"],
  "hooks/run": ["base", "hooks"],
  alarms: ["base", "rules"],
  config: ["base", "upload", ...common, "protocol/wire", "protocol/server", "rules", "hooks", "alarms"],
  keys: ["base"],
  receipts: ["base", "upload", "keys"],
  transport: ["base", "keys"],
  storage: ["base", "upload", "tar"],
  catalogue: ["base", "upload", "alarms"],
  control: ["base"],
  service: ["base"],
  audit: ["base"],
  "audit/file": ["base", "audit"],
  server: [
    "base",
    "upload",
    "tar",
    ...common,
    "protocol/wire",
    "protocol/server",
    "rules",
    "config",
    "keys",
    "receipts",
    "transport/transport.ts",
    "storage/storage.ts",
    "catalogue/catalogue.ts",
    "catalogue/outbox.ts",
    "catalogue/servers.ts",
    "catalogue/alarm-book.ts",
    "alarms",
    "catalogue/instruments.ts",
    "hooks/answer.ts",
    "hooks/hook.ts",
    "hooks/runner.ts",
    "hooks/told.ts",
    "audit/audit.ts",
  ],
  client: [
    "base",
    "tar",
    ...common,
    "protocol/wire",
    "protocol/client",
    "upload",
    "rules",
    "keys",
    "receipts",
    "transport/transport.ts",
  ],
  watch: ["base", "upload", "tar", "rules", "config", "client"],
  web: ["base", "audit/audit.ts", "rules", "protocol/wait.ts", "config", "catalogue/catalogue.ts", "server"],
  cli: [
    "base",
    "upload",
    "tar",
    "protocol",
    "rules",
    "config",
    "keys",
    "receipts",
    "transport",
    "storage",
    "catalogue",
    "control",
    "audit",
    "hooks",
    "alarms",
    "server",
    "client",
    "watch",
    "service",
    "web",
  ],
};

/** Words that must not occur in the code of a folder, with the reason. Patterns see code without its comments. */
const bannedWords: readonly {
  readonly where: RegExp;
  readonly not?: RegExp;
  readonly word: RegExp;
  readonly why: string;
}[] = [
  { where: /^src\/protocol\//, word: /\bawait\b|\basync\b/, why: "the protocol does no I/O" },
  { where: /^src\/protocol\//, word: /\bDate\b|\bperformance\b/, why: "the protocol is told the time" },
  {
    where: /^src\/protocol\//,
    word: /Math\.random|setTimeout|setInterval/,
    why: "the protocol is deterministic",
  },
  { where: /^src\/protocol\//, word: /["'](node|bun):/, why: "the protocol knows no system" },
  {
    where: /^src\/(config|upload)\//,
    word: /\bawait\b|\basync\b|["'`]--[a-z]/,
    why: "pure, and usable without a command line",
  },
  {
    where: /^src\//,
    not: /^src\/cli\/run\.ts$/,
    word: /process\.exit\(/,
    why: "only cli/run.ts ends the process",
  },
  {
    where: /^src\//,
    not: /^src\/(base\/memory|transport\/zmq|storage\/syncfs|storage\/sha256)\//,
    word: /["']bun:|\bDeno\.|\bBun\./,
    why: "runtimes differ there only",
  },
  {
    where: /^src\//,
    not: /^src\/base\/clock\.ts$/,
    word: /\bsetTimeout\(|\bsetInterval\(|Date\.now\(|performance\.now\(/,
    why: "time is a dependency: take a Clock",
  },
  {
    where: /^src\//,
    not: /^src\/rules\/(metadata-schema|schema-dialect)\.ts$/,
    word: /import (?!type )[^;]* from "(@hyperjump\/|[^"]*\/metadata-schema\.ts)/,
    why: "the validator is much to load: import() it where there is a schema",
  },
  {
    where: /^(src|build|test|bench)\//,
    not: /tidy\.test\.ts$/,
    word: /\bFIXME\b|\bXXX\b|\bTODO\b/,
    why: "leftover",
  },
];

const sources = [
  ...filesBelow(join(root, "src")),
  ...filesBelow(join(root, "build")),
  ...filesBelow(join(root, "bench")),
];
const ours = sources.filter((file) => file.startsWith("src/"));
const tests = filesBelow(join(root, "test"));

describe("layers", () => {
  test.each(ours)("%s imports only what its layer may", (file) => {
    const folder = layerOf(file);
    const allowed = allowedImports[folder] ?? Object.keys(allowedImports);
    const wrong = importsOf(file)
      .filter((target) => target.startsWith("src/") && layerOf(target) !== folder)
      .map((target) => target.slice("src/".length))
      .filter((target) => !allowed.some((one) => target === one || target.startsWith(`${one}/`)));
    expect(wrong).toEqual([]);
  });

  test("no files name each other in a circle", () => {
    expect(inCircles(new Map(ours.map((file) => [file, importsOf(file)])))).toEqual([]);
  });

  test("the rule sees a circle, and not what leads there or away", () => {
    const imports = { a: ["b"], b: ["c"], c: ["d", "b"], d: ["e"], e: [] };
    expect(inCircles(new Map(Object.entries(imports)))).toEqual(["b", "c"]);
  });

  test("the rule sees a forbidden import", () => {
    expect(importPaths('import { a } from "../server/server.ts";\nexport type { B } from "./b.ts";')).toEqual(
      ["../server/server.ts", "./b.ts"],
    );
    expect(importPaths('const x = await import("../cli/run.ts");')).toEqual(["../cli/run.ts"]);
  });
});

describe("size", () => {
  test.each([...sources, ...tests])(`%s has at most ${linesMax} lines`, (file) => {
    expect(textOf(file).split("\n").length - 1).toBeLessThanOrEqual(linesMax);
  });

  test.each(sources)(`every function of %s has at most ${functionLinesMax} lines`, (file) => {
    expect(longFunctions(textOf(file))).toEqual([]);
  });

  test("the rule sees a long function", () => {
    const text = `export function long(): void {\n${"  work();\n".repeat(functionLinesMax)}}\n`;
    expect(longFunctions(text)).toEqual(["export function long(): void {"]);
  });

  test("the rule sees one whose parameters stand on several lines, and no call", () => {
    const body = "    work();\n".repeat(functionLinesMax);
    const signatures = ["  async long(\n    a: number,\n  ): void {", "  long({\n    a,\n  }: A): void {"];
    for (const signature of signatures)
      expect(longFunctions(`${signature}\n${body}  }\n`)).toEqual([signature.split("\n")[0] as string]);
    expect(longFunctions(`  call(\n${body}  );\n${body}  }\n`)).toEqual([]);
  });
});

describe("what one has to remember", () => {
  test.each(ours)(`no function of %s has more than ${parametersMax} parameters`, (file) => {
    expect(parameterLists(textOf(file)).filter(({ count }) => count > parametersMax)).toEqual([]);
  });

  test.each(ours)(`no name that %s gives has more than ${nameCharsMax} characters`, (file) => {
    const given = /\b(?:const|let|function|class|interface|type) (\w+)/g;
    const names = [...textOf(file).matchAll(given)].map((match) => match[1] as string);
    expect(names.filter((name) => name.length > nameCharsMax)).toEqual([]);
  });

  test.each(ours)(`no class of %s has more than ${mutableFieldsMax} fields that change`, (file) => {
    const classes = mutableFields(textOf(file));
    expect([...classes].filter(([, fields]) => fields > mutableFieldsMax)).toEqual([]);
  });

  test("the rules see long lists and many fields", () => {
    const text =
      "class A {\n  readonly #a = 1;\n  #b = 2;\n  c: number;\n  many(a, b: { c: 1, d: 2 }, e) {\n  }\n}\n";
    expect([...mutableFields(text)]).toEqual([["A", 2]]);
    expect(parameterLists(text)).toEqual([{ name: "many", count: 3 }]);
    expect(parameterLists("function f(\n  a: Map<string, number>,\n  b = (c, d) => c,\n) {\n}\n")).toEqual([
      { name: "f", count: 2 },
    ]);
  });
});

describe("words", () => {
  test.each([...sources, ...tests])("%s has no word that is banned there", (file) => {
    const code = withoutComments(textOf(file));
    const found = bannedWords
      .filter(({ where, not }) => where.test(file) && !not?.test(file))
      .filter(({ word }) => word.test(code))
      .map(({ word, why }) => `${word.source}: ${why}`);
    expect(found).toEqual([]);
  });

  test("the rule sees a clock in the protocol, and not one in a comment", () => {
    expect(withoutComments("// Date.now()\nconst a = 1; // Date\n/* Date */")).not.toContain("Date");
    expect(withoutComments("const a = Date.now();")).toContain("Date");
  });
});

describe("src/ is what the executables are", () => {
  const codeOf = new Map(sources.map((file) => [file, withoutComments(textOf(file))]));

  test("every file is reached from one of the two", () => {
    const reached = new Set<string>();
    const waiting = ["src/dync.ts", "src/dync-server.ts"];
    for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
      if (reached.has(file) || !codeOf.has(file)) continue;
      reached.add(file);
      waiting.push(...filesNamedBy(file));
    }
    // What only says of which type something is, is in no executable.
    const code = ours.filter((file) => !file.endsWith(".d.ts"));
    expect(code.filter((file) => !reached.has(file))).toEqual([]);
  });

  // Every command would read them first, and most want none of them: `run.ts` imports the server when it is to run.
  test("a start of the server's program reads no storage, no catalogue, no network and no server", () => {
    const leaves = [
      "storage/state-folder.ts",
      "server/shown-states.ts",
      "server/instrument-states.ts",
      "transport/zmq/target.ts",
    ].map((it) => `src/${it}`);
    const heavy = /^src\/(storage|catalogue|transport|server|tar|protocol\/(client|server))\//;
    expect(readFirst("src/dync-server.ts").filter((it) => heavy.test(it) && !leaves.includes(it))).toEqual(
      [],
    );
  });

  test("the rule sees what is imported at once, and no types", () => {
    const text = `import type { A } from "./a.ts";\nimport { type B, type C } from "./b.ts";\nimport {\n  type D,\n  e,\n} from "./d.ts";\nexport { f } from "./f.ts";\nconst g = await import("./g.ts");\n`;
    expect(pathsReadFirst(text)).toEqual(["./d.ts", "./f.ts"]);
  });

  test("nothing is exported for tests alone", () => {
    const uses = new Map<string, number>();
    for (const code of codeOf.values()) {
      for (const [word] of code.matchAll(/\w+/g)) uses.set(word, (uses.get(word) ?? 0) + 1);
    }
    const unused = ours.flatMap((file) =>
      exportedNames(codeOf.get(file) as string)
        .filter((name) => uses.get(name) === 1)
        .map((name) => `${file}: ${name}`),
    );
    expect(unused).toEqual([]);
  });

  test("the rules see a worker, and what is exported", () => {
    expect(namedPaths('new URL("./poll-worker.ts", import.meta.url); import "node:fs";')).toEqual([
      "./poll-worker.ts",
    ]);
    const text =
      "export async function a() {}\nexport const b = 1;\nexport abstract class C {}\nfunction d() {}\n";
    expect(exportedNames(text)).toEqual(["a", "b", "C"]);
  });
});

test("every file of src/ says at its top what it is", () => {
  const silent = ours.filter((file) => !/^(#!.*\n)?(\/\/|\/\*)/.test(textOf(file)));
  expect(silent).toEqual([]);
});

/** The folder of `allowedImports` that a file is in: the innermost one. */
function layerOf(file: string): string {
  const [, outer, inner] = file.split("/") as [string, string, string?];
  return `${outer}/${inner}` in allowedImports ? `${outer}/${inner}` : outer;
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join("/"))
    .filter((file) => !/(^|\/)(node_modules|stage|cache)\//.test(file))
    .sort();
}

function textOf(file: string): string {
  return readFileSync(join(root, file), "utf8");
}

function importPaths(text: string): string[] {
  const pattern = /(?:\bfrom\s+|\bimport\s*\(\s*|\bimport\s+)"([^"]+)"/g;
  return [...text.matchAll(pattern)].map((match) => match[1] as string);
}

function importsOf(file: string): string[] {
  return importPaths(textOf(file))
    .filter((path) => path.startsWith("."))
    .map((path) =>
      normalize(join(dirname(file), path))
        .split(sep)
        .join("/"),
    );
}

/** What is left of files when those are taken away, again and again, that name none of the others or are named by none. */
function inCircles(imports: ReadonlyMap<string, readonly string[]>): string[] {
  const left = new Set(imports.keys());
  for (let before = -1; before !== left.size; ) {
    before = left.size;
    for (const file of left) {
      const namesNone = !imports.get(file)?.some((target) => left.has(target));
      const isNamed = [...left].some((other) => imports.get(other)?.includes(file));
      if (namesNone || !isNamed) left.delete(file);
    }
  }
  return [...left];
}

/** Files of the project that a file's code names: what it imports, and what it starts as a thread. */
function filesNamedBy(file: string): string[] {
  return namedPaths(withoutComments(textOf(file))).map((path) =>
    normalize(join(dirname(file), path))
      .split(sep)
      .join("/"),
  );
}

function namedPaths(code: string): string[] {
  return [...code.matchAll(/"(\.{1,2}\/[^"]+\.ts)"/g)].map((match) => match[1] as string);
}

/** Files that are read before the code of `start` runs. */
function readFirst(start: string): readonly string[] {
  const files = new Set([start]);
  for (const file of files)
    for (const path of pathsReadFirst(textOf(file)).filter((it) => it.startsWith(".")))
      files.add(
        normalize(join(dirname(file), path))
          .split(sep)
          .join("/"),
      );
  return [...files];
}

/** What a file imports for more than its types, and not only when it is asked for. */
function pathsReadFirst(text: string): string[] {
  const statement = /^(?:import|export) (?!type )(?:(?:\* as \w+|(\{[^}]*\}))\s+from )?"([^"]+)";/gm;
  return [...text.matchAll(statement)]
    .filter(([, names = ""]) => !/^\{(?:\s*type [^,}]+,?)+\s*\}$/.test(names))
    .map((match) => match[2] as string);
}

function exportedNames(code: string): string[] {
  const declaration =
    /^export (?:(?:async|abstract|declare) )*(?:function\*?|const|let|class|interface|type|enum) (\w+)/gm;
  return [...code.matchAll(declaration)].map((match) => match[1] as string);
}

/** First lines of the functions and methods that are too long. On formatted code each ends at a brace with the indent of its first line. */
function longFunctions(text: string): string[] {
  const lines = text.split("\n");
  const first =
    /^(\s*)(export )?(async )?(function\b|(?!if|for|while|switch|return|else|\}|test|describe|it\b)(static |readonly |get |set |#|private )*[\w#]+(<.*>)?\().*(?<=[({])$/;
  return lines.filter((line, start) => {
    const indent = first.exec(line)?.[1];
    if (indent === undefined) return false;
    const next = (wanted: (rest: string) => boolean): number =>
      lines.findIndex((it, at) => at > start && it.startsWith(indent) && wanted(it.slice(indent.length)));
    // What begins with "name(" and ends with ")" is a call.
    const isCall = line.endsWith("(") && !/^\s*\).* \{$/.test(lines[next((it) => it.startsWith(")"))] ?? "");
    return !isCall && next((it) => /^\}[,;)]*$/.test(it)) - start + 1 > functionLinesMax;
  });
}

/** Functions and methods, as they are written when they are formatted, with how many parameters each has. */
function parameterLists(text: string): readonly { readonly name: string; readonly count: number }[] {
  const start = /^ *(?:export )?(?:(?:static|async|get|set|function\*?) )*(#?\w+)(?:<[^>]*>)?\(/gm;
  return [...text.matchAll(start)].flatMap((match) => {
    const [list, rest] = bracketed(text, match.index + match[0].length);
    const isDeclared = /^(?::[^;\n]*)? \{$/m.test(rest.slice(0, rest.indexOf("\n")));
    const isStatement = /^(?:if|for|while|switch|catch|return|await|super|using)$/.test(match[1] as string);
    return isDeclared && !isStatement ? [{ name: match[1] as string, count: countOf(list) }] : [];
  });
}

/** What stands from `at` to the bracket that closes it, and what follows. */
function bracketed(text: string, at: number): [string, string] {
  let depth = 1;
  let end = at;
  for (; end < text.length && depth > 0; end++) {
    if ("([{".includes(text[end] as string)) depth++;
    if (")]}".includes(text[end] as string)) depth--;
  }
  return [text.slice(at, end - 1), text.slice(end)];
}

function countOf(list: string): number {
  let flat = list.replaceAll("=>", "");
  for (let before = ""; before !== flat; ) {
    before = flat;
    flat = flat.replace(/[([{<][^()[\]{}<>]*[)\]}>]/g, "");
  }
  return flat.split(",").filter((part) => part.trim() !== "").length;
}

/** Fields of each class that are not `readonly`. */
function mutableFields(text: string): ReadonlyMap<string, number> {
  const classes = new Map<string, number>();
  let name: string | undefined;
  for (const line of text.split("\n")) {
    name = /^(?:export )?(?:abstract )?class (\w+)/.exec(line)?.[1] ?? (line === "}" ? undefined : name);
    if (name === undefined) continue;
    const isField = /^ {2}(?!readonly |static |get |set |async |\/\/)#?\w+[?!]?(?:: [^(]*;?$| = |;)/.test(
      line,
    );
    classes.set(name, (classes.get(name) ?? 0) + (isField ? 1 : 0));
  }
  return classes;
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "");
}
