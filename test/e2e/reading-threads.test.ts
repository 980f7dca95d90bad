// The compiled client reads large files on threads of their own, and small ones without: a file that a thread reads is open twice, which Linux
// tells of a program that runs.

import { describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, readlinkSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { executablesMissing } from "../support/executables.ts";
import { openLab } from "../support/lab.ts";
import { type Program, piped } from "../support/programs.ts";

const MiB = 1024 * 1024;
const isUnknown = executablesMissing ?? (process.platform === "linux" ? null : "only Linux tells");

function timesOpen({ pid }: Program, path: string): number {
  const folder = `/proc/${pid}/fd`;
  const linkOf = (id: string): string => {
    try {
      return readlinkSync(`${folder}/${id}`);
    } catch {
      // Closed meanwhile.
      return "";
    }
  };
  return readdirSync(folder).filter((id) => linkOf(id) === path).length;
}

describe.skipIf(isUnknown !== null)(`reading threads (${isUnknown ?? "compiled"})`, () => {
  test("read large files, also several at once and after a kill; a small one is read without", async () => {
    await using lab = await openLab({ inMemory: true });
    const large = await lab.file("large.raw", 48 * MiB);
    const more = await Promise.all(["b.raw", "c.raw", "d.raw"].map((name) => lab.file(name, 34 * MiB)));
    const small = await lab.file("small.raw", 4 * MiB);
    for (const [path, times] of [
      [large, 2],
      [small, 1],
    ] as const) {
      await using sending = lab.startSend(["--json", "--limit", "1MB/s", path]);
      await sending.line(/"sent":[1-9]/);
      expect(timesOpen(sending, path)).toBe(times);
      sending.signal("SIGKILL");
      await sending.ended();
    }
    expect(await lab.send(["--jobs", "4", large, small, ...more])).toMatchObject({ code: 0 });
    for (const path of [large, small, ...more]) await lab.expectStored(path);
  });

  test("hash large folders and long streams, which the main thread reads", async () => {
    await using lab = await openLab({ inMemory: true });
    const names = ["run/a.raw", "run/b.raw"];
    mkdirSync(lab.folder.file("files", "run"), { recursive: true });
    for (const name of names) await lab.file(name, 20 * MiB + 1);
    expect(await lab.send(["--dataset", lab.folder.file("files", "run")])).toMatchObject({ code: 0 });
    for (const name of names)
      expect(
        readFileSync(join(lab.data, "alice", name)).equals(readFileSync(lab.folder.file("files", name))),
      ).toBe(true);
    const [stream] = names.map((name) => lab.folder.file("files", name));
    const stdin = piped(stream as string);
    expect(await lab.send(["-n", "stream.raw", "-"], { stdin })).toMatchObject({ code: 0 });
    await lab.expectStored(stream as string, "stream.raw");
  });

  test("tell of a file that is cut short under way", async () => {
    await using lab = await openLab({ inMemory: true });
    const path = await lab.file("cut.raw", 48 * MiB);
    await using sending = lab.startSend(["--json", "--limit", "1MB/s", path]);
    await sending.line(/"sent":[1-9]/);
    expect(timesOpen(sending, path)).toBe(2);
    truncateSync(path, 40 * MiB);
    // As fast as it can to where the file ends now.
    expect(await lab.dync(["limit", "unlimited"])).toMatchObject({ code: 0 });
    const { code, stdout } = await sending.ended();
    expect({ code, stdout }).toEqual({
      code: 4,
      stdout: expect.stringContaining("The file ended at 41943040 bytes"),
    });
    expect(lab.published()).toEqual([]);
  });
});
