// What a steward grants some users, on the compiled programs: lab staff reads the limit and what was found before a byte is
// sent, and a running server takes other limits.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { executablesMissing } from "../support/executables.ts";
import { type Lab, openLab } from "../support/lab.ts";
import { jsonLines, runProgram } from "../support/programs.ts";

describe.skipIf(executablesMissing !== null)(`limits (${executablesMissing ?? "compiled"})`, () => {
  let lab: Lab;
  /** Replaces the limits of the server that runs. */
  const limits = async (...entries: readonly string[]): Promise<void> => {
    const text = entries.map((it, at) => `[[limits]]\nname = "limit ${at + 1}"\n${it}\n`).join("\n");
    expect(await lab.configure(text)).toMatchObject({ code: 0, stderr: "" });
  };
  const server = async (...args: readonly string[]) => await lab.dyncServer(args);

  /** Resolves when some bytes of an upload of this name have come, and it is not over. */
  async function someBytesOf(name: string): Promise<void> {
    const line = await lab.server.line(
      new RegExp(`"Upload started","upload":"(\\w+)".*"${name.replace(".", "\\.")}"`),
    );
    const file = join(lab.data, ".dync", "partial", line[1] as string);
    while (statSync(file).size === 0) await new Promise<void>((resolve) => setImmediate(resolve));
  }

  beforeAll(async () => {
    lab = await openLab({ inMemory: true });
  });
  afterAll(async () => await lab[Symbol.asyncDispose]());

  test("a file that is too large is refused before a byte, with the limit and whom to ask", async () => {
    await limits(
      'users = ["ali*"]\nupload-size = "1MiB"\ncontact = "data@example.org"',
      'upload-size = "1GiB"',
    );
    // More than a server would take without an answer.
    const path = await lab.file("large.raw", 40 * 1024 * 1024);
    const { code, stderr } = await lab.send([path]);
    expect(code).toBe(7);
    expect(stderr).toContain(
      "This upload has 40 MiB, and one of yours may have 1.0 MiB at most; ask data@example.org if you need more",
    );
    lab.expectNothingStored("large.raw");
    const line = await lab.server.line(/"Upload refused".*/);
    expect(line[0]).toContain('"code":413');
  });

  test("a stream is ended where it passes the limit, and nothing of it stays", async () => {
    const path = await lab.file("stream.raw", 3 * 1024 * 1024);
    // Of a file on standard input the size is known.
    const pipe = 'cat "$1" | "$2" -q -n stream.raw -k sample:S-17 "$3"';
    const { code, stderr } = await runProgram(
      ["sh", "-c", pipe, "sh", path, lab.programs.dync, `127.0.0.1:${lab.port}`],
      { env: { DYNC_HOME: lab.homes.client } },
    );
    expect(code).toBe(7);
    expect(stderr).toContain("This upload has more than the 1.0 MiB that one of yours may have; ask data@");
    lab.expectNothingStored("stream.raw");
    await lab.server.line(/"Upload failed".*"code":413/);
    await lab.expectAlive();
  });

  test("others have what the next entry says", async () => {
    const env = { DYNC_HOME: await lab.user("berta") };
    const path = await lab.file("large-too.raw", 2 * 1024 * 1024);
    expect(await lab.send(["-q", path], { env })).toMatchObject({ code: 0, stderr: "" });
    await lab.expectStored(path, "large-too.raw", "berta");
  });

  test("a name that is not allowed is refused, and `rules test` says the same", async () => {
    await limits('files = ["*.raw", "*.d"]');
    const path = await lab.file("notes.txt", 10);
    const text = '"notes.txt" is no name that your uploads may have (*.raw, *.d); ask the administrator';
    const refused = await lab.send([path]);
    expect(refused.code).toBe(7);
    expect(refused.stderr).toContain(text);
    const tried = await server("rules", "test", "--user", "alice", "-n", "notes.txt", "-k", "a:1");
    expect(tried).toMatchObject({ code: 7, stdout: "" });
    expect(tried.stderr).toContain(text);
  });

  test("one upload too many waits, and goes on when the limit is raised", async () => {
    await limits("uploads = 1");
    await using first = lab.startSend(["-q", "-n", "first.raw"], { stdin: "pipe" });
    await lab.server.line(/"Upload started".*"first\.raw"/);
    const path = await lab.file("second.raw", 10);
    await using second = lab.startSend(["-q", path]);
    const line = await lab.server.line(/"Upload refused".*"second\.raw".*/);
    expect(line[0]).toContain("You have 1 open upload, the most that one user may have");
    await limits("uploads = 2");
    expect(await second.ended()).toMatchObject({ code: 0 });
    const input = first.child.stdin as unknown as Bun.FileSink;
    input.write("all of it");
    await input.end();
    expect(await first.ended()).toMatchObject({ code: 0, stderr: "" });
  });

  test("`config show` names them, `rules test` looks at a size, and a mistake changes nothing", async () => {
    await limits('upload-size = "1MiB"');
    expect((await server("config", "show")).stdout).toMatch(/^limits +limit 1 +line 1$/m);
    const test = ["rules", "test", "--user", "alice", "-n", "x.raw", "-k", "a:1"];
    expect(await server(...test, "--size", "1MiB")).toMatchObject({ code: 0 });
    const large = await server(...test, "--size", "1.5MiB");
    expect(large.code).toBe(7);
    expect(large.stderr).toContain("This upload has 1.5 MiB, and one of yours may have 1.0 MiB at most");
    expect((await server(...test, "--size", "much")).stderr).toContain('Option "--size" needs a size');
    writeFileSync(join(lab.homes.server, "server.toml"), '[[limits]]\nname = "x"\nupload-size = "much"');
    const refused = await server("reload");
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/server\.toml:3: limits\[1\]\.upload-size: needs a size, found "much"/);
    expect((await server(...test)).code).toBe(2);
    expect((await lab.send([await lab.file("big.raw", 2 * 1024 * 1024)])).code).toBe(7);
  });

  describe("a quota", () => {
    test("is passed by no two uploads at once: one is stored, the other is told, and comes when there is room", async () => {
      const env = { DYNC_HOME: await lab.user("quentin") };
      await limits('users = ["quentin"]\nquota = "5MiB"\ncontact = "data@example.org"');
      const paths = [await lab.file("one.raw", 3 * 1024 * 1024), await lab.file("two.raw", 3 * 1024 * 1024)];
      const ends = await Promise.all(paths.map((path) => lab.send(["-q", path], { env })));
      expect(ends.map(({ code }) => code).toSorted()).toEqual([0, 5]);
      const refused = ends.findIndex(({ code }) => code === 5);
      expect(ends[refused]?.stderr).toMatch(
        /Your quota is 5\.0 MiB, of which 3\.0 MiB are used.*; this upload of 3\.0 MiB does not fit; ask data@example\.org/,
      );
      await limits('users = ["quentin"]\nquota = "6MiB"');
      const path = paths[refused] as string;
      expect(await lab.send(["-q", path], { env })).toMatchObject({ code: 0, stderr: "" });
      await lab.expectStored(path, undefined, "quentin");
      const more = await lab.file("three.raw", 10);
      expect((await lab.send(["-q", more], { env })).stderr).toContain("does not fit; ask the administrator");
    });

    test("ends a stream that passes it, and nothing of that stays", async () => {
      const env = { DYNC_HOME: await lab.user("stefan") };
      await limits('users = ["stefan"]\nquota = "1MiB"');
      const path = await lab.file("streamed.raw", 2 * 1024 * 1024);
      const pipe = 'cat "$1" | "$2" -q -n streamed.raw -k sample:S-17 "$3"';
      const args = ["sh", "-c", pipe, "sh", path, lab.programs.dync, `127.0.0.1:${lab.port}`];
      const { code, stderr } = await runProgram(args, { env });
      expect(code).toBe(7);
      expect(stderr).toMatch(
        /Your quota is 1\.0 MiB, of which .* have come, does not fit; ask the administrator/,
      );
      const small = await lab.file("small.raw", 1024 * 1024);
      expect(await lab.send(["-q", small], { env })).toMatchObject({ code: 0, stderr: "" });
    });
  });

  describe("what users have", () => {
    test("is listed with their quota, and shown of one, for people and for programs", async () => {
      const env = { DYNC_HOME: await lab.user("ute") };
      await lab.user("vera");
      await limits(
        'users = ["ute"]\nquota = "10MiB"\nupload-size = "4MiB"\nfiles = ["*.raw"]\ncontact = "data@example.org"\npriority = "high"',
        'users = ["ute", "vera"]\ngroup-quota = "100MiB"',
      );
      const path = await lab.file("of-ute.raw", 3 * 1024 * 1024);
      expect(await lab.send(["-q", path], { env })).toMatchObject({ code: 0, stderr: "" });
      const list = await server("users", "list");
      expect(list).toMatchObject({ code: 0, stderr: "" });
      expect(list.stdout).toMatch(/^USER +KEYS +UPLOADS +STORED +UNFINISHED +QUOTA +LAST STORED\n/);
      expect(list.stdout).toMatch(/^ute +1 +1 +3\.0 MiB +30% of 10 MiB +\d{4}-\d\d-\d\d$/m);
      expect(list.stdout).toMatch(/^vera +1 +0 +0 B +3% of 100 MiB \(group\)$/m);
      for (const line of list.stdout.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
      const all = jsonLines((await server("users", "list", "--json")).stdout);
      expect(all.find(({ user }) => user === "ute")).toMatchObject({
        ...{ type: "user", keys: 1, files: 1, stored: 3 * 1024 * 1024, unfinished: 0, underWay: 0 },
        quota: 10 * 1024 * 1024,
        groupQuota: { name: "limit 2", bytes: 100 * 1024 * 1024, used: 3 * 1024 * 1024 },
      });
      expect(all.at(-1)).toMatchObject({ type: "summary", ok: true, listed: all.length - 1 });
      const shown = (await server("users", "show", "ute")).stdout;
      expect(shown).toMatch(/^Keys: +SHA256:\S+ \(ute\.key\)$/m);
      expect(shown).toMatch(/^Quota: +10 MiB, of which 30% is used$/m);
      expect(shown).toMatch(/^Group quota: +100 MiB of "limit 2", of which 3% is used$/m);
      expect(shown).toMatch(/^One upload: +at most 4\.0 MiB$/m);
      expect(shown).toMatch(/^Priority: +high at most$/m);
      expect(shown).toMatch(/^Contact: +data@example\.org$/m);
      const nobody = await server("users", "show", "nobody");
      expect(nobody.code).toBe(2);
      expect(nobody.stderr).toContain('There is no user "nobody"');
    });

    test("is counted anew when somebody asks: what was taken away makes room", async () => {
      const env = { DYNC_HOME: await lab.user("willi") };
      await limits('users = ["willi"]\nquota = "5MiB"');
      const path = await lab.file("first-of-willi.raw", 3 * 1024 * 1024);
      expect(await lab.send(["-q", path], { env })).toMatchObject({ code: 0, stderr: "" });
      const next = await lab.file("next-of-willi.raw", 3 * 1024 * 1024);
      expect((await lab.send([next], { env })).code).toBe(5);
      rmSync(lab.stored("first-of-willi.raw", "willi"));
      const counted = await server("users", "recount", "willi");
      expect(counted).toMatchObject({ code: 0, stderr: "" });
      expect(counted.stdout).toBe("willi: 0 uploads with 0 B, before that 1 upload with 3.0 MiB\n");
      expect((await server("users", "recount")).stderr).toContain("Counted: all is as it was known");
      expect(await lab.send(["-q", next], { env })).toMatchObject({ code: 0, stderr: "" });
    });
  });

  describe("keys that expire", () => {
    test("one that expires ends its upload, which is kept, is refused, and goes on when it is renewed", async () => {
      await limits("uploads = 9");
      const path = await lab.file("expiring.raw", 200 * 1024 * 1024);
      const env = { DYNC_HOME: await lab.user("emil") };
      await using program = lab.startSend([path], { env });
      await someBytesOf("expiring.raw");
      program.signal("SIGSTOP");
      const expired = await server("clients", "expire", "emil", "--at", "2026-01-31");
      expect(expired).toMatchObject({ code: 0, stderr: "" });
      expect(expired.stdout).toMatch(/^The key SHA256:\S+ of emil EXPIRED on 2026-01-31 \(emil\.key\)\n$/);
      await lab.server.line(/"A key expired: its uploads end","user":"emil"/);
      await lab.server.line(/"Upload suspended".*expired on 2026-01-31/);
      program.signal("SIGCONT");
      const end = await program.ended();
      expect(end.code).toBe(7);
      expect(end.stderr).toMatch(/"dync resume \w+" goes on with it/);
      expect(end.stderr).toContain(
        "This key expired on 2026-01-31: ask the administrator of the server to renew it",
      );
      const refused = await lab.send([path], { env });
      expect(refused.code).toBe(7);
      expect(refused.stderr).toContain("it may be new there, or have expired");
      await lab.server.line(/"Key refused".*"reason":"expired on 2026-01-31"/);
      expect((await server("clients", "list")).stdout).toMatch(/^emil +SHA256:\S+ +EXPIRED on 2026-01-31$/m);
      expect(await server("clients", "pending")).toMatchObject({ code: 0, stdout: "" });
      expect(await server("clients", "expire", "emil", "--never")).toMatchObject({ code: 0, stderr: "" });
      await lab.server.line(/"A key that had expired is good again","user":"emil"/);
      const again = await lab.send([path], { env });
      expect(again).toMatchObject({ code: 0, stderr: expect.stringContaining("Going on with the upload") });
      await lab.expectStored(path, "expiring.raw", "emil");
    });

    test("a key is approved until a date, which is listed, and a slip in the date is told", async () => {
      const home = lab.folder.file("fritz");
      const env = { DYNC_HOME: home };
      expect(await lab.dync(["keygen"], { env })).toMatchObject({ code: 0 });
      await Bun.write(join(home, "server.key"), Bun.file(join(lab.homes.server, "server.key")));
      const path = await lab.file("of-fritz.raw", 10);
      expect((await lab.send([path], { env })).code).toBe(7);
      const pending = JSON.parse((await server("clients", "pending", "--json")).stdout);
      const { fingerprint } = pending.pending[0];
      const approve = ["clients", "approve", fingerprint, "--user", "fritz", "--expires"];
      const past = await server(...approve, "2020-01-01");
      expect(past.code).toBe(2);
      expect(past.stderr).toContain('"--expires" needs a date that is still to come, found "2020-01-01"');
      expect((await server(...approve, "next year")).stderr).toContain(
        "write a day, 2027-01-31, or a moment",
      );
      const approved = await server(...approve, "2999-12-31");
      expect(approved).toMatchObject({ code: 0, stderr: "" });
      expect(approved.stdout).toContain("of fritz is authorised (fritz.key), until 2999-12-31");
      expect((await server("clients")).stdout).toMatch(/^fritz +SHA256:\S+ +expires on 2999-12-31$/m);
      await lab.server.line(/"Key authorised","user":"fritz"/);
      expect(await lab.send(["-q", path], { env })).toMatchObject({ code: 0, stderr: "" });
      const soon = new Date(Date.now() + 3.5 * 24 * 3_600_000).toISOString();
      await server("clients", "expire", fingerprint, "--at", soon);
      expect((await server("clients", "list")).stdout).toMatch(
        /^fritz +SHA256:\S+ +expires on .*, in 3 days$/m,
      );
      await lab.server.line(/"A key expires soon","user":"fritz"/);
      const listed = JSON.parse((await server("clients", "--json")).stdout);
      const { state, expires } = listed.clients.find((it: { user: string }) => it.user === "fritz");
      expect([state, expires]).toEqual(["soon", `${soon.slice(0, 19)}Z`]);
    });

    test.each([
      [[], 'needs either "--at DATE" or "--never", found neither'],
      [["--at", "2027-01-31", "--never"], 'needs either "--at DATE" or "--never", found both'],
      [["--at", "31.1.2027"], 'Option "--at" needs a date, found "31.1.2027"'],
    ])("`clients expire alice %j` is a slip", async (args, text) => {
      const { code, stderr } = await server("clients", "expire", "alice", ...args);
      expect(code).toBe(2);
      expect(stderr).toContain(text);
    });
  });
});
