// The settings that several servers share, each with a DYNC_HOME of its own, and what becomes of what is written at one of them.

import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DyncError } from "../../src/base/error.ts";
import type { News, SettingsText, SharedSettings } from "../../src/catalogue/servers.ts";
import { readConfiguration } from "../../src/cli/dync-server/configuration.ts";
import { type Reload, RunningConfiguration } from "../../src/cli/dync-server/running-configuration.ts";
import { SettingsSharing } from "../../src/cli/dync-server/settings-sharing.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { type TempFolder, tempFolder } from "../support/temp-folder.ts";

class Shared implements SharedSettings {
  all: SettingsText[] = [];
  isAway = false;

  async newest(): Promise<SettingsText | null> {
    if (this.isAway) throw new DyncError("not-ready", "The server's catalogue cannot be reached");
    return this.all.at(-1) ?? null;
  }

  async put(text: string, before: number, by: Pick<SettingsText, "server" | "at">): Promise<number | null> {
    if ((this.all.at(-1)?.version ?? 0) !== before) return null;
    this.all.push({ version: before + 1, text, ...by });
    return before + 1;
  }
}

class Place {
  readonly home: string;
  readonly told: News[] = [];
  readonly lines: string[] = [];
  readonly came: Reload[] = [];
  readonly name: string;
  readonly #settings: SharedSettings;
  configuration!: RunningConfiguration;
  sharing!: SettingsSharing;

  constructor(temp: TempFolder, name: string, settings: SharedSettings, shared: string | null = "") {
    this.home = temp.file(name);
    this.name = name;
    this.#settings = settings;
    mkdirSync(this.home);
    writeFileSync(join(this.home, "server.toml"), "");
    if (shared !== null) this.write(shared);
  }

