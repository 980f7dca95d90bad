// Key files of several servers, each in a folder of its own, and what they share.

import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { News, SharedChange, SharedFiles, SharedKeys } from "../../src/catalogue/servers.ts";
import { KeySharing } from "../../src/cli/dync-server/key-sharing.ts";
import { createKeyFiles } from "../../src/keys/key-files.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { silentLogger } from "../support/silent-logger.ts";
import { type TempFolder, tempFolder } from "../support/temp-folder.ts";

class Shared implements SharedKeys {
  version = 0;
  texts = new Map<string, string>();

  async change(judge: (shared: SharedFiles) => SharedChange): Promise<number> {
    const { share, unshare } = judge({ version: this.version, texts: this.texts });
    if (share.size + unshare.length === 0) return this.version;
    this.texts = new Map([...this.texts, ...share]);
    for (const name of unshare) this.texts.delete(name);
    return ++this.version;
  }
}

class Place {
  readonly home: string;
  readonly told: News[] = [];
  readonly sharing: KeySharing;

  constructor(temp: TempFolder, name: string, keys: SharedKeys) {
    this.home = temp.file(name);
    mkdirSync(join(this.home, "clients"), { recursive: true });
    const parts = { home: this.home, keys, clock: new ManualClock(), logger: silentLogger };
    const servers = { tell: (news: News) => void this.told.push(news) };
    this.sharing = new KeySharing({ ...parts, servers, look: async () => {} });
  }

  file(name: string): string {
    return join(this.home, "clients", name);
  }

  get names(): readonly string[] {
    return readdirSync(join(this.home, "clients")).toSorted();
  }
}

async function keyText(temp: TempFolder, name: string): Promise<string> {
  const folder = temp.file(`keys-${name}`);
  const { publicFile } = await createKeyFiles({ folder, name, date: new Date(0) });
  return readFileSync(publicFile, "utf8");
}

test("what is added, changed or removed at one is so at the other", async () => {
  await using temp = await tempFolder();
  const shared = new Shared();
  const [one, other] = [new Place(temp, "one", shared), new Place(temp, "other", shared)];
  const [anna, bert] = [await keyText(temp, "anna"), await keyText(temp, "bert")];
  writeFileSync(one.file("anna.key"), anna);
  writeFileSync(other.file("bert.key"), bert);
  await one.sharing.begin();
  await other.sharing.begin();
  expect(one.told).toEqual([{ kind: "keys" }]);
  await one.sharing.changed("notification");
  expect([one.names, other.names]).toEqual([
    ["anna.key", "bert.key"],
    ["anna.key", "bert.key"],
  ]);
  writeFileSync(one.file("anna.key"), bert.replace(/^/, "# renewed\n"));
  rmSync(other.file("bert.key"));
  await other.sharing.changed("notification");
  await one.sharing.changed("notification");
  await other.sharing.changed("notification");
  expect([one.names, other.names]).toEqual([["anna.key"], ["anna.key"]]);
  expect(readFileSync(other.file("anna.key"), "utf8")).toStartWith("# renewed\n");
  await one.sharing[Symbol.asyncDispose]();
  await other.sharing[Symbol.asyncDispose]();
});

test("what holds a secret, or is no key, stays where it is, and what others share that is none is not taken", async () => {
  await using temp = await tempFolder();
  const shared = new Shared();
  const one = new Place(temp, "one", shared);
  const anna = await keyText(temp, "anna");
  writeFileSync(one.file("anna.key"), anna);
  writeFileSync(one.file("none.key"), "none");
  const secret = readFileSync(join(temp.file("keys-anna"), "anna.key_secret"), "utf8");
  writeFileSync(one.file("secret.key"), secret);
  shared.texts.set("../../up.key", anna);
  shared.texts.set("bad.key", "bad");
  await one.sharing.begin();
  await one.sharing.changed("notification");
  expect([...shared.texts.keys()].toSorted()).toEqual(["../../up.key", "anna.key", "bad.key"]);
  expect(one.names).toEqual(["anna.key", "none.key", "secret.key"]);
  expect(existsSync(join(temp.path, "up.key"))).toBe(false);
  await one.sharing[Symbol.asyncDispose]();
});

test("a folder that was taken away takes nobody else's keys, and a catalogue of before knows less than a folder", async () => {
  await using temp = await tempFolder();
  const shared = new Shared();
  const one = new Place(temp, "one", shared);
  for (const name of ["anna", "bert", "carl"])
    writeFileSync(one.file(`${name}.key`), await keyText(temp, name));
  await one.sharing.begin();
  const before = new Map(shared.texts);
  for (const name of one.names) rmSync(one.file(name));
  await one.sharing.changed("notification");
  expect(shared.texts).toEqual(before);
  for (const [name, text] of before) writeFileSync(one.file(name), text);
  rmSync(one.file("carl.key"));
  await one.sharing.changed("notification");
  // As it was before anything was shared but carl's key.
  shared.version = 0;
  shared.texts = new Map([...before].filter(([name]) => name === "carl.key"));
  await one.sharing.changed("notification");
  expect([...shared.texts.keys()].toSorted()).toEqual(["anna.key", "bert.key"]);
  expect(one.names).toEqual(["anna.key", "bert.key"]);
  await one.sharing[Symbol.asyncDispose]();
});
