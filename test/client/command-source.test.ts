// What another program writes, as a source: all of it, and only where the program ended well.

import { describe, expect, test } from "bun:test";
import { systemClock } from "../../src/base/clock.ts";
import { openCommand } from "../../src/client/command-source.ts";
import type { Source } from "../../src/client/source.ts";
import { failureOf } from "./client-world.ts";

const noPrograms = process.platform === "win32" ? "no programs to run" : null;

async function open(script: string, notes: string[] = []): Promise<Source> {
  const onNote = (text: string): void => void notes.push(text);
  return await openCommand(["sh", "-c", script], { clock: systemClock, onNote });
}

async function readAll(source: Source, pauseMs = () => 0): Promise<string> {
  const into = new Uint8Array(50_000);
  let text = "";
  for (;;) {
    const count = await source.read(text.length, into);
    if (count === 0) return text;
    text += Buffer.from(into.subarray(0, count)).toString("latin1");
    await Bun.sleep(pauseMs());
  }
}

describe.skipIf(noPrograms !== null)(`a program (${noPrograms ?? "sh"})`, () => {
  test("that ended with 0 is read whole, and each line of its standard error is told", async () => {
    const notes: string[] = [];
    const source = await open("echo one; echo first >&2; echo two; printf 'last\\nand least' >&2", notes);
    expect(await readAll(source)).toBe("one\ntwo\n");
    await source.verifyUnchanged(new Uint8Array(32));
    expect(notes).toEqual(["first", "last", "and least"]);
    expect([source.size, source.canSeek, source.modified]).toEqual([null, false, null]);
    await source.close();
  });

  test.each([
    ["echo half; exit 3", '"sh" ended with status 3'],
    ["echo half; echo no space >&2; echo >&2; exit 1", '"sh" ended with status 1: no space'],
    ["echo half; kill -TERM $$", '"sh" was ended by SIGTERM'],
  ])("that did not is no source: %s", async (script, text) => {
    const source = await open(script);
    expect(await readAll(source)).toBe("half\n");
    const error = await failureOf(source.verifyUnchanged(new Uint8Array(32)));
    expect([error.code, error.message]).toEqual(["source", text]);
  });

  test("that is not there says so", async () => {
    const parts = { clock: systemClock, onNote: () => {} };
    const error = await failureOf(openCommand(["no-such-program"], parts));
    expect([error.code, error.message]).toEqual([
      "source",
      'Cannot run "no-such-program": there is no such program',
    ]);
  });

  test("is ended when nobody needs it any more", async () => {
    const source = await open("echo $$; exec cat /dev/zero");
    const into = new Uint8Array(1000);
    await source.read(0, into);
    const pid = Number.parseInt(Buffer.from(into).toString("latin1"), 10);
    await source.close();
    while (isRunning(pid)) await Bun.sleep(1);
  });

  test("that keeps its standard error open for others is not waited for", async () => {
    const notes: string[] = [];
    const source = await open("echo done; (sleep 600 < /dev/null > /dev/null & echo $! >&2)", notes);
    expect(await readAll(source)).toBe("done\n");
    await source.verifyUnchanged(new Uint8Array(32));
    await source.close();
    process.kill(Number(notes[0]));
  });

  // Of one that is over before anybody reads, or while nobody does.
  test("loses nothing, however long it runs and however late it is read", async () => {
    let random = 1;
    const upTo = (max: number): number => {
      random = (random * 48_271) % 2_147_483_647;
      return random % max;
    };
    for (let round = 0; round < 60; round++) {
      const bytes = upTo(3) === 0 ? upTo(500_000) : upTo(70_000);
      const source = await open(`head -c ${bytes} /dev/zero`);
      await Bun.sleep(upTo(3) * 10);
      expect((await readAll(source, () => upTo(2) * 5)).length).toBe(bytes);
      await source.verifyUnchanged(new Uint8Array(32));
    }
  });
});

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
