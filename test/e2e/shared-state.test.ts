// What servers share beside uploads, on the compiled programs: the audit log of all of them, also of what happened while the database was away.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Line, read } from "../support/documented-lines.ts";
import { pairMissing, ServerPair } from "../support/server-pair.ts";

describe.skipIf(pairMissing !== null)(`what servers share (${pairMissing ?? "compiled"})`, () => {
  let pair: ServerPair;
  beforeAll(async () => {
    pair = await ServerPair.start();
  }, 180_000);
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
  }, 120_000);

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
  }, 120_000);

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
  }, 180_000);
});
