// The audit log of a server, on a real disk, and its copy in the catalogue that it shares: each line is there once, whatever comes between.

import { expect, test } from "bun:test";
import { appendFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Chain } from "../../src/audit/chain.ts";
import { AuditFile } from "../../src/audit/file/audit-file.ts";
import { auditFilesIn } from "../../src/audit/file/audit-files.ts";
import { AuditSharing } from "../../src/cli/dync-server/audit-sharing.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { MemoryAudit } from "../support/memory/shared-audit.ts";
import { silentLogger } from "../support/silent-logger.ts";
import { type TempFolder, tempFolder } from "../support/temp-folder.ts";

class Shared extends MemoryAudit {
  isAway = false;

  override async add(...given: Parameters<MemoryAudit["add"]>) {
    if (this.isAway) throw new Error("away");
    return await super.add(...given);
  }

  /** The texts of each chain, which are checked to be one. */
  async texts(): Promise<readonly (readonly string[])[]> {
    const all = (await this.chains()).map(async ({ chain: id, sequence, hash }) => {
      const chain = new Chain();
      const lines = await this.linesOf(id, 0, 1_000_000);
      for (const { line } of lines) expect(chain.add(line)).toBeNull();
      if (lines.length > 0) expect(chain.head).toEqual({ sequence, hash });
      return lines.map(({ line }) => line.toString());
    });
    return await Promise.all(all);
  }
}

let lives = 0;

/** A life of a server: records some events in a folder, and ends. */
async function live(folder: string, audit: Shared, events: number): Promise<void> {
  const life = ++lives;
  const clock = new ManualClock();
  const sharing = new AuditSharing({ folder, server: "s", name: "host", audit, clock, logger: silentLogger });
  const file = new AuditFile({
    ...{ folder, clock, logger: silentLogger },
    onDurable: (head) => sharing.durable(head),
  });
  for (let at = 0; at < events; at++) file.record({ event: "command", life, at });
  await file[Symbol.asyncDispose]();
  await sharing.end();
}

function onDisk(folder: string): readonly string[] {
  const texts = auditFilesIn(folder).map((name) => readFileSync(join(folder, name), "utf8"));
  return texts.join("").split("\n").slice(0, -1);
}

const folderOf = (temp: TempFolder) => temp.file("audit");

test("each line is there once, also of more than one transaction, and the next life goes on behind them", async () => {
  await using temp = await tempFolder();
  const [folder, audit] = [folderOf(temp), new Shared()];
  await live(folder, audit, 1300);
  await live(folder, audit, 3);
  await live(folder, audit, 0);
  expect(await audit.texts()).toEqual([onDisk(folder)]);
  expect(onDisk(folder)).toHaveLength(1303);
});

test("what the database does not take goes there later, and nothing twice", async () => {
  await using temp = await tempFolder();
  const [folder, audit] = [folderOf(temp), new Shared()];
  await live(folder, audit, 2);
  audit.isAway = true;
  await live(folder, audit, 700);
  expect((await audit.texts())[0]).toHaveLength(2);
  audit.isAway = false;
  await live(folder, audit, 1);
  expect(await audit.texts()).toEqual([onDisk(folder)]);
});

test("months that lie in an archive are not missed, and a line that is not whole is not there yet", async () => {
  await using temp = await tempFolder();
  const [folder, audit] = [folderOf(temp), new Shared()];
  await live(folder, audit, 5);
  const [first = ""] = auditFilesIn(folder);
  const old = onDisk(folder);
  // As a month that is over, in another place; and half a line of a crash.
  writeFileSync(join(folder, "audit-2999-01.jsonl"), "");
  await live(folder, audit, 5);
  rmSync(join(folder, first));
  appendFileSync(join(folder, "audit-2999-01.jsonl"), '{"half');
  await live(folder, audit, 1);
  expect(await audit.texts()).toEqual([[...old, ...onDisk(folder)]]);
  expect(onDisk(folder).at(5)).toContain('"event":"cut"');
});

test("another log in the same folder is another chain", async () => {
  await using temp = await tempFolder();
  const [folder, audit] = [folderOf(temp), new Shared()];
  await live(folder, audit, 5);
  const old = onDisk(folder);
  rmSync(folder, { recursive: true });
  await live(folder, audit, 9);
  await live(folder, audit, 1);
  expect(await audit.texts()).toEqual([old, onDisk(folder)]);
});

test("two that go on with copies of one log have a chain each from then on", async () => {
  await using temp = await tempFolder();
  const [one, other, audit] = [temp.file("one"), temp.file("other"), new Shared()];
  await live(one, audit, 3);
  await Bun.$`cp -r ${one} ${other}`.quiet();
  await live(one, audit, 2);
  await live(other, audit, 4);
  await live(other, audit, 1);
  expect(await audit.texts()).toEqual([onDisk(one), onDisk(other)]);
});
