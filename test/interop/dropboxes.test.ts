// The original's configuration imported, and what its clients send to it: every upload goes where the original's storage puts it, and
// what lies there is byte for byte the same, with permissions; beside it our two files and nothing else.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { readUploadRules } from "../../src/cli/dync-server/upload-rules.ts";
import { importOriginal } from "../../src/config/original/import-original.ts";
import { readServerFile } from "../../src/config/server-file.ts";
import { defaultUserRules } from "../../src/config/server-settings.ts";
import { judge } from "../../src/rules/judge.ts";
import {
  type Executables,
  executables,
  executablesMissing,
  type KeyFolders,
  type RunningServer,
  startServer,
} from "../support/executables.ts";
import { jsonLines, runProgram } from "../support/programs.ts";
import { makeReferenceKeys, referenceMissing, runReferenceClient } from "../support/reference.ts";
import { type TempFolder, tempFolder } from "../support/temp-folder.ts";

const reference = resolve(import.meta.dir, "reference_storage.py");
const missing = executablesMissing ?? referenceMissing;

interface Upload {
  readonly name: string;
  readonly origin: string;
  readonly meta: Readonly<Record<string, unknown>>;
  readonly file?: string;
}
type Answer = { readonly path: string } | { readonly error: string };

/** The same configuration, for places below `root`. JSON is YAML. */
function configurationAt(root: string) {
  const place = (name: string) => join(root, name);
  return {
    address: "tcp://*:8889",
    options: { umask: 0o022 },
    storage: {
      tmp_dir: place("tmp"),
      path: place("default"),
      manual: place("manual"),
      dropboxes: [
        { regexp: "Q\\w{9}.*\\.(raw|RAW)$", path: place("in/raw"), origin: ["alice", "bert"] },
        { regexp: "(?i)[^_]*_?\\d*.*\\.mz[mx]l\\Z", path: place("in/mzml"), requires_barcode: false },
        { regexp: ".*", path: place("folders"), match_file: false, requires_barcode: false },
        { regexp: "(.|\\n)*\\.pdf$", path: place("pdf"), origin: ["carla"], requires_barcode: false },
        { regexp: "Q|[a-c]{,2}[\\w]+[.-]", path: place("any"), match_dir: false },
        { regexp: "\\W*größe[\\s_]", path: place("odd"), requires_barcode: false },
        { regexp: ".*\\.tar$", path: place("tars"), requires_barcode: false },
      ],
    },
  };
}

function makePlaces(root: string): string {
  const { storage } = configurationAt(root);
  const passthrough = join(storage.manual, "batch_1");
  for (const path of [storage.tmp_dir, storage.path, passthrough, ...storage.dropboxes.map((it) => it.path)])
    mkdirSync(path, { recursive: true });
  const file = join(root, "dyncserver.yaml");
  writeFileSync(file, JSON.stringify(configurationAt(root)));
  return file;
}

/** What the original does with each. */
async function askReference(configuration: string, uploads: readonly Upload[]): Promise<readonly Answer[]> {
  const lines = uploads.map((it) => `${JSON.stringify(it)}\n`).join("");
  const command = ["/usr/bin/python3", "-B", reference, configuration];
  const { code, stdout, stderr } = await runProgram(command, {
    stdin: new Blob([lines]),
    env: { LC_ALL: "C.UTF-8" },
  });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return jsonLines<Answer>(stdout);
}

/** Permissions and content of all that lies in `folder`, by its path. */
function treeOf(folder: string): Readonly<Record<string, string>> {
  const tree: Record<string, string> = {};
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const mode = (lstatSync(path).mode & 0o7777).toString(8);
    const sum = entry.isFile() ? createHash("sha256").update(readFileSync(path)).digest("hex") : "folder";
    tree[relative(folder, path)] = `${mode} ${sum}`;
  }
  return tree;
}

