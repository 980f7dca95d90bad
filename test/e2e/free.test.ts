// `dync free` with the compiled programs: nothing is deleted that was not proved in this very run, whatever the server, the disks and
// others do meanwhile.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import {
  appendFile,
  chmod,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "../../src/base/clock.ts";
import { nearBytes } from "../../src/base/memory/far-bytes.ts";
import { loadKeyPair } from "../../src/keys/key-files.ts";
import { frameBytesMax, limits } from "../../src/protocol/limits.ts";
import { decodeClientMessage } from "../../src/protocol/wire/decode.ts";
import { encodeServerMessage } from "../../src/protocol/wire/encode.ts";
import type { PostFile, ServerMessage } from "../../src/protocol/wire/message.ts";
import { openZmqTransport } from "../../src/transport/zmq/zmq-transport.ts";
import { executablesMissing } from "../support/executables.ts";
import { type Lab, openLab } from "../support/lab.ts";
import type { ProgramEnd } from "../support/programs.ts";

describe.skipIf(executablesMissing !== null)(`dync free (${executablesMissing ?? "compiled"})`, () => {
  let lab: Lab;
  let day: string;
  let number = 0;
  beforeAll(async () => {
    lab = await openLab({ inMemory: true });
  });
  afterAll(async () => await lab[Symbol.asyncDispose]());
  beforeEach(async () => {
    day = join(lab.folder.file("files"), `day${++number}`);
    await mkdir(day);
  });

  const to = () => `127.0.0.1:${lab.port}`;
  const free = (...args: readonly string[]) => lab.dync(["free", ...args, to(), day]);
  const name = (it: string) => `${number}-${it}`;
  const here = (it: string) => join(day, name(it));

  async function sendFiles(files: Readonly<Record<string, string>>): Promise<void> {
    for (const [it, content] of Object.entries(files)) {
      await writeFile(here(it), content);
      expect((await lab.send(["-q", here(it)])).code).toBe(0);
    }
  }

  async function sendRun(): Promise<string> {
    const run = here("run");
    await mkdir(join(run, "sub", "deep"), { recursive: true });
    await mkdir(join(run, "empty"));
    await writeFile(join(run, "a.raw"), "a");
    await writeFile(join(run, "sub", "deep", "b.raw"), "bb");
    expect((await lab.send(["-q", "--dataset", run])).code).toBe(0);
    return run;
  }

  const records = ({ stdout }: ProgramEnd) =>
    stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);

  test("shows what may be deleted, and deletes nothing", async () => {
    await sendFiles({ "a.raw": "aaaa", "b.raw": "bb" });
    await writeFile(join(day, "never-sent.raw"), "n");
    const { code, stdout, stderr } = await free();
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: `free     ${here("a.raw")}  4 B\nfree     ${here("b.raw")}  2 B\n`,
    });
    expect(stderr).toContain("2 may be deleted, 6 bytes\n");
    expect(stderr).toContain("Nothing was deleted");
    expect((await readdir(day)).length).toBe(3);
  });

  test("deletes what is proved, when it is told to, and what was never sent stays", async () => {
    await sendFiles({ "a.raw": "aaaa", "b.raw": "bb" });
    await writeFile(join(day, "never-sent.raw"), "n");
    const { code, stderr } = await free("--delete");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "2 deleted, 6 bytes free now\n" });
    expect(await readdir(day)).toEqual(["never-sent.raw"]);
    expect(await readFile(lab.stored(name("a.raw")), "utf8")).toBe("aaaa");
    const again = await free("--delete");
    expect(again.code).toBe(0);
    expect(again.stderr).toStartWith("Nothing that was sent from here to this server");
  });

  test("keeps what is damaged or lost on the server's disk, and says so to programs", async () => {
    await sendFiles({ "a.raw": "aaaa", "damaged.raw": "bbbb", "lost.raw": "cccc" });
    const stored = lab.stored(name("damaged.raw"));
    await chmod(stored, 0o600);
    await writeFile(stored, "bbxb");
    await rm(lab.stored(name("lost.raw")));
    const end = await free("--delete", "--json");
    expect(end.code).toBe(3);
    const all = records(end);
    expect(all.filter(({ type }) => type === "sent")).toMatchObject([
      { path: here("a.raw"), outcome: "deleted", files: 1, bytes: 4 },
      { path: here("damaged.raw"), outcome: "kept", reason: "damaged" },
      { path: here("lost.raw"), outcome: "kept", reason: "not-stored" },
    ]);
    expect(all.at(-1)).toMatchObject({
      type: "summary",
      ok: false,
      exit: 3,
      deleted: 1,
      deletedBytes: 4,
      kept: 2,
      keptBytes: 8,
    });
    expect((await readdir(day)).sort()).toEqual([name("damaged.raw"), name("lost.raw")]);
  });

  test("keeps what is not what was sent any more: other content of the same size and time, another file, a link", async () => {
    await sendFiles({
      "touched.raw": "aaaa",
      "same-time.raw": "bbbb",
      "moved.raw": "cccc",
      "link.raw": "dddd",
    });
    await appendFile(here("touched.raw"), "more");
    const time = new Date(1_700_000_000_000);
    await utimes(here("same-time.raw"), time, time);
    expect((await lab.send(["-q", here("same-time.raw")])).code).toBe(0);
    await writeFile(here("same-time.raw"), "bbxb");
    await utimes(here("same-time.raw"), time, time);
    await writeFile(here("other"), "cccc");
    await rename(here("other"), here("moved.raw"));
    await rename(here("link.raw"), here("elsewhere"));
    await symlink(here("elsewhere"), here("link.raw"));
    const end = await free("--delete", "--json");
    expect(end.code).toBe(3);
    const reasons = records(end).flatMap(({ path, reason }) => (reason ? [[path, reason]] : []));
    expect(Object.fromEntries(reasons)).toEqual({
      [here("touched.raw")]: "changed",
      [here("same-time.raw")]: "changed",
      [here("moved.raw")]: "changed",
      [here("link.raw")]: "link",
    });
    expect((await readdir(day)).length).toBe(5);
  });

  test("does not follow a link to another folder on the way", async () => {
    await mkdir(join(day, "in"));
    const inner = join(day, "in", name("x.raw"));
    await writeFile(inner, "x");
    expect((await lab.send(["-q", inner])).code).toBe(0);
    await rename(join(day, "in"), `${day}-out`);
    await symlink(`${day}-out`, join(day, "in"));
    const { code, stdout } = await free("--delete");
    expect(code).toBe(3);
    expect(stdout).toContain("is a link, which is not followed");
    expect(existsSync(inner)).toBe(true);
  });

  describe("a dataset", () => {
    test("is proved as a whole, and goes with its folders", async () => {
      const run = await sendRun();
      expect(await free()).toMatchObject({ code: 0, stdout: `free     ${run}  3 B\n` });
      expect(await free("--delete")).toMatchObject({ code: 0, stderr: "1 deleted, 3 bytes free now\n" });
      expect(existsSync(run)).toBe(false);
      expect(await readFile(join(lab.stored(name("run")), "sub", "deep", "b.raw"), "utf8")).toBe("bb");
    });

    test("of which one file is damaged on the server, or was changed here, stays as a whole", async () => {
      const run = await sendRun();
      const stored = join(lab.stored(name("run")), "sub", "deep", "b.raw");
      await chmod(stored, 0o600);
      await writeFile(stored, "xx");
      expect((await free("--delete")).stdout).toContain("its content is another one");
      await writeFile(stored, "bb");
      await writeFile(join(run, "a.raw"), "A");
      const { code, stdout } = await free("--delete");
      expect({ code, stdout }).toEqual({
        code: 3,
        stdout: `kept     ${run}: Something in it is not what was sent, or is gone\n`,
      });
      expect((await readdir(run, { recursive: true })).length).toBe(5);
    });

    test("into which something came since loses what was sent; that stays, in its folders, and is named", async () => {
      const run = await sendRun();
      await mkdir(join(run, "new"));
      for (const path of ["new/late.raw", "sub/late.raw"]) await writeFile(join(run, path), "late");
      const { code, stdout, stderr } = await free("--delete");
      expect({ code, stdout }).toEqual({ code: 0, stdout: `deleted  ${run}  3 B\n` });
      expect(stderr).toContain(`"${run}" stays: what was not sent is in it`);
      const left = ["new", "new/late.raw", "sub", "sub/late.raw"];
      expect((await readdir(run, { recursive: true })).sort()).toEqual(left);
      // What is left is another folder than was sent.
      expect((await free("--delete")).code).toBe(3);
    });

    test("with what systems leave behind in it loses what was sent, and that stays and is named", async () => {
      const run = await sendRun();
      await writeFile(join(run, "sub", ".DS_Store"), "junk");
      const { code, stderr } = await free("--delete");
      expect(code).toBe(0);
      expect(stderr).toContain(join(run, "sub", ".DS_Store"));
      expect((await readdir(run, { recursive: true })).sort()).toEqual(["sub", "sub/.DS_Store"]);
    });
  });

  test("sees a dataset on the server that has something more in it as proved", async () => {
    const run = await sendRun();
    await writeFile(join(lab.stored(name("run")), "index.html"), "a pipeline's");
    expect((await free()).stdout).toBe(`free     ${run}  3 B\n`);
  });

  test("looks at what was sent to this server alone, and wants one folder", async () => {
    await sendFiles({ "a.raw": "aaaa" });
    const elsewhere = await lab.dync(["free", `localhost:${lab.port}`, day]);
    expect(elsewhere.stderr).toStartWith("Nothing that was sent from here to this server");
    expect(await lab.dync(["free", to()])).toMatchObject({ code: 2 });
    expect(await lab.dync(["free", to(), day, day])).toMatchObject({ code: 2 });
    expect(await lab.dync(["free", to(), join(day, "none")])).toMatchObject({ code: 4 });
  });

  test("an upload that an older dync sent, of which no time and id are known, is kept", async () => {
    await sendFiles({ "a.raw": "aaaa" });
    const history = join(lab.homes.client, "history.jsonl");
    const text = await readFile(history, "utf8");
    await writeFile(history, text.replace(/,"mark":\{[^\n]*\}\}\n$/, "}\n"));
    const end = await free("--delete", "--json");
    expect(records(end)[0]).toMatchObject({ outcome: "kept", reason: "no-record" });
    expect(existsSync(here("a.raw"))).toBe(true);
  });

  describe("another server in the place of ours", () => {
    /** Has a server of the test's own answer, on the same port and with the same key, while `act` runs. */
    async function pretend(
      answer: (post: PostFile) => ServerMessage | Promise<ServerMessage>,
      act: () => Promise<void>,
    ): Promise<void> {
      await lab.server.stop();
      const transport = await openZmqTransport({ clock: systemClock });
      const keys = await loadKeyPair(lab.homes.server, "server");
      const frames = frameBytesMax(limits.chunkBytesMax);
      const link = transport.listen(
        { address: "127.0.0.1", port: lab.port, keys, frameBytesMax: frames, authorize: (key) => key.text },
        {
          onMessage: (received) => {
            const { peer } = received;
            const decoded = decodeClientMessage(
              received.frames.map((frame) => Uint8Array.from(nearBytes(frame))),
            );
            received.release();
            if (!decoded.ok || decoded.message.type !== "post-file") return;
            void Promise.resolve(answer(decoded.message)).then((said) =>
              link.send(peer, encodeServerMessage(said)),
            );
          },
          onFailure: () => {},
        },
      );
      try {
        await act();
      } finally {
        link.close(100);
        await transport.close();
        await lab.start();
      }
    }

    const error = ({ info: { tag } }: PostFile, code: number, info: object): ServerMessage => ({
      type: "error",
      code,
      text: "It is here",
      info: { ask: true, ...(tag === undefined ? {} : { tag }), ...info },
    });
    const proving = (post: PostFile): ServerMessage => {
      const { readAgain: id, sha256 = "" } = post.info;
      if (id === undefined) return error(post, 404, { readsAgain: true });
      return error(post, 409, { readsAgain: true, readAgain: id, upload: id, sha256 });
    };

    test.each<[string, (post: PostFile) => ServerMessage, number]>([
      [
        "says another checksum",
        (post) => proving({ ...post, info: { ...post.info, sha256: "0".repeat(64) } }),
        3,
      ],
      [
        "says what it knows, and has not read",
        (post) =>
          error(post, 409, { readsAgain: true, upload: post.info.readAgain, sha256: post.info.sha256 }),
        3,
      ],
      [
        "is an older one, and says that it has the file",
        (post) => error(post, 409, { sha256: post.info.sha256, size: 4 }),
        9,
      ],
      [
        "is the original one, and takes a question for an upload",
        () => ({ type: "upload-approved", credit: 1, chunkBytes: 1024, maxQueue: 4, info: {} }),
        9,
      ],
    ])("that %s proves nothing, and nothing is deleted", async (_, answer, code) => {
      await sendFiles({ "a.raw": "aaaa" });
      await pretend(answer, async () => {
        const end = await free("--delete");
        expect(end.code).toBe(code);
        if (code === 9) expect(end.stderr).toContain("cannot prove what it has");
        expect(await readFile(here("a.raw"), "utf8")).toBe("aaaa");
      });
    });

    test("that is not there ends it with status 5", async () => {
      await sendFiles({ "a.raw": "aaaa" });
      await lab.server.stop();
      try {
        expect(await free("--delete")).toMatchObject({ code: 5 });
        expect(existsSync(here("a.raw"))).toBe(true);
      } finally {
        await lab.start();
      }
    });

    test("that proves what is changed here in that moment: it stays", async () => {
      await sendFiles({ "a.raw": "aaaa", "b.raw": "bbbb" });
      const changing = async (post: PostFile): Promise<ServerMessage> => {
        if (post.info.readAgain !== undefined && post.name === name("a.raw"))
          await appendFile(here("a.raw"), "!");
        return proving(post);
      };
      await pretend(changing, async () => {
        const { code, stdout } = await free("--delete");
        expect(code).toBe(3);
        expect(stdout).toContain(
          `kept     ${here("a.raw")}: "${here("a.raw")}" was changed after it was proved`,
        );
      });
      expect(await readdir(day)).toEqual([name("a.raw")]);
    });

    test("of a dataset in which a file comes, or is changed, in that moment: it stays", async () => {
      const run = await sendRun();
      const coming = async (post: PostFile): Promise<ServerMessage> => {
        const { readAgain: id, files = "" } = post.info;
        if (id === undefined) return error(post, 404, { readsAgain: true });
        await writeFile(join(run, "sub", "late.raw"), "late");
        return error(post, 409, { readsAgain: true, readAgain: id, upload: id, files });
      };
      await pretend(coming, async () => {
        const { code, stderr } = await free("--delete");
        expect(code).toBe(0);
        expect(stderr).toContain(join(run, "sub", "late.raw"));
      });
      expect((await readdir(run, { recursive: true })).sort()).toEqual(["sub", "sub/late.raw"]);
    });
  });
});
