// Who may send: the folder of public keys, read again when it changes.

import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  copyFileSync,
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import type { Clock } from "../../src/base/clock.ts";
import { systemClock } from "../../src/base/clock.ts";
import type { LogFields, Logger } from "../../src/base/log.ts";
import { AuthorizedClients, type AuthorizedKey, type KeyChanges } from "../../src/keys/authorized-clients.ts";
import { publicCertificateText, secretCertificateText } from "../../src/keys/certificate.ts";
import { generateKeyPair, type KeyPair } from "../../src/keys/key.ts";
import { leavingMs } from "../../src/keys/key-claims.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { tempFolder } from "../support/temp-folder.ts";

const date = new Date("2026-01-02T03:04:05Z");

const left = "A file of authorised keys was left out";

async function clientsFolder() {
  const temp = await tempFolder();
  const folder = temp.file("clients");
  mkdirSync(folder, { mode: 0o700 });
  const warnings: string[] = [];
  const log: Logger = {
    log: (_level, message: string, { file, reason }: LogFields = {}) => {
      const name = typeof file === "string" ? [file.slice(folder.length + 1)] : [];
      warnings.push([message, ...name, ...(reason === undefined ? [] : [reason])].join(": "));
    },
  };
  const clock = new ManualClock();
  return {
    folder,
    warnings,
    log,
    clock,
    file: (name: string) => `${folder}/${name}`,
    /** Writes a key file whole, as `mv` would put it there. */
    put(name: string, keys: KeyPair, userId?: string, expires?: string): void {
      const said = Object.entries({ user_id: userId, expires }).filter(([, value]) => value !== undefined);
      const metadata = new Map(said as [string, string][]);
      writeFileSync(temp.file("new"), publicCertificateText(keys.publicKey, { date, metadata }));
      renameSync(temp.file("new"), `${folder}/${name}`);
    },
    load: (trustsUserIds = false) => AuthorizedClients.load({ folder, log, clock, trustsUserIds }),
    [Symbol.asyncDispose]: () => temp[Symbol.asyncDispose](),
  };
}

function of(keys: KeyPair, user: string, file = `${user}.key`): AuthorizedKey {
  return { key: keys.publicKey.text, fingerprint: keys.publicKey.fingerprint, user, file };
}

const unchanged: KeyChanges = { added: [], removed: [], ended: [], expired: [], renewed: [] };

