// The copy of the library that compiled programs load. What they do with it is in test/e2e/embedded-library.test.ts.

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { DyncError } from "../../src/base/error.ts";
import { type EmbeddedLibrary, unpackLibrary } from "../../src/transport/zmq/unpack.ts";

const content = Buffer.from("the library");
const hash = createHash("sha256").update(content).digest("hex");
let folder: string;
let source: string;
let library: EmbeddedLibrary;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "dync-unpack-"));
  source = join(folder, "source.so");
  writeFileSync(source, content);
  library = { path: source, sha256: hash };
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(process.platform === "win32")("unpacking the library (skipped on Windows)", () => {
  const asIs = (path: string): string => path;
  // Nothing may be left in the folders of whoever runs the tests.
  const own = () => ({ HOME: folder, TMPDIR: folder, XDG_CACHE_HOME: folder });
  const never = (): never => {
    throw new Error("cannot be loaded");
  };
  const unpack = (): string => unpackLibrary(library, { XDG_CACHE_HOME: folder }, asIs);

  test("makes a private folder and a file named after its content", () => {
    const path = unpack();
    expect(path).toBe(join(folder, "dync", `libzmq-${hash}.so`));
    expect(readFileSync(path)).toEqual(content);
    expect(statSync(join(folder, "dync")).mode & 0o777).toBe(0o700);
    expect(statSync(path).mode & 0o777).toBe(0o700);
    expect(readdirSync(join(folder, "dync"))).toHaveLength(1);
  });

  test("uses what is there already", () => {
    const first = statSync(unpack()).ino;
    expect(statSync(unpack()).ino).toBe(first);
  });

  test("replaces a file with other bytes, and a link", () => {
    const path = unpack();
    writeFileSync(path, "planted!!!!");
    expect(readFileSync(unpack())).toEqual(content);
    rmSync(path);
    writeFileSync(join(folder, "elsewhere"), content);
    symlinkSync(join(folder, "elsewhere"), path);
    unpack();
    expect(statSync(path).ino).not.toBe(statSync(join(folder, "elsewhere")).ino);
  });

  test("passes a folder by that others can write", () => {
    mkdirSync(join(folder, "dync"));
    chmodSync(join(folder, "dync"), 0o777);
    const runtime = join(folder, "runtime");
    mkdirSync(runtime);
    const path = unpackLibrary(library, { XDG_CACHE_HOME: folder, XDG_RUNTIME_DIR: runtime }, asIs);
    expect(path.startsWith(runtime)).toBe(true);
  });

  test("takes another folder when the copy cannot be loaded from the first", () => {
    const runtime = join(folder, "runtime");
    mkdirSync(runtime);
    const path = unpackLibrary(library, { XDG_CACHE_HOME: folder, XDG_RUNTIME_DIR: runtime }, (candidate) => {
      if (!candidate.startsWith(runtime)) throw new Error("failed to map segment");
      return candidate;
    });
    expect(path.startsWith(runtime)).toBe(true);
  });

  test("passes a folder by that could be exchanged because one above it can be written", () => {
    const cache = join(folder, "cache");
    mkdirSync(cache);
    chmodSync(cache, 0o775);
    const runtime = join(folder, "runtime");
    mkdirSync(runtime);
    const path = unpackLibrary(library, { XDG_CACHE_HOME: cache, XDG_RUNTIME_DIR: runtime }, asIs);
    expect(path.startsWith(runtime)).toBe(true);
  });

  test("passes a link by that somebody put in place of the folder", () => {
    const elsewhere = join(folder, "elsewhere");
    mkdirSync(elsewhere, { mode: 0o700 });
    symlinkSync(elsewhere, join(folder, "dync"));
    const runtime = join(folder, "runtime");
    mkdirSync(runtime);
    const path = unpackLibrary(library, { XDG_CACHE_HOME: folder, XDG_RUNTIME_DIR: runtime }, asIs);
    expect(path.startsWith(runtime)).toBe(true);
    expect(readdirSync(elsewhere)).toEqual([]);
  });

  test("ignores a relative path in XDG_CACHE_HOME", () => {
    const runtime = join(folder, "runtime");
    mkdirSync(runtime);
    const inFolder = (path: string): string => {
      if (!path.startsWith(runtime)) throw new Error("not there");
      return path;
    };
    unpackLibrary(library, { ...own(), XDG_CACHE_HOME: "relative", XDG_RUNTIME_DIR: runtime }, inFolder);
    expect(existsSync("relative")).toBe(false);
  });

  test("does not read the embedded library when there is a good copy", () => {
    unpack();
    rmSync(source);
    expect(readFileSync(unpack())).toEqual(content);
  });

  test("does not load a library that is not what was built in", () => {
    writeFileSync(source, "not the library");
    expect(() => unpackLibrary(library, own(), never)).toThrow(/what was written there/);
  });

  test("says what is wrong when no folder will do", () => {
    writeFileSync(join(folder, "dync"), "a file");
    expect(() => unpackLibrary(library, own(), never)).toThrow(DyncError);
  });

  test("tries no other folder for a failure that every copy would meet", () => {
    const tried: string[] = [];
    const load = (path: string): never => {
      tried.push(path);
      throw new Error("libstdc++.so.6 is missing");
    };
    const isFinal = (error: unknown): boolean => String(error).includes("libstdc++");
    expect(() => unpackLibrary(library, own(), load, isFinal)).toThrow("is missing");
    expect(tried).toHaveLength(1);
  });

  test("ten processes at once all get the same whole file", async () => {
    const module = fileURLToPath(new URL("../../src/transport/zmq/unpack.ts", import.meta.url));
    const script = `import { type EmbeddedLibrary, unpackLibrary } from ${JSON.stringify(module)};
      process.stdout.write(unpackLibrary(${JSON.stringify(library)}, { XDG_CACHE_HOME: ${JSON.stringify(folder)} }, (path) => path));`;
    writeFileSync(join(folder, "run.ts"), script);
    const runs = Array.from({ length: 10 }, async () => {
      const child = Bun.spawn([process.execPath, join(folder, "run.ts")], { stdout: "pipe" });
      const path = await new Response(child.stdout).text();
      expect(await child.exited).toBe(0);
      return path;
    });
    const paths = new Set(await Promise.all(runs));
    expect(paths.size).toBe(1);
    expect(readFileSync([...paths][0] as string)).toEqual(content);
    expect(readdirSync(join(folder, "dync"))).toHaveLength(1);
  });
});
