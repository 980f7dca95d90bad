// Receipts on the executables: kept for each upload, listed, verified without a server, and refused when a byte is another; keys that
// are changed; datasets; what was there already; and what a server's restart finished.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { appendFile, cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { executablesMissing } from "../support/executables.ts";
import { type Lab, openLab } from "../support/lab.ts";
import { jsonLines } from "../support/programs.ts";

type Line = Readonly<Record<string, unknown>>;

describe.skipIf(executablesMissing !== null)(`receipts (${executablesMissing ?? "compiled"})`, () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await openLab({ inMemory: true });
  });
  afterAll(async () => await lab[Symbol.asyncDispose]());

  /** The receipts of what is called `name`, as they are listed. */
  async function receiptsOf(name: string): Promise<readonly Line[]> {
    const { stdout } = await lab.dync(["receipts", "--json", "-n", name]);
    return jsonLines(stdout).filter(({ type }) => type === "receipt");
  }

  async function fileOf(name: string): Promise<string> {
    const [receipt, ...others] = await receiptsOf(name);
    expect(others).toEqual([]);
    return String(receipt?.file);
  }

  const verify = (...args: readonly string[]) => lab.dync(["verify-receipt", ...args]);
  /** In a home where no receipt ever came. */
  const elsewhere = (...args: readonly string[]) =>
    lab.dync(["verify-receipt", ...args], { env: { DYNC_HOME: lab.folder.file("elsewhere") } });

  test("of a file: listed, printed, and verified with its data and metadata", async () => {
    const path = await lab.file("one.raw", 100_000);
    const meta = await lab.file("one.json", '{"run": 7, "id": 12345678901234567890}');
    expect((await lab.dync([`127.0.0.1:${lab.port}`, "-m", meta, path])).code).toBe(0);
    const [receipt] = await receiptsOf("one.raw");
    expect(receipt).toMatchObject({ user: "alice", size: 100_000, address: `127.0.0.1:${lab.port}` });
    const { stdout } = await lab.dync(["receipts"]);
    expect(stdout).toContain(`"one.raw" of alice at 127.0.0.1:${lab.port}`);
    const shown = await lab.dync(["receipts", "show", String(receipt?.upload).slice(0, 8)]);
    const file = String(receipt?.file);
    expect(shown.stdout).toBe(await readFile(file, "utf8"));
    const proved = await verify(file, path, "-m", meta);
    expect(proved).toMatchObject({ code: 0, stderr: "" });
    expect(proved.stdout).toContain("The receipt is whole, and was signed by the server:");
    expect(proved.stdout).toContain(`"${path}" is what was stored.`);
    expect((await verify(file, path, "-m", lab.stored("one.raw.meta.json"))).code).toBe(0);
    const other = await verify(file, "-m", await lab.file("other.json", '{"run": 8}'));
    expect(other).toMatchObject({ code: 8, stdout: "" });
  });

  test("with one byte changed, in the receipt or in the data, is refused with status 8", async () => {
    const path = await lab.file("changed.raw", 5000);
    await lab.send([path]);
    const file = await fileOf("changed.raw");
    const receipt = await readFile(file);
    for (const at of [0, 5, 300, receipt.indexOf("."), receipt.length - 2, receipt.length - 1]) {
      const changed = Buffer.from(receipt);
      changed[at] = (changed[at] ?? 0) ^ 1;
      await writeFile(lab.folder.file("changed"), changed);
      expect(await verify(lab.folder.file("changed"), path)).toMatchObject({ code: 8, stdout: "" });
    }
    const data = readFileSync(path);
    data[4999] = (data[4999] ?? 0) ^ 1;
    writeFileSync(path, data);
    expect(await verify(file, path)).toMatchObject({ code: 8, stdout: "" });
    await appendFile(path, "x");
    const { stderr } = await verify(file, path);
    expect(stderr).toContain("it has 5001 bytes, and the receipt is for 5000");
    expect((await verify(lab.folder.file("gone"))).code).toBe(4);
    expect((await verify(file, lab.folder.file("gone"))).code).toBe(4);
  });

  test("proves nothing by a key that nobody knows, and something by the one that the server's steward hands out", async () => {
    await lab.send([await lab.file("handed.raw", 10)]);
    const file = await fileOf("handed.raw");
    expect(await elsewhere(file)).toMatchObject({ code: 7, stdout: "" });
    const key = lab.folder.file("lab.jwks");
    await writeFile(key, (await lab.dyncServer(["receipts", "key"])).stdout);
    const proved = await elsewhere(file, "--key", key);
    expect(proved.code).toBe(0);
    expect(proved.stdout).toContain(`, in ${key}.`);
    expect(await readFile(join(lab.homes.server, "receipts.jwks"), "utf8")).toBe(readFileSync(key, "utf8"));
    await writeFile(key, "{}");
    expect((await elsewhere(file, "--key", key)).code).toBe(2);
  });

  test("of a dataset is for its folder and for its tar, and for no other", async () => {
    const folder = lab.folder.file("files", "set");
    mkdirSync(join(folder, "part"), { recursive: true });
    writeFileSync(join(folder, "part", "a.txt"), "a");
    writeFileSync(join(folder, "b.txt"), "b");
    expect((await lab.send(["--dataset", folder])).code).toBe(0);
    const file = await fileOf("set");
    expect((await verify(file, folder)).code).toBe(0);
    await cp(lab.stored("set"), lab.folder.file("copy"), { recursive: true });
    expect((await verify(file, lab.folder.file("copy"))).code).toBe(0);
    writeFileSync(join(folder, "part", "a.txt"), "A");
    expect(await verify(file, folder)).toMatchObject({ code: 8, stdout: "" });
    expect((await verify(file, join(folder, "b.txt"))).code).toBe(8);
    const one = await lab.file("no-set.raw", 10);
    await lab.send([one]);
    expect((await verify(await fileOf("no-set.raw"), folder)).stderr).toContain("the receipt is for a file");
  });

  test("comes again with what is there already, under its name or another", async () => {
    const path = await lab.file("again.raw", 3000);
    await lab.send([path]);
    const [first] = await receiptsOf("again.raw");
    for (const args of [[path], ["--skip-identical", path], ["--skip-identical", "-n", "more.raw", path]]) {
      rmSync(String(first?.file));
      expect((await lab.send(args)).code).toBe(0);
      expect(await receiptsOf("again.raw")).toEqual([first as Line]);
    }
  });

  test("of each file of a batch is kept, and says so where that cannot be", async () => {
    const paths = await Promise.all(Array.from({ length: 80 }, (_, at) => lab.file(`batch-${at}.raw`, 100)));
    expect((await lab.send(["-q", "--jobs", "8", ...paths])).code).toBe(0);
    const { stdout } = await lab.dync(["receipts", "--json"]);
    const names = jsonLines(stdout).map(({ name }) => String(name));
    expect(names.filter((name) => name.startsWith("batch-")).toSorted()).toEqual(
      paths.map((_, at) => `batch-${at}.raw`).toSorted(),
    );
    const one = jsonLines(stdout).find((it) => it.name === "batch-17.raw")!;
    const shown = await lab.dync(["receipts", "show", String(one.upload)]);
    const file = lab.folder.file("one.receipt");
    await writeFile(file, shown.stdout);
    expect(await verify(file, paths[17]!)).toMatchObject({ code: 0, stderr: "" });
    if (one.line !== undefined)
      expect((await verify(String(one.file))).stderr).toContain(`${one.file} holds several receipts`);
    const home = lab.folder.file("closed");
    await cp(lab.homes.client, home, { recursive: true });
    rmSync(join(home, "receipts"), { recursive: true });
    writeFileSync(join(home, "receipts"), "");
    const end = await lab.send([await lab.file("closed.raw", 10)], { env: { DYNC_HOME: home } });
    expect(end.code).toBe(0);
    expect(end.stderr).toContain("The receipt of the server could not be kept");
  });

  test("is signed by another key when the steward changes it, which the old one signed over", async () => {
    const old = JSON.parse((await lab.dyncServer(["receipts", "key"])).stdout);
    await writeFile(lab.folder.file("old.jwks"), JSON.stringify(old));
    expect((await lab.dyncServer(["receipts", "rotate-key"])).code).toBe(0);
    const now = JSON.parse((await lab.dyncServer(["receipts", "key"])).stdout);
    expect(now.keys.slice(1)).toEqual(old.keys);
    expect((await lab.send([await lab.file("turned.raw", 10)])).stderr).not.toContain("key");
    const last = await fileOf("turned.raw");
    const { stdout } = await verify(last);
    expect(stdout).toContain(`Signed with the key ${now.keys[0].kid}, kept here for 127.0.0.1:${lab.port}`);
    expect(stdout).toContain(`signed over by the key ${old.keys[0].kid}.`);
    const shown = await lab.dyncServer(["audit", "show", "--json", "--data", lab.data]);
    const [started, ...changes] = jsonLines(shown.stdout).filter(
      ({ event, command }) =>
        event === "started" || event === "receipts-key" || command === "receipts rotate-key",
    );
    const names = { receiptsKey: now.keys[0].kid, before: old.keys[0].kid };
    expect(started?.receiptsKey).toBe(old.keys[0].kid);
    expect(changes).toMatchObject([
      { event: "receipts-key", ...names },
      { event: "command", outcome: "done", answer: { key: names.receiptsKey, before: names.before } },
    ]);
    const followed = await elsewhere(last, "--key", lab.folder.file("old.jwks"));
    expect(followed.code).toBe(0);
    expect(followed.stdout).toContain(`the key ${old.keys[0].kid}, in `);
    expect((await verify(await fileOf("one.raw"))).code).toBe(0);
  });

  test("is signed by a key that nothing connects with the first: the client says so, and does not prove anything by it", async () => {
    lab.server.signal("SIGTERM");
    await lab.server.ended();
    rmSync(join(lab.homes.server, "receipts.key_secret"));
    await lab.start();
    const end = await lab.send([await lab.file("strange.raw", 10)]);
    expect(end.code).toBe(0);
    expect(end.stderr).toContain("ask its administrator about that");
    expect(await verify(await fileOf("strange.raw"))).toMatchObject({ code: 7, stdout: "" });
  });
});