describe("the users behind the keys", () => {
  test("are named by the file, and a key inside that says otherwise is told about once", async () => {
    await using fixture = await clientsFolder();
    const [anna, bert, carl] = [generateKeyPair(), generateKeyPair(), generateKeyPair()];
    fixture.put("laptop-3.key", anna, "technician");
    fixture.put("bert.key", bert);
    fixture.put("carl@pc7.key", carl, "carl@pc7");
    const clients = await fixture.load();
    expect(clients.userOf(anna.publicKey.text)).toBe("laptop-3");
    expect(clients.userOf(bert.publicKey.text)).toBe("bert");
    expect(clients.userOf(carl.publicKey.text)).toBe("carl@pc7");
    expect(clients.userOf(generateKeyPair().publicKey.text)).toBeNull();
    expect(clients.size).toBe(3);
    fixture.put("dora.key", generateKeyPair());
    await clients.refresh();
    expect(fixture.warnings).toEqual([
      "The user id inside a key file is ignored: the name of the file counts: laptop-3.key",
    ]);
  });

  test("are named by the key itself where the administrator trusts that", async () => {
    await using fixture = await clientsFolder();
    fixture.put("a1.key", generateKeyPair(), "anna");
    fixture.put("a2.key", generateKeyPair(), "anna");
    fixture.put("bert.key", generateKeyPair());
    const clients = await fixture.load(true);
    expect(clients.list().map(({ user }) => user)).toEqual(["anna", "anna", "bert"]);
    expect(fixture.warnings).toEqual([]);
  });

  test("may have several keys each, told apart by what follows a plus sign", async () => {
    await using fixture = await clientsFolder();
    for (const name of ["anna.key", "anna+pc1.key", "anna+pc2.key", "+x.key"]) {
      fixture.put(name, generateKeyPair());
    }
    const users = (await fixture.load()).list().map(({ user }) => user);
    expect(users.sort()).toEqual(["+x", "anna", "anna", "anna"]);
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

  test("come from good files only; each of the others is told about once, with the reason", async () => {
    await using fixture = await clientsFolder();
    const keys = Array.from({ length: 5 }, generateKeyPair) as [KeyPair, KeyPair, KeyPair, KeyPair, KeyPair];
    fixture.put("anna.key", keys[0]);
    const clients = await fixture.load();
    fixture.put("ANNA+2.key", keys[1]);
    fixture.put("climbs..key", keys[2]);
    fixture.put("twice.key", keys[0]);
    writeFileSync(fixture.file("broken.key"), "curve\n    public-key = x\n");
    for (const name of ["meyer.key.txt", "MEYER.KEY", "meyer.pub"]) fixture.put(name, keys[3]);
    writeFileSync(fixture.file(".hidden.key"), "not a key");
    writeFileSync(fixture.file("dora.key_secret"), secretCertificateText(keys[3], { date }));
    writeFileSync(fixture.file("emil.key"), secretCertificateText(keys[4], { date }));
    mkdirSync(fixture.file("folder.key"));
    mkdirSync(fixture.file("old"));
    await clients.refresh();
    const users = clients.list().map(({ user }) => user);
    expect(users.sort()).toEqual(["anna", "emil"]);
    fixture.put("anna+3.key", generateKeyPair());
    await clients.refresh();
    expect([...fixture.warnings].sort()).toEqual([
      "A file of authorised keys holds a secret key: its owner should make new ones: emil.key",
      `${left}: ANNA+2.key: its user ANNA differs from anna of anna.key only in case or Unicode form`,
      `${left}: MEYER.KEY: its name does not end in ".key"`,
      expect.stringContaining("broken.key, line 2"),
      `${left}: climbs..key: the user id ends with a dot`,
      `${left}: dora.key_secret: it is a secret key, which belongs to its owner alone: remove it`,
      expect.stringContaining("folder.key is not a file"),
      `${left}: meyer.key.txt: its name does not end in ".key"`,
      `${left}: meyer.pub: its name does not end in ".key"`,
      `${left}: twice.key: its key is in anna.key already, as that of the user anna`,
    ]);
    expect(fixture.warnings.join("\n")).not.toContain(keys[4].secretKey.revealText());
  });
});

describe("refresh", () => {
  test("tells what was added, changed and removed, once", async () => {
    await using fixture = await clientsFolder();
    const [anna, bert] = [generateKeyPair(), generateKeyPair()];
    fixture.put("anna.key", anna);
    const clients = await fixture.load();
    expect(await clients.refresh()).toEqual(unchanged);
    fixture.put("bert.key", bert);
    expect(await clients.refresh()).toEqual({ ...unchanged, added: [of(bert, "bert")] });
    renameSync(fixture.file("bert.key"), fixture.file("berta.key"));
    expect(await clients.refresh()).toEqual({
      ...unchanged,
      added: [of(bert, "berta")],
      removed: [of(bert, "bert")],
      ended: [],
    });
    rmSync(fixture.file("anna.key"));
    expect(await clients.refresh()).toEqual({ ...unchanged, removed: [of(anna, "anna")] });
    expect(clients.userOf(anna.publicKey.text)).toBeNull();
    expect(await clients.refresh()).toEqual(unchanged);
  });

  test("a key that vanished is refused at once; what runs with it ends when it does not come back", async () => {
    await using fixture = await clientsFolder();
    const anna = generateKeyPair();
    const { text } = anna.publicKey;
    fixture.put("anna.key", anna);
    const clients = await fixture.load();
    rmSync(fixture.file("anna.key"));
    await clients.refresh();
    expect([clients.userOf(text), clients.isLeaving(text), clients.mayGoOn(text, "anna")]).toEqual([
      null,
      true,
      true,
    ]);
    fixture.clock.advance(leavingMs - 1);
    expect(await clients.refresh()).toEqual(unchanged);
    fixture.put("anna.key", anna);
    expect(await clients.refresh()).toEqual({ ...unchanged, added: [of(anna, "anna")] });
    fixture.clock.advance(leavingMs);
    expect(await clients.refresh()).toEqual(unchanged);
    rmSync(fixture.file("anna.key"));
    await clients.refresh();
    fixture.clock.advance(leavingMs);
    expect(await clients.refresh()).toEqual({ ...unchanged, ended: [of(anna, "anna")] });
    expect([clients.isLeaving(text), clients.mayGoOn(text, "anna")]).toEqual([false, false]);
  });

  test("a key is good until its date, is refused and ends what runs with it after that, and may be renewed", async () => {
    await using fixture = await clientsFolder();
    const anna = generateKeyPair();
    const { text } = anna.publicKey;
    fixture.put("anna.key", anna, undefined, "2026-01-02T03:05:05Z");
    const clients = await fixture.load();
    const expiresAt = new Date("2026-01-02T03:05:05Z");
    const all = [{ ...of(anna, "anna"), expiresAt }];
    expect(clients.list()).toEqual(all);
    const state = () => [clients.userOf(text), clients.mayGoOn(text, "anna"), clients.expiryOf(text)];
    fixture.clock.advance(60_000);
    expect(state()).toEqual(["anna", true, null]);
    expect(clients.endOf(text)).toEqual(expiresAt);
    expect(await clients.refresh()).toEqual(unchanged);
    fixture.clock.advance(1);
    expect(state()).toEqual([null, false, expiresAt]);
    expect(clients.endOf(text)).toBeNull();
    expect(clients.isLeaving(text)).toBe(false);
    expect(await clients.refresh()).toEqual({ ...unchanged, expired: all });
    expect(await clients.refresh()).toEqual(unchanged);
    fixture.put("anna.key", anna, undefined, "2026-02-01");
    const renewed = [{ ...of(anna, "anna"), expiresAt: new Date(2026, 1, 1, 23, 59, 59) }];
    expect(await clients.refresh()).toEqual({ ...unchanged, renewed });
    expect(state()).toEqual(["anna", true, null]);
    fixture.put("anna.key", anna);
    expect(await clients.refresh()).toEqual(unchanged);
    expect(clients.list()).toEqual([of(anna, "anna")]);
    expect(clients.endOf(text)).toBeNull();
  });

  test("an expired key keeps its place: no other file gets its key or its user", async () => {
    await using fixture = await clientsFolder();
    const anna = generateKeyPair();
    fixture.put("anna.key", anna, undefined, "2026-01-01");
    const clients = await fixture.load();
    fixture.put("bert.key", anna);
    fixture.put("ANNA.key", generateKeyPair());
    expect(await clients.refresh()).toEqual(unchanged);
    expect([clients.userOf(anna.publicKey.text), clients.list().length]).toEqual([null, 1]);
  });

  test.each(["soon", "2026-02-30", "", "2026-01-02T03:04:05"])(
    "a key that is good until %j is good for nothing, and the file is named",
    async (expires) => {
      await using fixture = await clientsFolder();
      fixture.put("anna.key", generateKeyPair(), undefined, expires);
      const clients = await fixture.load();
      expect(clients.list()).toEqual([]);
      expect(fixture.warnings).toEqual([`${left}: anna.key: its "expires" is no date such as 2027-01-31`]);
    },
  );

  test("of a key that expires within two weeks the log is told once a day", async () => {
    await using fixture = await clientsFolder();
    fixture.put("anna.key", generateKeyPair(), undefined, "2026-01-16T03:04:05Z");
    fixture.put("bert.key", generateKeyPair(), undefined, "2026-01-17T03:04:05Z");
    const clients = await fixture.load();
    const { stop } = clients.watch(() => {});
    const told = () => fixture.warnings.filter((it) => it.startsWith("A key expires soon"));
    expect(told().length).toBe(1);
    const rescans = async (count: number) => {
      for (let number = 0; number < count; number++) {
        fixture.clock.advance(30_000);
        await new Promise<void>((resolve) => setImmediate(resolve));
      }
    };
    await rescans(5);
    expect(told().length).toBe(1);
    fixture.clock.advance(24 * 3_600_000);
    await rescans(2);
    expect(told().length).toBe(3);
    stop();
  });

  test("a look that is asked for sees what was there when it was asked for, and tells it before it resolves", async () => {
    await using fixture = await clientsFolder();
    const clients = await fixture.load();
    const told: KeyChanges[] = [];
    const { look, stop } = clients.watch((changes) => told.push(changes));
    const [anna, bert] = [generateKeyPair(), generateKeyPair()];
    fixture.put("anna.key", anna);
    const first = look();
    // The first one is under way, and has listed the folder.
    fixture.put("bert.key", bert);
    rmSync(fixture.file("anna.key"));
    await Promise.all([look(), look()]);
    expect(clients.userOf(bert.publicKey.text)).toBe("bert");
    expect(clients.userOf(anna.publicKey.text)).toBeNull();
    expect(told.flatMap(({ added }) => added)).toContainEqual(of(bert, "bert"));
    await first;
    stop();
  });

  test("a copy under any other name changes nothing, also while the first file is replaced", async () => {
    await using fixture = await clientsFolder();
    const anna = generateKeyPair();
    fixture.put("meyer.key", anna);
    const clients = await fixture.load();
    copyFileSync(fixture.file("meyer.key"), fixture.file("a-copy.key"));
    linkSync(fixture.file("meyer.key"), fixture.file("a-link.key"));
    expect(await clients.refresh()).toEqual(unchanged);
    rmSync(fixture.file("meyer.key"));
    rmSync(fixture.file("a-link.key"));
    expect(await clients.refresh()).toEqual({ ...unchanged, removed: [of(anna, "meyer")] });
    fixture.put("meyer.key", anna);
    expect(await clients.refresh()).toEqual({ ...unchanged, added: [of(anna, "meyer")] });
    rmSync(fixture.file("meyer.key"));
    await clients.refresh();
    fixture.clock.advance(leavingMs);
    expect(await clients.refresh()).toEqual({
      ...unchanged,
      added: [of(anna, "a-copy")],
      removed: [],
      ended: [of(anna, "meyer")],
    });
  });

  test("a new file takes no user from an older one, whatever its name", async () => {
    await using fixture = await clientsFolder();
    const [first, second] = [generateKeyPair(), generateKeyPair()];
    fixture.put("lab1.key", first);
    const clients = await fixture.load();
    fixture.put("LAB1.key", second);
    expect(await clients.refresh()).toEqual(unchanged);
    expect(clients.list()).toEqual([of(first, "lab1")]);
    const replaced = generateKeyPair();
    fixture.put("lab1.key", replaced);
    expect(await clients.refresh()).toEqual({
      ...unchanged,
      added: [of(replaced, "lab1")],
      removed: [of(first, "lab1")],
      ended: [],
    });
  });

  test("at the start the file counts that was made first, not the first by name", async () => {
    await using fixture = await clientsFolder();
    const keys = generateKeyPair();
    const madeAt = (name: string): number => {
      const { birthtimeMs, ctimeMs } = statSync(fixture.file(name));
      return birthtimeMs > 0 ? birthtimeMs : ctimeMs;
    };
    fixture.put("b.key", keys);
    // The file system's clock goes in steps of some milliseconds.
    do fixture.put("a.key", keys);
    while (madeAt("a.key") <= madeAt("b.key"));
    expect((await fixture.load()).list()).toEqual([of(keys, "b")]);
  });

  test("a file that is being written gets one more look before it is called bad", async () => {
    await using fixture = await clientsFolder();
    const anna = generateKeyPair();
    fixture.put("anna.key", anna);
    const clients = await fixture.load();
    writeFileSync(fixture.file("anna.key"), "curve\n");
    await clients.refresh();
    expect(clients.mayGoOn(anna.publicKey.text, "anna")).toBe(true);
    expect(fixture.warnings).toEqual([]);
    fixture.put("anna.key", anna);
    expect(await clients.refresh()).toEqual({ ...unchanged, added: [of(anna, "anna")] });
    writeFileSync(fixture.file("anna.key"), "curve\n");
    await clients.refresh();
    await clients.refresh();
    expect(fixture.warnings.length).toBe(1);
    fixture.clock.advance(leavingMs);
    expect((await clients.refresh()).ended).toEqual([of(anna, "anna")]);
  });

  test("a change that leaves length and time as they were is seen", async () => {
    await using fixture = await clientsFolder();
    const [anna, other] = [generateKeyPair(), generateKeyPair()];
    fixture.put("anna.key", anna);
    utimesSync(fixture.file("anna.key"), date, date);
    const clients = await fixture.load();
    fixture.put("anna.key", other);
    utimesSync(fixture.file("anna.key"), date, date);
    expect((await clients.refresh()).removed).toHaveLength(1);
    expect(clients.userOf(other.publicKey.text)).toBe("anna");
  });
});

describe.skipIf(process.platform === "win32")("one file that cannot be looked at", () => {
  const bad: Readonly<Record<string, (folder: string) => void>> = {
    "a link that loops": (folder) => symlinkSync("loop.key", `${folder}/loop.key`),
    "a link to nothing": (folder) => symlinkSync("/nowhere/at-all", `${folder}/nothing.key`),
    "a link through a file": (folder) => symlinkSync("anna.key/x", `${folder}/through.key`),
    "a link with too long a target": (folder) => symlinkSync("x".repeat(300), `${folder}/long.key`),
  };

  test.each(Object.entries(bad))("%s is told about, and turns nothing else off", async (_name, make) => {
    await using fixture = await clientsFolder();
    const [anna, bert] = [generateKeyPair(), generateKeyPair()];
    fixture.put("anna.key", anna);
    fixture.put("bert.key", bert);
    const clients = await fixture.load();
    make(fixture.folder);
    rmSync(fixture.file("bert.key"));
    expect(await clients.refresh()).toEqual({ ...unchanged, removed: [of(bert, "bert")] });
    expect(clients.list()).toEqual([of(anna, "anna")]);
    expect(fixture.warnings).toEqual([expect.stringContaining("it is a link")]);
    expect((await fixture.load()).list()).toEqual([of(anna, "anna")]);
  });

  test.skipIf(process.getuid?.() === 0)(
    "a folder that cannot be read keeps its keys (skipped for root, who may read all)",
    async () => {
      await using fixture = await clientsFolder();
      const anna = generateKeyPair();
      fixture.put("anna.key", anna);
      const clients = await fixture.load();
      for (const mode of [0o600, 0o300]) {
        chmodSync(fixture.folder, mode);
        expect(await clients.refresh()).toEqual(unchanged);
        chmodSync(fixture.folder, 0o700);
      }
      expect(clients.list()).toEqual([of(anna, "anna")]);
      expect(fixture.warnings).toHaveLength(2);
    },
  );
});

describe("watching", () => {
  test("a key that expires is told of at that moment, not at the next look", async () => {
    await using fixture = await clientsFolder();
    const anna = generateKeyPair();
    // In five seconds: the next look would come later.
    fixture.put("anna.key", anna, undefined, "2026-01-02T03:04:10Z");
    const clients = await fixture.load();
    const told = Promise.withResolvers<KeyChanges>();
    const { stop } = clients.watch(told.resolve);
    fixture.clock.advance(4_999);
    expect(clients.userOf(anna.publicKey.text)).toBe("anna");
    fixture.clock.advance(2);
    const all = [{ ...of(anna, "anna"), expiresAt: new Date("2026-01-02T03:04:10Z") }];
    expect(await told.promise).toEqual({ ...unchanged, expired: all });
    stop();
  });

  test("the folder is looked at every 5 s as long as the system gives no notice, then every 30 s", async () => {
    await using fixture = await clientsFolder();
    rmSync(fixture.folder, { recursive: true });
    const timers: { delayMs: number; callback: () => void }[] = [];
    const clock: Clock = {
      ...systemClock,
      after: (delayMs, callback) => {
        const timer = { delayMs, callback };
        timers.push(timer);
        return () => void (timers.includes(timer) && timers.splice(timers.indexOf(timer), 1));
      },
    };
    const clients = await AuthorizedClients.load({ ...fixture, clock });
    const { promise, resolve } = Promise.withResolvers<KeyChanges>();
    const { stop: end } = clients.watch(resolve);
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
    const clients = await AuthorizedClients.load({ ...fixture, clock: systemClock });
    const { promise, resolve } = Promise.withResolvers<KeyChanges>();
    const { stop: end } = clients.watch(resolve);
    fixture.put("anna.key", generateKeyPair());
    expect((await promise).added.map(({ user }) => user)).toEqual(["anna"]);
    end();
  });
});
