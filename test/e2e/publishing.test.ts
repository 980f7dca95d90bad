// Folders that cannot be published to, and writes that always fail: refused before the first byte where that can be found
// out, otherwise final, with what arrived kept, and never sent again and again. With the compiled programs.

import { describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { expectAftermath, expectNothingLeft } from "../support/aftermath.ts";
import { executablesMissing } from "../support/executables.ts";
import { startFaultyProxy } from "../support/faulty-proxy.ts";
import { type Lab, openLab } from "../support/lab.ts";
import { mountSmallDisk, smallDiskMissing } from "../support/small-disk.ts";

const MiB = 1024 * 1024;
const nobody = 65534;
const asNobody = ["setpriv", "--reuid", `${nobody}`, "--regid", `${nobody}`, "--clear-groups"];
const isPosix = process.platform !== "win32";
const nobodyMissing =
  process.getuid?.() === 0 && Bun.which("setpriv") !== null
    ? null
    : "only root can start a server as another user";

/** What the client says, and what the log has, when the server cannot store the file. */
async function expectRefused(lab: Lab, reason: string): Promise<void> {
  const path = await lab.file("refused.raw", 20 * MiB);
  await using proxy = await startFaultyProxy({ targetPort: lab.port });
  const end = await lab.dync(["-q", "-k", "sample:S-17", `127.0.0.1:${proxy.port}`, path]);
  expect(end.stderr).toBe(
    `dync: error: The file could not be stored on the server: ${reason}; its administrator has to mend that\n`,
  );
  expect(end.code).toBe(1);
  expect(proxy.counters.bytes.up).toBeLessThan(MiB);
  expect((await lab.server.line(/"Upload refused"/)).input).toMatch(/"cause":"[^"]*alice.*"hint":"/);
  await expectNothingLeft(lab);
}

describe.skipIf(executablesMissing !== null || !isPosix)(
  "a user's folder that cannot be published to",
  () => {
    test("since it is a link that leads nowhere", async () => {
      await using lab = await openLab();
      symlinkSync(lab.folder.file("nowhere"), lab.stored(""));
      await expectRefused(lab, "a folder is gone, or a link leads nowhere (ENOENT)");
    });

    test("since a file is in its place", async () => {
      await using lab = await openLab();
      writeFileSync(lab.stored(""), "no folder");
      const path = await lab.file("refused.raw", "data");
      const end = await lab.send(["-q", path]);
      expect(end.code).toBe(1);
      expect(end.stderr).toContain(
        "a file is in the place of a folder (ENOTDIR); its administrator has to mend that",
      );
    });

    test("since it is a link in a circle", async () => {
      await using lab = await openLab();
      symlinkSync("alice", lab.stored(""));
      const end = await lab.send(["-q", await lab.file("refused.raw", "data")]);
      expect([end.code, end.stderr]).toEqual([1, expect.stringContaining("links lead in a circle (ELOOP)")]);
    });

    test.skipIf(smallDiskMissing !== null)(
      `since it is on another file system (${smallDiskMissing ?? "tmpfs"})`,
      async () => {
        await using disk = mountSmallDisk(4 * MiB);
        await using lab = await openLab({ inMemory: true });
        symlinkSync(disk.path, lab.stored(""));
        await expectRefused(lab, "the user's folder is on another file system than the data folder (EXDEV)");
        rmSync(lab.stored(""));
        await lab.expectAlive();
      },
    );

    test.skipIf(nobodyMissing !== null)(
      `since it is root's, or read-only (${nobodyMissing ?? "as nobody"})`,
      async () => {
        await using lab = await labOfNobody();
        mkdirSync(lab.stored(""));
        await expectRefused(lab, "access is denied (EACCES)");
        chownSync(lab.stored(""), nobody, nobody);
        chmodSync(lab.stored(""), 0o500);
        const again = await lab.send(["-q", await lab.file("again.raw", "data")]);
        expect([again.code, again.stderr]).toEqual([1, expect.stringContaining("access is denied (EACCES)")]);
        chmodSync(lab.stored(""), 0o700);
        await lab.expectAlive();
      },
    );

    test.skipIf(nobodyMissing !== null)(
      `only when all is there keeps what arrived: mended, the same upload is stored without being sent again (${nobodyMissing ?? "as nobody"})`,
      async () => {
        await using lab = await labOfNobody();
        await using proxy = await startFaultyProxy({ targetPort: lab.port });
        const path = await lab.file("late.raw", 30 * MiB);
        proxy.faults = { up: { stallAfter: 4 * MiB } };
        const to = ["-q", "-k", "sample:S-17", `127.0.0.1:${proxy.port}`, path];
        await using sending = lab.startDync(to);
        await lab.server.line(/"Upload started"/);
        chmodSync(lab.stored(""), 0o500);
        proxy.faults = {};
        const end = await sending.ended();
        expect(end.stderr).toContain(
          "The file could not be published on the server: access is denied (EACCES)",
        );
        expect(end.stderr).toContain("goes on with it");
        expect(end.code).toBe(1);
        const sent = proxy.counters.bytes.up;
        expect(sent).toBeLessThan(32 * MiB);
        expect(await lab.dync(["resume", "-q"])).toMatchObject({
          code: 1,
          stderr: expect.stringContaining("(EACCES)"),
        });
        chmodSync(lab.stored(""), 0o700);
        expect(await lab.dync(["resume", "-q"])).toMatchObject({ code: 0, stderr: "" });
        expect(proxy.counters.bytes.up - sent).toBeLessThan(MiB);
        await expectAftermath(lab, new Map([["late.raw", path]]));
      },
    );
  },
);

describe.skipIf(executablesMissing !== null || !isPosix)("a write that always fails", () => {
  test("since files may not get that large ends the upload at once, says so, and keeps what arrived", async () => {
    await using lab = await openLab({
      start: { under: ["bash", "-c", 'ulimit -S -f 20000; exec "$@"', "server"] },
    });
    await using proxy = await startFaultyProxy({ targetPort: lab.port });
    const path = await lab.file("large.raw", 60 * MiB);
    const end = await lab.dync(["-q", "-k", "sample:S-17", `127.0.0.1:${proxy.port}`, path]);
    expect(end.stderr).toContain("a limit of its process, takes no file that large (EFBIG)");
    expect(end.code).toBe(5);
    expect(proxy.counters.bytes.up).toBeLessThan(60 * MiB);
    execFileSync("prlimit", ["--pid", String(lab.server.pid), "--fsize=unlimited"]);
    expect(await lab.dync(["resume", "-q"])).toMatchObject({ code: 0, stderr: "" });
    expect(proxy.counters.bytes.up).toBeLessThan(80 * MiB);
    await expectAftermath(lab, new Map([["large.raw", path]]));
  });
});

/** A lab whose server has no rights beyond its own folders. */
async function labOfNobody(): Promise<Lab> {
  const lab = await openLab();
  await lab.server.kill();
  chmodSync(lab.folder.path, 0o755);
  execFileSync("chown", ["-R", `${nobody}:${nobody}`, lab.homes.server, lab.data]);
  chmodSync(lab.data, 0o755);
  await lab.start([], { under: asNobody, env: { HOME: lab.homes.server } });
  return lab;
}
