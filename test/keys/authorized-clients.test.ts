// Who may send: the folder of public keys, read again when it changes.

import { describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import type { Clock } from "../../src/base/clock.ts";
import { systemClock } from "../../src/base/clock.ts";
import type { LogFields, Logger } from "../../src/base/log.ts";
import { AuthorizedClients, type KeyChanges } from "../../src/keys/authorized-clients.ts";
import { publicCertificateText, secretCertificateText } from "../../src/keys/certificate.ts";
import { generateKeyPair, type KeyPair } from "../../src/keys/key.ts";
import { tempFolder } from "../support/temp-folder.ts";

const date = new Date("2026-01-02T03:04:05Z");

async function clientsFolder() {
  const temp = await tempFolder();
  const folder = temp.file("clients");
  mkdirSync(folder, { mode: 0o700 });
  const warnings: string[] = [];
  const log: Logger = {
    log: (_level, message: string, fields?: LogFields) =>
      void warnings.push(fields?.reason === undefined ? message : `${message}: ${fields.reason}`),
  };
  return {
    folder,
    warnings,
    log,
    /** Writes a key file whole, as `mv` would put it there. */
    put(name: string, keys: KeyPair, userId?: string): void {
      const metadata = new Map(userId === undefined ? [] : [["user_id", userId]]);
      writeFileSync(temp.file("new"), publicCertificateText(keys.publicKey, { date, metadata }));
      renameSync(temp.file("new"), `${folder}/${name}`);
    },
    load: () => AuthorizedClients.load(folder, log),
    [Symbol.asyncDispose]: () => temp[Symbol.asyncDispose](),
  };
}

describe("the users behind the keys", () => {
  test("are named by the certificate, or else by its file", async () => {
    await using fixture = await clientsFolder();
    const [anna, bert] = [generateKeyPair(), generateKeyPair()];
    fixture.put("laptop-3.key", anna, "anna");
    fixture.put("bert.key", bert);
    const clients = await fixture.load();
    expect(clients.userOf(anna.publicKey.text)).toBe("anna");
    expect(clients.userOf(bert.publicKey.text)).toBe("bert");
    expect(clients.userOf(generateKeyPair().publicKey.text)).toBeNull();
    expect(clients.size).toBe(2);
    expect(fixture.warnings).toEqual([]);
  });

  test("may have several keys each", async () => {
    await using fixture = await clientsFolder();
    fixture.put("a1.key", generateKeyPair(), "anna");
    fixture.put("a2.key", generateKeyPair(), "anna");
    expect((await fixture.load()).list().map(({ user }) => user)).toEqual(["anna", "anna"]);
  });

  test("are nobody when the folder is not there", async () => {
    await using fixture = await clientsFolder();
    rmSync(fixture.folder, { recursive: true });
    expect((await fixture.load()).size).toBe(0);
    expect(fixture.warnings).toEqual([]);
  });

  test.skipIf(process.platform === "win32")("are warned about when anybody could add to them", async () => {
    await using fixture = await clientsFolder();
    chmodSync(fixture.folder, 0o777);
    await fixture.load();
    expect(fixture.warnings).toEqual([
      "Others on this machine can authorise keys: the folder is writable for them",
    ]);
  });

  test("come from good files only; the others are told about and left out", async () => {
    await using fixture = await clientsFolder();
    const keys = Array.from({ length: 5 }, generateKeyPair) as [KeyPair, KeyPair, KeyPair, KeyPair, KeyPair];
    fixture.put("anna.key", keys[0]);
    fixture.put("zanna.key", keys[1], "ANNA");
    fixture.put("climbs.key", keys[2], "../bert");
    fixture.put("twice.key", keys[0], "carl");
    writeFileSync(`${fixture.folder}/broken.key`, "curve\n    public-key = x\n");
    writeFileSync(`${fixture.folder}/note.txt`, "not a key");
    writeFileSync(`${fixture.folder}/.hidden.key`, "not a key");
    writeFileSync(`${fixture.folder}/dora.key_secret`, secretCertificateText(keys[3], { date }));
    writeFileSync(`${fixture.folder}/emil.key`, secretCertificateText(keys[4], { date }));
    mkdirSync(`${fixture.folder}/folder.key`);
    const clients = await fixture.load();
    expect(
      clients
        .list()
        .map(({ user }) => user)
        .sort(),
    ).toEqual(["anna", "emil"]);
    expect(fixture.warnings.length).toBe(6);
    expect(fixture.warnings.join("\n")).not.toContain(keys[4].secretKey.revealText());
  });
});

describe("refresh", () => {
  test("tells what was added, changed and removed, once", async () => {
    await using fixture = await clientsFolder();
    const [anna, bert] = [generateKeyPair(), generateKeyPair()];
    fixture.put("anna.key", anna);
    const clients = await fixture.load();
    expect(await clients.refresh()).toEqual({ added: [], removed: [] });
    fixture.put("bert.key", bert);
    expect(await clients.refresh()).toEqual({
      added: [{ key: bert.publicKey.text, user: "bert" }],
      removed: [],
    });
    fixture.put("bert.key", bert, "berta");
    expect(await clients.refresh()).toEqual({
      added: [{ key: bert.publicKey.text, user: "berta" }],
      removed: [{ key: bert.publicKey.text, user: "bert" }],
    });
    rmSync(`${fixture.folder}/anna.key`);
    expect(await clients.refresh()).toEqual({
      added: [],
      removed: [{ key: anna.publicKey.text, user: "anna" }],
    });
    expect(clients.userOf(anna.publicKey.text)).toBeNull();
    expect(await clients.refresh()).toEqual({ added: [], removed: [] });
  });

  test("a file that is being written keeps its key for one more look, not longer", async () => {
    await using fixture = await clientsFolder();
    const anna = generateKeyPair();
    fixture.put("anna.key", anna);
    const clients = await fixture.load();
    writeFileSync(`${fixture.folder}/anna.key`, "curve\n");
    expect(await clients.refresh()).toEqual({ added: [], removed: [] });
    expect(clients.userOf(anna.publicKey.text)).toBe("anna");
    fixture.put("anna.key", anna);
    expect(await clients.refresh()).toEqual({ added: [], removed: [] });
    writeFileSync(`${fixture.folder}/anna.key`, "curve\n");
    await clients.refresh();
    expect((await clients.refresh()).removed).toEqual([{ key: anna.publicKey.text, user: "anna" }]);
    expect(fixture.warnings.length).toBe(1);
  });

  test("a change that leaves length and time as they were is seen", async () => {
    await using fixture = await clientsFolder();
    const [anna, other] = [generateKeyPair(), generateKeyPair()];
    fixture.put("anna.key", anna);
    utimesSync(`${fixture.folder}/anna.key`, date, date);
    const clients = await fixture.load();
    fixture.put("anna.key", other);
    utimesSync(`${fixture.folder}/anna.key`, date, date);
    expect((await clients.refresh()).removed).toHaveLength(1);
    expect(clients.userOf(other.publicKey.text)).toBe("anna");
  });
});

describe("watching", () => {
  test("the folder is looked at every 5 s as long as the system gives no notice, then every 30 s", async () => {
    await using fixture = await clientsFolder();
    rmSync(fixture.folder, { recursive: true });
    const clients = await fixture.load();
    const timers: { delayMs: number; callback: () => void }[] = [];
    const clock: Clock = {
      ...systemClock,
      after: (delayMs, callback) => {
        const timer = { delayMs, callback };
        timers.push(timer);
        return () => void (timers.includes(timer) && timers.splice(timers.indexOf(timer), 1));
      },
    };
    const { promise, resolve } = Promise.withResolvers<KeyChanges>();
    const end = clients.watch(clock, resolve);
    expect(timers.map(({ delayMs }) => delayMs)).toEqual([5000]);
    mkdirSync(fixture.folder);
    fixture.put("anna.key", generateKeyPair());
    timers.shift()?.callback();
    expect((await promise).added.map(({ user }) => user)).toEqual(["anna"]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(timers.map(({ delayMs }) => delayMs)).toEqual([30_000]);
    end();
    expect(timers).toEqual([]);
  });

  test("a change is noticed by itself", async () => {
    await using fixture = await clientsFolder();
    const clients = await fixture.load();
    const { promise, resolve } = Promise.withResolvers<KeyChanges>();
    const end = clients.watch(systemClock, resolve);
    fixture.put("anna.key", generateKeyPair());
    expect((await promise).added.map(({ user }) => user)).toEqual(["anna"]);
    end();
  });
});
