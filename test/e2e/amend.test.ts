// Metadata that are put right after the fact, on the compiled programs: of what is stored, and of what is held because of them.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { executablesMissing } from "../support/executables.ts";
import { type Lab, openLab } from "../support/lab.ts";
import { jsonLines } from "../support/programs.ts";

const schema = { required: ["run"], properties: { run: { type: "integer", minimum: 1 } } };
const rules = `
[[rules]]
name = "night"
files = ["*.raw"]
path = "night/{meta.run}/{name}"
schema = "run.json"
on-refusal = "hold"

[[rules]]
name = "day"
schema = "run.json"
`;

interface Shown {
  readonly story: readonly { readonly kind: string; readonly at: string | null }[];
}

describe.skipIf(executablesMissing !== null)(`amending (${executablesMissing ?? "compiled"})`, () => {
  let lab: Lab;
  const to = () => `127.0.0.1:${lab.port}`;
  const data = (...path: readonly string[]) => join(lab.data, ...path);
  const server = async (...args: readonly string[]) => await lab.dyncServer(args);
  const listed = async (...args: readonly string[]) => {
    const { stdout } = await server("uploads", "list", "--json", ...args);
    return jsonLines(stdout).filter(({ type }) => type === "stored-upload");
  };

  beforeAll(async () => {
    lab = await openLab({ inMemory: true });
    writeFileSync(join(lab.homes.server, "run.json"), JSON.stringify(schema));
    expect(await lab.configure(rules)).toMatchObject({ code: 0 });
  });
  afterAll(async () => await lab[Symbol.asyncDispose]());

  test("what is stored gets other metadata, which the rules judge; those of before stay beside it", async () => {
    const path = await lab.file("a.txt", 100);
    expect(await lab.dync(["-q", "-k", "run:=1", "-k", "who:me", to(), path])).toMatchObject({ code: 0 });
    const [upload] = await listed("--name", "a.txt");
    const id = String(upload?.id).slice(0, 10);
    const wrong = await server("uploads", "amend", id, "-k", "run:=0");
    expect(wrong).toMatchObject({ code: 6, stdout: "" });
    expect(wrong.stderr).toContain('"run" is 0, wanted is 1 or more');
    expect(await server("uploads", "amend", id, "-k", "run:=12345678901234567890")).toMatchObject({
      code: 0,
      stdout: 'Amended: "alice/a.txt"; the metadata of before are in "a.txt.meta.json.1"\n',
    });
    const text = readFileSync(data("alice", "a.txt.meta.json"), "utf8");
    expect(text).toContain('"run": 12345678901234567890,');
    expect(JSON.parse(text)).not.toHaveProperty("who");
    expect(JSON.parse(text)._dync.amended).toMatch(/^20/);
    expect(JSON.parse(readFileSync(data("alice", "a.txt.meta.json.1"), "utf8"))).toMatchObject({
      run: 1,
      who: "me",
    });
    expect(await listed("--where", "run=12345678901234567890")).toHaveLength(1);
    expect((await server("uploads", "verify", id)).code).toBe(0);
    await lab.expectStored(path);
    // It was stored when it was, whatever was changed of it since.
    const { story } = jsonLines((await server("uploads", "show", id, "--json")).stdout).at(
      -1,
    ) as unknown as Shown;
    const at = (kind: string) => String(story.find((it) => it.kind === kind)?.at);
    expect([at("admitted"), at("complete"), at("stored"), at("amended")].map(Date.parse)).not.toContain(NaN);
    expect(at("amended") > at("stored")).toBe(true);
  });

  test("a run whose metadata are wrong is kept through the night, hidden, and stored when they are right", async () => {
    const path = await lab.file("b.raw", 3_000_000);
    const sent = await lab.dync(["-k", "rum:=7", to(), path]);
    expect(sent.code).toBe(6);
    expect(sent.stderr).toContain("All of it has arrived, and is kept on the server as ");
    expect(sent.stderr).toContain('"run" is missing');
    expect(existsSync(data("night"))).toBe(false);
    expect(readdirSync(lab.data)).not.toContain(".held");
    const [upload] = await listed("--state", "held");
    expect(upload).toMatchObject({ state: "held", name: "b.raw", user: "alice" });
    const id = String(upload?.id);
    expect((await server("uploads", "amend", id, "-k", "rum:=8")).code).toBe(6);
    // It outlives the server.
    await lab.server.kill();
    await lab.start();
    expect(await server("uploads", "amend", id, "-k", "run:=7")).toMatchObject({
      code: 0,
      stdout: 'Amended: it is held no more, and stored as "night/7/b.raw"\n',
    });
    expect(readFileSync(data("night", "7", "b.raw")).equals(readFileSync(path))).toBe(true);
    expect(await listed("--state", "held")).toEqual([]);
    expect((await server("uploads", "verify", id)).code).toBe(0);
    const shown = (await server("uploads", "show", id)).stdout;
    expect(shown).toContain("Its metadata were put right, for want of which it was held");
    // Its client was not away.
    expect(shown).not.toContain("Gone on with");
    const failed = await server("uploads", "amend", "ffffffff", "-k", "run:=7");
    expect(failed.code).toBe(1);
  });

  test("who sends it again with right metadata needs no steward", async () => {
    const path = await lab.file("c.raw", 1000);
    expect((await lab.dync(["-k", "rum:=7", to(), path])).code).toBe(6);
    expect((await lab.dync(["-q", "-k", "run:=9", to(), path])).code).toBe(0);
    expect(existsSync(data("night", "9", "c.raw"))).toBe(true);
  });

  test("what lies where it would go is in its way, and it stays held", async () => {
    const path = await lab.file("d.raw", 1000);
    expect((await lab.dync(["-q", "-k", "run:=1", to(), path])).code).toBe(0);
    expect((await lab.dync(["-k", "rum:=1", to(), path])).code).toBe(6);
    const [upload] = await listed("--state", "held", "--name", "d.raw");
    const id = String(upload?.id);
    const taken = await server("uploads", "amend", id, "-k", "run:=1");
    expect(taken.code).toBe(7);
    expect(taken.stderr).toContain('There is a file "d.raw" on the server already');
    expect(await listed("--state", "held", "--name", "d.raw")).toHaveLength(1);
    expect((await server("uploads", "amend", id, "-k", "run:=2")).code).toBe(0);
    expect(existsSync(data("night", "2", "d.raw"))).toBe(true);
  });
});