describe.skipIf(missing !== null)(`dropboxes of the original (${missing ?? "both here"})`, () => {
  let programs: Executables;
  let temp: TempFolder;
  let homes: KeyFolders;
  let server: RunningServer;
  let theirs: string;
  let ours: string;
  const at = { theirs: () => join(temp.path, "theirs"), ours: () => join(temp.path, "ours") };

  beforeAll(async () => {
    programs = await executables();
    temp = await tempFolder();
    homes = await makeReferenceKeys(temp.path);
    [theirs, ours] = [makePlaces(at.theirs()), makePlaces(at.ours())];
    const file = join(homes.server, "server.toml");
    const imported = await runProgram([programs.dyncServer, "config", "import", ours, "--output", file]);
    expect(imported).toMatchObject({ code: 0, stdout: "" });
    const checked = await runProgram([programs.dyncServer, "config", "check", file]);
    expect(checked).toMatchObject({ code: 0, stdout: `${file}: OK\n` });
    server = await startServer(programs, homes.server, at.ours());
  }, 300_000);
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await temp[Symbol.asyncDispose]();
  });

  let count = 0;
  /** Sends `content` as `name` to both. */
  async function send(name: string, content: Uint8Array, meta: Upload["meta"] = { sample: "S1" }) {
    const folder = temp.file(`sent-${++count}`);
    mkdirSync(folder);
    const [file, metaFile] = [join(folder, "content"), join(folder, "meta")];
    writeFileSync(file, content);
    writeFileSync(metaFile, JSON.stringify(meta));
    const [answer] = await askReference(theirs, [{ name, origin: "alice", meta, file }]);
    const args = ["-m", metaFile, "-n", name, "--timeout-ms", "5000"];
    const { end, result } = await runReferenceClient(homes.client, server.port, file, args);
    return { answer: answer as Answer, code: end.code, result };
  }

  /** That both have the same at `path` and for it beside it, and ours what describes it, and nothing more. */
  function expectSame(path: string): void {
    const folder = dirname(path);
    const [original, there] = [treeOf(join(at.theirs(), folder)), { ...treeOf(join(at.ours(), folder)) }];
    const tops = Object.keys(original).filter((it) => !it.includes("/") && !it.startsWith(".MARKER"));
    for (const top of tops) {
      for (const suffix of [".sha256", ".meta.json"]) {
        expect(there).toHaveProperty([top + suffix]);
        delete there[top + suffix];
      }
    }
    expect(tops.length).toBeGreaterThan(0);
    expect(there).toEqual(original);
  }

  const files: readonly (readonly [string, string, Upload["meta"]?])[] = [
    ["QJFDC010EU_run-1 (2).raw", "in/raw/QJFDC010EU_run12.raw"],
    ["QJFDC010EU.RAW", "in/raw/QJFDC010EU.RAW"],
    ["größe 7.MZML", "in/mzml/gre7.MZML"],
    ["QJFDC010EV_7.mzxl", "in/mzml/QJFDC010EV_7.mzxl"],
    ["ab-QJFDC010EU.txt", "any/abQJFDC010EU.txt"],
    [" größe_a.b", "odd/gre_a.b"],
    ["notes, all.tar", "tars/notesall.tar"],
    ["whatever é", "manual/batch_1/whatever", { passthrough: "batch_1" }],
    ["QJFDC010EU.x", "manual/batch_1/QJFDC010EU.x", { passthrough: "batch_1", untar: "False" }],
  ];
  for (const [name, path, meta] of files) {
    test(`${name} is the same in both: ${path}`, async () => {
      const { answer, code } = await send(name, Buffer.from(`content of ${name}`), meta);
      expect(answer).toEqual({ path: join(at.theirs(), path) });
      expect(code).toBe(0);
      expectSame(path);
      // There is none of the original's folders that ours does not have, and nothing of it is anywhere else.
      expect(readdirSync(at.ours()).sort()).toEqual([".dync", ...readdirSync(at.theirs())].sort());
    });
  }

  test("what has its place already is refused by both, whoever it was", async () => {
    const again = await send("QJFDC010EU_run=12.raw", Buffer.from("other"));
    expect(again.answer).toEqual({ error: "exists" });
    expect(again.result).toMatchObject({ code: 409 });
    expectSame("in/raw/QJFDC010EU_run12.raw");
  });

  async function tarOf(
    tree: Readonly<Record<string, string>>,
    ...args: readonly string[]
  ): Promise<Uint8Array> {
    const folder = temp.file(`tar-${++count}`);
    for (const [path, text] of Object.entries(tree)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text, { mode: path.endsWith(".sh") ? 0o755 : 0o644 });
    }
    const command = ["tar", "-C", folder, "-cf", join(temp.path, "made.tar"), ...args];
    expect(await runProgram(command)).toMatchObject({ code: 0 });
    return readFileSync(join(temp.path, "made.tar"));
  }

  const run = {
    "QJFDC010EU_run/a.txt": "a",
    "QJFDC010EU_run/deep/er/run.sh": "b",
    "QJFDC010EU_run/empty": "",
  };
  const untar = { untar: "True", sample: "S1" };

  test("a tar with one folder is unpacked where its metadata ask for it", async () => {
    const sent = await send("QJFDC010EU_run.tar", await tarOf(run, "QJFDC010EU_run"), untar);
    expect(sent.answer).toEqual({ path: join(at.theirs(), "any/QJFDC010EU_run") });
    expect(sent.code).toBe(0);
    expectSame("any/QJFDC010EU_run");
    expect(readdirSync(join(at.ours(), "any"))).toContain(".MARKER_is_finished_QJFDC010EU_run");
    // Without a barcode there is no marker.
    const plain = await send("plain.tar", await tarOf({ "plain/x": "x" }, "plain"), untar);
    expect([plain.answer, plain.code]).toEqual([{ path: join(at.theirs(), "tars/plain") }, 0]);
    expectSame("tars/plain");
  });

  test("what is stored already is confirmed to a client that asks again", async () => {
    writeFileSync(temp.file("again.json"), JSON.stringify(untar));
    const id = "a1b2c3d4e5f60718293a4b5c6d7e8f90";
    const args = ["-m", temp.file("again.json"), "-n", "QJFDC010EU_again.tar", "--identity", id];
    const renamed = await tarOf({ "QJFDC010EU_again/x": "x" }, "QJFDC010EU_again");
    writeFileSync(temp.file("again"), renamed);
    for (const time of [1, 2]) {
      const { end, result } = await runReferenceClient(homes.client, server.port, temp.file("again"), args);
      expect([time, end.code, result?.outcome]).toEqual([time, 0, "finished"]);
    }
  });

  test.each([
    ["another folder in it", { "other/x": "x" }, ["other"], '"other" in it'],
    ["two folders in it", { "named/x": "x", "two/y": "y" }, ["named", "two"], '"two" in it'],
    ["a file of its name in it", { named: "x" }, ["named"], "expected a folder"],
    ["a packed tar", { "named/x": "x" }, ["-z", "named"], "unpack it first"],
  ] as const)("%s is refused in words, and leaves nothing", async (_what, tree, args, text) => {
    const content = await tarOf(tree, ...args);
    const folder = temp.file(`refused-${++count}`);
    mkdirSync(folder);
    writeFileSync(join(folder, "content"), content);
    writeFileSync(join(folder, "meta"), JSON.stringify(untar));
    const before = treeOf(join(at.ours(), "tars"));
    const command = ["-m", join(folder, "meta"), "-n", "named.tar"];
    const { end, result } = await runReferenceClient(
      homes.client,
      server.port,
      join(folder, "content"),
      command,
    );
    expect(end.code).not.toBe(0);
    expect(result).toMatchObject({ code: 415 });
    expect(result?.text).toContain(text);
    expect(treeOf(join(at.ours(), "tars"))).toEqual(before);
  });

  test("the rules that are imported take what the original takes, to the same places", async () => {
    const pieces = [
      "Q",
      "QJFDC010EU",
      "QJFDC010EV",
      "QABCD001A0",
      "größe",
      "a",
      "_",
      "-",
      " ",
      ".",
      "7",
      "x",
    ];
    const endings = ["", ".raw", ".RAW", ".mzml", ".MzXL", ".pdf", ".tar", ".tar.gz", ".ä", ".x y"];
    let seed = 7;
    const pick = <T>(list: readonly T[]): T => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      return list[Math.floor((seed / 2 ** 31) * list.length)] as T;
    };
    const uploads = Array.from({ length: 3000 }, (): Upload => {
      const name =
        Array.from({ length: 1 + pick([0, 1, 2, 3]) }, () => pick(pieces)).join("") + pick(endings);
      const meta = pick([{ s: 1 }, { s: 1 }, { s: 1 }, { passthrough: "batch_1" }]);
      return { name, origin: pick(["alice", "carla", "dora"]), meta };
    });
    const answers = await askReference(theirs, uploads);
    const reading = readServerFile(importOriginal(readFileSync(theirs, "utf8")).toml, "/");
    if (!reading.ok) throw new Error("what was imported is a configuration");
    const { rules } = await readUploadRules(reading);
    const beginning = { upload: "0".repeat(32), at: new Date() };
    const placeOf = ({ name, origin, meta }: Upload): string | null => {
      const post = { name, metadataText: JSON.stringify(meta), info: {} };
      const judgement = judge(origin, post, { ...defaultUserRules, uploads: rules }, beginning);
      if (judgement.type === "refused") return null;
      return join(at.theirs(), judgement.place?.folder ?? "", judgement.place?.name ?? "");
    };
    const wanted = answers.map((it) => ("path" in it ? it.path : null));
    expect(uploads.map((it) => [it.name, it.origin, placeOf(it)])).toEqual(
      uploads.map((it, index) => [it.name, it.origin, wanted[index] ?? null]),
    );
    const taken = wanted.filter((it) => it !== null);
    expect(taken.length).toBeGreaterThan(500);
    expect(wanted.length - taken.length).toBeGreaterThan(500);
  });
});
