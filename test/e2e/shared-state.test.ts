// What servers share beside uploads, on the compiled programs: the audit log of all of them, also of what happened while the database was away, and
// the settings that hold for all.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Line, read } from "../support/documented-lines.ts";
import { pairMissing, ServerPair } from "../support/server-pair.ts";

describe.skipIf(pairMissing !== null)(`what servers share (${pairMissing ?? "compiled"})`, () => {
  let pair: ServerPair;
  beforeAll(async () => {
    pair = await ServerPair.start();
  });
  afterAll(async () => await pair?.[Symbol.asyncDispose]());

  /** Lines of a command of server `at`, the last one of which is its summary. */
  async function lines(at: number, ...args: readonly string[]): Promise<readonly Line[]> {
    return read(await pair.dyncServer(at, [...args, "--json"]));
  }

  /** Asks server `at` again and again until `isThere` says yes of what it shows. */
  async function shown(
    at: number,
    args: readonly string[],
    isThere: (lines: readonly Line[]) => boolean,
  ): Promise<readonly Line[]> {
    for (;;) {
      const found = await lines(at, "audit", "show", ...args);
      if (isThere(found)) return found;
      expect([pair.program(0).running, pair.program(1).running]).toEqual([true, true]);
    }
  }

  const namesIn = (found: readonly Line[]) => found.flatMap(({ name }) => (name === undefined ? [] : [name]));
  const textOfLog = (at: number) => {
    const folder = join(pair.place(at).data, ".dync", "audit");
    const texts = readdirSync(folder).map((name) => [
      join(folder, name),
      readFileSync(join(folder, name), "utf8"),
    ]);
    return texts[0] as [string, string];
  };

  test("each server shows what happened at both, and its own alone where that is asked for", async () => {
    for (const at of [0, 1]) {
      const path = await pair.file(`at-${at}.raw`, 1000);
      expect(await pair.send(pair.address(at), [path])).toMatchObject({ code: 0 });
    }
    const of = ["--event", "finished"];
    for (const at of [0, 1]) {
      const found = await shown(at, of, (it) => namesIn(it).length === 2);
      expect(namesIn(found).toSorted()).toEqual(["at-0.raw", "at-1.raw"]);
      expect(new Set(found.slice(0, -1).map(({ chain }) => chain)).size).toBe(2);
      expect(namesIn(await lines(at, "audit", "show", "--own", ...of))).toEqual([`at-${at}.raw`]);
    }
    const people = await pair.dyncServer(0, ["audit", "show", "--event", "finished"]);
    expect(people.stdout).toMatch(/^\S+ \S+ {2}\S+\/\d+ +finished +alice: alice\/at-0.raw/m);
  });

  test("all logs are looked at, and a line that somebody changed in the database, or on the disk, is told", async () => {
    const whole = (await lines(0, "audit", "verify")).at(-1);
    expect(whole).toMatchObject({ ok: true, chains: [{ first: 1 }, { first: 1 }] });
    const [first] = await pair.rows("SELECT min(chain)::int AS chain FROM dync.audit_chains");
    const where = `chain = ${first?.chain} AND sequence = 2`;
    const [before] = await pair.rows(`SELECT encode(line, 'hex') AS line FROM dync.audit WHERE ${where}`);
    await pair.rows(`UPDATE dync.audit SET line = line || '!' WHERE ${where}`);
    const changed = await lines(1, "audit", "verify");
    expect(changed.at(-1)).toMatchObject({ ok: false, exit: 1 });
    const { chains } = changed.at(-1) as unknown as { chains: { fault?: string }[] };
    expect(chains.filter(({ fault }) => fault !== undefined)).toMatchObject([
      { fault: expect.stringMatching(/\(line 2\)$/) },
    ]);
    await pair.rows(`UPDATE dync.audit SET line = '\\x${before?.line}' WHERE ${where}`);
    expect(await pair.dyncServer(1, ["audit", "verify"])).toMatchObject({ code: 0 });
  });

  test("what happened while the database was away is there when it is back, once", async () => {
    await pair.postgres.stop("kill");
    const config = join(pair.place(0).home, "server.toml");
    const settings = readFileSync(config, "utf8");
    writeFileSync(config, `${settings}\nmax-uploads = 77\n`);
    expect(await pair.dyncServer(0, ["reload"])).toMatchObject({ code: 0 });
    const own = await lines(0, "audit", "show", "--own", "--event", "reloaded");
    expect(own.at(-1)).toMatchObject({ shown: 1 });
    const refused = await lines(1, "audit", "show");
    expect(refused.at(-1)).toMatchObject({ ok: false });
    await pair.postgres.start();
    const found = await shown(1, ["--event", "reloaded"], (it) => it.length > 1);
    expect(found.at(-1)).toMatchObject({ shown: 1 });
    // What a server that is stopped did last is there as well, and it goes on behind that.
    expect(await pair.program(0).stop()).toMatchObject({ code: 0 });
    const stopped = await lines(1, "audit", "show", "--event", "stopped");
    expect(stopped.at(-1)).toMatchObject({ shown: 1 });
    await pair.again(0);
    await shown(1, ["--event", "started"], (it) => it.length === 4);
    expect(await pair.dyncServer(0, ["audit", "verify"])).toMatchObject({ code: 0 });
    const [, text] = textOfLog(0);
    const rows = await pair.rows(
      `SELECT convert_from(line, 'UTF8') AS line FROM dync.audit JOIN dync.audit_chains USING (chain)
       WHERE server = '${readFileSync(join(pair.place(0).data, ".dync", "storage-id"), "utf8").trim()}'
       ORDER BY audit.sequence`,
    );
    expect(text).toStartWith(rows.map(({ line }) => `${line}\n`).join(""));
  });

  /**
   * What is changed at the other server comes to server `at` by notification. It looks by itself every half minute as well, which may come in
   * between: a change is made again then.
   */
  async function expectNotified(at: number, what: string, change: (attempt: number) => Promise<void>) {
    const taken = new RegExp(`"${what} of the other servers are taken".*"by":"([^"]+)"`, "g");
    const ways = () => [...pair.program(at).stderr.matchAll(taken)].map(([, by]) => by);
    let by: string | undefined;
    for (let attempt = 0; attempt < 3 && by !== "notification"; attempt++) {
      const before = ways().length;
      await change(attempt);
      await pair.until(async () => ways().length > before, pair.program(at));
      by = ways().at(-1);
    }
    expect(by).toBe("notification");
  }

  test("a key that is changed at one server is so at the other one, by notification", async () => {
    const file = (at: number) => join(pair.place(at).home, "clients", "alice.key");
    const text = readFileSync(file(0), "utf8");
    await expectNotified(1, "Keys", async (attempt) => writeFileSync(file(0), `# ${attempt}\n${text}`));
    expect(readFileSync(file(1), "utf8")).toBe(readFileSync(file(0), "utf8"));
  });

  test("a key that is removed at one server is a line of its log, and of no other", async () => {
    const key = await pair.file("bert.key", 0);
    writeFileSync(key, readFileSync(join(pair.homes.client, "client.key")));
    const clients = (at: number) => join(pair.place(at).home, "clients");
    expect(await pair.dyncServer(0, ["clients", "remove", "alice"])).toMatchObject({ code: 0 });
    await pair.program(1).line(/"Key removed","user":"alice"/);
    expect(readdirSync(clients(1))).toEqual([]);
    expect(await pair.dyncServer(1, ["clients", "add", key, "--user", "bert"])).toMatchObject({ code: 0 });
    await pair.program(0).line(/"Key authorised","user":"bert"/);
    const events = ["--event", "key-removed", "--event", "key-added"];
    const found = await shown(0, events, (it) => it.length > 2);
    expect(found.slice(0, -1)).toMatchObject([
      { event: "key-removed", user: "alice" },
      { event: "key-added", user: "bert" },
    ]);
    expect(new Set(found.slice(0, -1).map(({ chain }) => chain)).size).toBe(2);
  });

  const sharedFile = (at: number) => join(pair.place(at).home, "shared.toml");
  const textAt = (at: number) => readFileSync(sharedFile(at), "utf8");
  const write = (at: number, text: string) => writeFileSync(sharedFile(at), text);

  /** What server `at` would go by, of one setting. */
  async function setting(at: number, name: string): Promise<Line | undefined> {
    return (await lines(at, "config", "show")).find((it) => it.name === name);
  }

  test("a setting that is written at one server counts at the other one, by notification, and so do rules", async () => {
    for (const at of [0, 1]) {
      write(at, "");
      expect(await pair.dyncServer(at, ["reload"])).toMatchObject({ code: 0 });
    }
    const text = 'expire = "3d"\n[[rules]]\nname = "raw"\nfiles = ["*.raw"]\n';
    await expectNotified(1, "Settings", async (attempt) => {
      write(0, `# Of all, ${attempt}\n${text}`);
      expect(await pair.dyncServer(0, ["reload"])).toMatchObject({ code: 0 });
    });
    expect(textAt(1)).toBe(textAt(0));
    expect(await setting(1, "expire")).toMatchObject({ value: "3d", file: sharedFile(1), line: 2 });
    const home = {
      to: pair.address(1),
      other: await pair.file("other.txt", 10),
      raw: await pair.file("rule.raw", 10),
    };
    expect(await pair.send(home.to, [home.other])).toMatchObject({ code: 7 });
    expect(await pair.send(home.to, [home.raw])).toMatchObject({ code: 0 });
    // The news of the first, empty one may have come before or after there was a file for it there: that changed nothing.
    const takenIn = (found: readonly Line[]) =>
      found.filter((it) => it.by === "servers" && (it.changed as readonly unknown[]).length > 0);
    const found = await shown(0, ["--event", "reloaded"], (it) => takenIn(it).length > 0);
    expect(takenIn(found)).toMatchObject([{ changed: [{ setting: "expire" }, { setting: "rules" }] }]);
  });

  test("what is wrong is refused where it was written, and of two that write at once the second is told", async () => {
    const before = textAt(1);
    write(0, `${before}[[hooks]]\nname = "x"\nevent = "after"\ncommand = ["/nowhere"]\n`);
    const wrong = await pair.dyncServer(0, ["reload"]);
    expect(wrong).toMatchObject({ code: 2 });
    expect(wrong.stderr).toMatch(/shared\.toml:9: hooks\[1\]\.command: \/nowhere cannot be run: /);
    write(0, before.replace("3d", "4d"));
    write(1, before.replace("3d", "5d"));
    expect(await pair.dyncServer(0, ["reload"])).toMatchObject({ code: 0 });
    await pair.program(1).line(/"Setting changed","setting":"expire","from":"3d","to":"4d"/);
    const second = await pair.dyncServer(1, ["reload"]);
    expect(second).toMatchObject({ code: 2 });
    expect(second.stderr).toMatch(/shared\.toml was changed here and, .*, which counts/);
    expect([textAt(1), readFileSync(`${sharedFile(1)}.aside`, "utf8")]).toEqual([
      before.replace("3d", "4d"),
      before.replace("3d", "5d"),
    ]);
  });

  test("a server that was away has what was shared meanwhile when it listens", async () => {
    expect(await pair.program(1).stop()).toMatchObject({ code: 0 });
    write(0, 'expire = "9d"\n');
    expect(await pair.dyncServer(0, ["reload"])).toMatchObject({ code: 0 });
    await pair.again(1);
    expect(textAt(1)).toBe('expire = "9d"\n');
    expect(pair.program(1).stderr).toMatch(/"Setting changed","setting":"expire","from":"4d","to":"9d"/);
    const path = await pair.file("any.txt", 10);
    expect(await pair.send(pair.address(1), [path])).toMatchObject({ code: 0 });
  });
});
