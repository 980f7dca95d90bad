// libzmq inside the compiled programs: loaded from a copy of this user's own that was checked, wherever such a copy
// can be, and never from what somebody else left there. A client that finds no server (status 5) has loaded it.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { executables, executablesMissing, makeKeys } from "../support/executables.ts";
import { freePort } from "../support/ports.ts";
import { type ProgramEnd, runProgram } from "../support/programs.ts";
import { type TempFolder, tempFolder } from "../support/temp-folder.ts";

const reason = executablesMissing ?? (process.platform === "linux" ? null : "not on Linux");
const mountReason = reason ?? reasonAgainstMounts();

describe.skipIf(reason !== null)(`the library inside${because(reason)}`, () => {
  let folder: TempFolder;
  let dync: string;
  let home: string;
  let address: string;
  // One for each: two programs do not send the same file at once.
  let sources = 0;

  beforeAll(async () => {
    folder = await tempFolder();
    const programs = await executables();
    dync = programs.dync;
    home = (await makeKeys(programs, folder.path)).client;
    address = `127.0.0.1:${await freePort()}`;
  });
  afterAll(async () => await folder?.[Symbol.asyncDispose]());

  /** A folder for this test, and the environment of a user who lives in it. */
  function user(name: string) {
    const place = folder.file(name);
    const environment = { HOME: `${place}/home`, TMPDIR: `${place}/tmp`, BUN_TMPDIR: `${place}/tmp` };
    mkdirSync(environment.HOME, { recursive: true });
    mkdirSync(environment.TMPDIR);
    return { ...environment, XDG_CACHE_HOME: "", XDG_RUNTIME_DIR: "", DYNC_LIBZMQ: "", DYNC_HOME: home };
  }

  /** Tries to send; `before` are shell commands that run first, with mounts of their own. */
  async function tryToSend(env: Readonly<Record<string, string>>, before = ""): Promise<ProgramEnd> {
    const source = folder.file(`run-${++sources}.raw`);
    writeFileSync(source, "measured");
    const send = [dync, "-q", "--retry-for", "0s", "-k", "sample:S-17", address, source];
    const command =
      before === "" ? send : ["unshare", "--mount", "sh", "-c", `${before}; exec "$0" "$@"`, ...send];
    return await runProgram(command, { env });
  }

  function expectLoaded(end: ProgramEnd): void {
    expect(end).toMatchObject({ code: 5, stderr: expect.stringContaining("Nothing listens at") });
  }

  /** The one copy in `cache`, whose name and bytes belong together. */
  function copyIn(cache: string): string {
    const names = readdirSync(cache);
    expect(names).toHaveLength(1);
    const path = `${cache}/${names[0]}`;
    const hash = createHash("sha256").update(readFileSync(path)).digest("hex");
    expect(names[0]).toBe(`libzmq-${hash}.so`);
    return path;
  }

  test("is unpacked once, for this user alone, and nothing is left in the folder for temporary files", async () => {
    const env = user("first");
    expectLoaded(await tryToSend(env));
    const cache = `${env.HOME}/.cache/dync`;
    const copy = copyIn(cache);
    const { ino } = statSync(copy);
    expect(statSync(cache).mode & 0o777).toBe(0o700);
    expectLoaded(await tryToSend(env));
    expect(statSync(copy).ino).toBe(ino);
    expect(readdirSync(env.TMPDIR)).toEqual([]);
  });

  test("is not loaded from a copy of the same size with another byte, which is replaced", async () => {
    const env = user("changed");
    expectLoaded(await tryToSend(env));
    const copy = copyIn(`${env.HOME}/.cache/dync`);
    // What runs when a library is loaded would end the program with a fault.
    const bytes = readFileSync(copy);
    bytes.fill(0xff, 0x1000, bytes.length - 0x1000);
    writeFileSync(copy, bytes);
    expectLoaded(await tryToSend(env));
    copyIn(`${env.HOME}/.cache/dync`);
  });

  test("is unpacked by ten programs at once", async () => {
    const env = user("ten");
    const ends = await Promise.all(Array.from({ length: 10 }, () => tryToSend(env)));
    for (const end of ends) expectLoaded(end);
    copyIn(`${env.HOME}/.cache/dync`);
  });

  test("is unpacked elsewhere when others can write the usual folder", async () => {
    const env = user("open");
    mkdirSync(`${env.HOME}/.cache/dync`, { recursive: true });
    chmodSync(`${env.HOME}/.cache/dync`, 0o777);
    expectLoaded(await tryToSend(env));
    copyIn(`${env.TMPDIR}/dync-${process.getuid?.()}`);
    expect(readdirSync(`${env.HOME}/.cache/dync`)).toEqual([]);
  });

  describe.skipIf(mountReason !== null)(`on file systems with limits${because(mountReason)}`, () => {
    test("works when the folder for temporary files may hold no programs", async () => {
      const env = user("noexec-tmp");
      const noexec = `mount -t tmpfs -o noexec,size=8m tmpfs ${env.TMPDIR}`;
      expectLoaded(await tryToSend(env, noexec));
    });

    test("works when the folder for temporary files cannot be written", async () => {
      const env = user("read-only-tmp");
      expectLoaded(await tryToSend(env, `mount -t tmpfs -o ro tmpfs ${env.TMPDIR}`));
    });

    test("works when the home may hold no programs", async () => {
      const env = user("noexec-home");
      expectLoaded(await tryToSend(env, `mount -t tmpfs -o noexec,size=8m tmpfs ${env.HOME}`));
      copyIn(`${env.TMPDIR}/dync-${process.getuid?.()}`);
    });

    test("says so in one line when neither will do", async () => {
      const env = user("nowhere");
      const folders = [env.HOME, env.TMPDIR, "/dev/shm"];
      const mounts = folders.map((path) => `mount -t tmpfs -o ro tmpfs ${path}`).join("; ");
      const end = await tryToSend(env, mounts);
      expect(end.code).toBe(2);
      expect(end.stderr).toMatch(/^dync: error: Cannot unpack libzmq: .*\n.*XDG_CACHE_HOME.*\n$/);
    });

    test("is not loaded from a folder of another user's", async () => {
      const env = user("planted");
      mkdirSync(`${env.HOME}/.cache/dync`, { recursive: true });
      expectLoaded(await tryToSend(env, `chown 65534 ${env.HOME}/.cache/dync`));
      copyIn(`${env.TMPDIR}/dync-0`);
      expect(existsSync(`${env.HOME}/.cache/dync`)).toBe(true);
      expect(readdirSync(`${env.HOME}/.cache/dync`)).toEqual([]);
    });
  });
});

function because(missing: string | null): string {
  return missing === null ? "" : ` (skipped: ${missing})`;
}

function reasonAgainstMounts(): string | null {
  if (process.getuid?.() !== 0) return "needs root";
  if (Bun.which("unshare") === null) return "no unshare here";
  const trial = Bun.spawnSync(["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]);
  return trial.exitCode === 0 ? null : "mounting is not allowed here";
}