  /** As a server starts, or is started again. */
  async start(): Promise<this> {
    const read = (texts = {}) =>
      readConfiguration({ file: null, settings: {} }, { DYNC_HOME: this.home }, texts);
    this.configuration = new RunningConfiguration(await read(), read);
    this.sharing = new SettingsSharing({
      ...{ home: this.home, name: this.name, settings: this.#settings, configuration: this.configuration },
      ...{ servers: { tell: (news) => void this.told.push(news) }, clock: new ManualClock() },
      logger: { log: (_level, message) => void this.lines.push(message) },
    });
    await this.sharing.begin();
    this.sharing.onReload = (reload) => void this.came.push(reload);
    return this;
  }

  write(text: string): void {
    writeFileSync(join(this.home, "shared.toml"), text);
  }

  get file(): string {
    return readFileSync(join(this.home, "shared.toml"), "utf8");
  }

  /** What it goes by. */
  get expire(): number {
    return this.configuration.settings.expireMs;
  }

  get rules(): readonly string[] | undefined {
    return this.configuration.rulesOf("anna").uploads?.map(({ name }) => name);
  }
}

const days = (count: number) => count * 24 * 3_600_000;
const expire = (count: number) => `expire = "${count}d"\n`;
const rule = '[[rules]]\nname = "raw"\nfiles = ["*.raw"]\n';

async function pair(text = expire(3)) {
  const temp = await tempFolder();
  const shared = new Shared();
  const one = await new Place(temp, "one", shared, text).start();
  const other = await new Place(temp, "other", shared).start();
  return { temp, shared, one, other, [Symbol.asyncDispose]: () => temp[Symbol.asyncDispose]() };
}

test("what is written at one, and read there, the other goes by and has in its file, comments and all", async () => {
  await using it = await pair();
  const { one, other } = it;
  expect([one.expire, other.expire, other.file]).toEqual([days(3), days(3), expire(3)]);
  one.write(`# Of the institute\n${expire(4)}${rule}`);
  expect(await one.sharing.reload()).toMatchObject({
    outcome: "taken",
    changed: [
      { setting: "expire", from: "3d", to: "4d" },
      { setting: "rules", to: "raw" },
    ],
  });
  expect(one.told.at(-1)).toEqual({ kind: "settings" });
  expect(other.expire).toBe(days(3));
  await other.sharing.changed("notification");
  expect([other.expire, other.rules]).toEqual([days(4), ["raw"]]);
  expect(other.file).toBe(one.file);
  expect(other.came).toMatchObject([{ outcome: "taken" }]);
  await other.sharing.changed("notification");
  expect(other.came).toHaveLength(1);
});

test("whose file for them comes into being just when it is told of others goes by these, and says that nothing changed", async () => {
  await using temp = await tempFolder();
  const shared = new Shared();
  const one = await new Place(temp, "one", shared, null).start();
  const other = await new Place(temp, "other", shared, null).start();
  one.write("");
  expect(await one.sharing.reload()).toMatchObject({ outcome: "taken", changed: [] });
  await other.sharing.changed("notification");
  expect(other.came).toEqual([]);
  other.write("");
  await other.sharing.changed("notification");
  expect(other.came).toMatchObject([{ outcome: "taken", changed: [] }]);
  // Who asks for it afterwards hears the same, and nobody says it for the others once more.
  expect(await other.sharing.reload()).toMatchObject({ outcome: "taken", changed: [] });
  await other.sharing.changed("notification");
  expect(other.came).toHaveLength(1);
});

test("what is wrong is refused where it was written, and nobody else hears of it", async () => {
  await using it = await pair();
  const { one, other, shared } = it;
  one.write('expire = "4d"\nport = 3\n[[rules]]\nfiles = 7\n');
  const reload = await one.sharing.reload();
  if (reload.outcome !== "refused") throw new Error("It was taken");
  expect(reload.faults.map(({ message }) => message.replace(one.home, ""))).toEqual([
    "/shared.toml:2: port: is each server's own, and stands in its server.toml",
    "/shared.toml:3: rules[1].name: is missing",
    expect.stringMatching(/^\/shared.toml:4: rules\[1\].files: needs /),
  ]);
  expect([one.expire, shared.all.length]).toEqual([days(3), 1]);
  // The same of its own file: the shared one stays with it.
  one.write(expire(5));
  writeFileSync(join(one.home, "server.toml"), "max-uploads = true\n");
  expect(await one.sharing.reload()).toMatchObject({ outcome: "refused", faults: [{}] });
  await other.sharing.changed("notification");
  expect([one.expire, other.expire, shared.all.length]).toEqual([days(3), days(3), 1]);
});

test("what is being written into a server's own file waits, when others share something", async () => {
  await using it = await pair();
  const { one, other } = it;
  writeFileSync(join(other.home, "server.toml"), "max-uploads = tr");
  one.write(expire(9));
  await one.sharing.reload();
  await other.sharing.changed("notification");
  expect(other.expire).toBe(days(9));
});

test("of what was written at two the one that was read first counts, and the other one lies aside", async () => {
  await using it = await pair();
  const { one, other } = it;
  other.write(expire(6));
  one.write(expire(5));
  await one.sharing.reload();
  await other.sharing.changed("notification");
  // It goes by what all have; its file is whoever's who writes it just now.
  expect([other.expire, other.file]).toEqual([days(5), expire(6)]);
  const refused = await other.sharing.reload();
  expect(refused).toMatchObject({
    outcome: "refused",
    faults: [{ message: expect.stringContaining("on one") }],
  });
  expect([other.file, readFileSync(join(other.home, "shared.toml.aside"), "utf8")]).toEqual([
    expire(5),
    expire(6),
  ]);
  other.write(expire(6));
  expect(await other.sharing.reload()).toMatchObject({ outcome: "taken" });
  await one.sharing.changed("notification");
  expect([one.expire, one.file]).toEqual([days(6), expire(6)]);
});

test("a server that was away takes what was shared meanwhile, and gives what was written on it meanwhile", async () => {
  await using it = await pair();
  const { one, other } = it;
  one.write(expire(5));
  await one.sharing.reload();
  await other.start();
  expect([other.expire, other.file]).toEqual([days(5), expire(5)]);
  other.write(expire(6));
  await other.start();
  await one.sharing.changed("notification");
  expect([one.expire, one.file]).toEqual([days(6), expire(6)]);
  // Both: what is shared counts.
  other.write(expire(7));
  one.write(expire(8));
  await one.sharing.reload();
  await other.start();
  expect([other.expire, other.file]).toEqual([days(8), expire(8)]);
  expect(readFileSync(join(other.home, "shared.toml.aside"), "utf8")).toBe(expire(7));
});

test("a setting that this version does not know is passed over, and what else it cannot take leaves it with what it had", async () => {
  await using it = await pair();
  const { one, shared } = it;
  const by = { server: "later", at: "2026-01-01T00:00:00.000Z" };
  await shared.put(`${expire(5)}lifetime-of-moons = 3\n`, 1, by);
  await one.sharing.changed("notification");
  expect(one.expire).toBe(days(5));
  expect(one.lines.join("\n")).toContain(
    "settings of a later version, which do not count here: lifetime-of-moons",
  );
  await shared.put(`${expire(6)}[[rules]]\nname = "x"\nfiles = ["*"]\nmoons = 3\n`, 2, by);
  await one.sharing.changed("notification");
  expect([one.expire, one.came.at(-1)?.outcome]).toEqual([days(5), "refused"]);
  // Nor when it starts: of a server without any settings of before nobody could say what it lets in.
  await one.start();
  expect(one.expire).toBe(days(5));
  const fresh = new Place(it.temp, "fresh", shared);
  expect(fresh.start()).rejects.toThrow(/rules\[1\].moons: unknown setting/);
  await shared.put(expire(7), 3, by);
  await one.sharing.changed("notification");
  expect([one.expire, one.file]).toEqual([days(7), expire(7)]);
});

test("a server without the file takes no part, and one whose file vanished says so", async () => {
  await using it = await pair();
  const { one, other, shared } = it;
  const alone = await new Place(it.temp, "alone", shared, null).start();
  expect([alone.expire, existsSync(join(alone.home, "shared.toml"))]).toEqual([days(7), false]);
  expect(await alone.sharing.reload()).toMatchObject({ outcome: "taken", changed: [] });
  rmSync(join(other.home, "shared.toml"));
  expect(await other.sharing.reload()).toMatchObject({
    outcome: "refused",
    faults: [{ message: expect.stringMatching(/shared.toml is not there any more$/) }],
  });
  one.write(expire(4));
  await one.sharing.reload();
  await other.sharing.changed("notification");
  expect(other.expire).toBe(days(3));
  other.write("");
  rmSync(join(other.home, "shared.state"));
  expect(await other.sharing.reload()).toMatchObject({ outcome: "taken" });
  expect([other.expire, other.file]).toEqual([days(4), expire(4)]);
});

test("while the others cannot be told nothing new is shared, and a server's own file is read all the same", async () => {
  await using it = await pair();
  const { one, other, shared } = it;
  shared.isAway = true;
  writeFileSync(join(one.home, "server.toml"), "max-uploads = 5\n");
  expect(await one.sharing.reload()).toMatchObject({
    outcome: "taken",
    changed: [{ setting: "max-uploads" }],
  });
  one.write(expire(4));
  expect(await one.sharing.reload()).toMatchObject({
    outcome: "refused",
    faults: [{ message: expect.stringContaining("the other servers cannot be told") }],
  });
  await other.sharing.changed("notification");
  shared.isAway = false;
  expect(await one.sharing.reload()).toMatchObject({ outcome: "taken" });
  await other.sharing.changed("notification");
  expect([one.expire, other.expire]).toEqual([days(4), days(4)]);
});

test("a catalogue that was put back to an earlier state gets what all had", async () => {
  await using it = await pair();
  const { one, other, shared } = it;
  one.write(expire(5));
  await one.sharing.reload();
  await other.sharing.changed("notification");
  shared.all = shared.all.slice(0, 1);
  await one.sharing.changed("notification");
  await other.sharing.changed("notification");
  await one.sharing.changed("notification");
  expect(shared.all.map(({ text }) => text)).toEqual([expire(3), expire(5)]);
  expect([one.expire, other.expire, other.file]).toEqual([days(5), days(5), expire(5)]);
  shared.all = [];
  await other.sharing.changed("notification");
  await one.sharing.changed("notification");
  expect(shared.all.map(({ text }) => text)).toEqual([expire(5)]);
});

test("what a server's own file says goes before what is shared, a table as a whole", async () => {
  await using it = await pair();
  const { one, other } = it;
  writeFileSync(join(other.home, "server.toml"), `${expire(1)}[[rules]]\nname = "own"\nfiles = ["*"]\n`);
  await other.sharing.reload();
  one.write(`${expire(5)}remember = "9d"\n${rule}`);
  await one.sharing.reload();
  await other.sharing.changed("notification");
  expect([other.expire, other.configuration.settings.rememberMs, other.rules]).toEqual([
    days(1),
    days(9),
    ["own"],
  ]);
});
