// A steward's rules on the compiled programs: what is wrong is told before the first byte, in words, and a running server takes
// other rules.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { executablesMissing } from "../support/executables.ts";
import { type Lab, openLab } from "../support/lab.ts";

const schema = {
  required: ["project", "run"],
  properties: {
    project: { type: "string", pattern: "^P[0-9]{4}$", title: "number of the project", examples: ["P1234"] },
    run: { type: "integer", minimum: 1 },
    kind: { enum: ["ms", "nmr"] },
  },
};

describe.skipIf(executablesMissing !== null)(`rules (${executablesMissing ?? "compiled"})`, () => {
  let lab: Lab;
  const rules = (...parts: readonly string[]): void => {
    const text = parts.map((it) => `[[rules]]\n${it}\n`).join("\n");
    writeFileSync(join(lab.homes.server, "server.toml"), text);
  };
  const server = async (...args: readonly string[]) => await lab.dyncServer(args);
  const ms = 'name = "ms"\nusers = ["ali*"]\nfiles = ["*.raw"]\nschema = "ms.json"';
  const nmr = 'name = "nmr"\ndatasets = true\nmetadata = { kind = "nmr" }';
  const to = () => `127.0.0.1:${lab.port}`;

  beforeAll(async () => {
    lab = await openLab({ inMemory: true });
    writeFileSync(join(lab.homes.server, "ms.json"), JSON.stringify(schema));
    rules(ms, nmr, 'name = "others"\nusers = ["bert"]');
    expect(await server("reload")).toMatchObject({ code: 0, stdout: "rules: none -> ms, nmr, others\n" });
  });
  afterAll(async () => await lab[Symbol.asyncDispose]());

  test("all that is wrong with metadata is told at once, before any data", async () => {
    // More than a server would take without an answer.
    const path = await lab.file("a.raw", 40 * 1024 * 1024);
    const { code, stderr } = await lab.dync(["-k", "project:17", "-k", "kind:gc", to(), path]);
    expect(code).toBe(6);
    expect(stderr).toContain('Metadata are not as the rule "ms" wants them: "run" is missing');
    expect(stderr).toContain('(number of the project, such as "P1234")');
    expect(stderr).toContain('"kind" is "gc", wanted is "ms" or "nmr"');
    lab.expectNothingStored("a.raw");
    const line = await lab.server.line(/"Upload refused".*/);
    expect(line[0]).toContain('"code":422');
  });

  test("what keeps to them is stored", async () => {
    const path = await lab.file("right.RAW", 1000);
    const metadata = ["-k", "project:P1234", "-k"];
    const text = await lab.dync([...metadata, "run:7", to(), path]);
    expect(text).toMatchObject({ code: 6 });
    expect(text.stderr).toContain('"run" is the text "7", wanted is a whole number');
    expect(await lab.dync(["-q", ...metadata, "run:=7", to(), path])).toMatchObject({ code: 0, stderr: "" });
    await lab.expectStored(path);
  });

  test("what no rule takes is refused, and why by each", async () => {
    const path = await lab.file("a.txt", 10);
    const { code, stderr } = await lab.send([path]);
    expect(code).toBe(7);
    expect(stderr).toContain(
      'No rule of this server takes "a.txt": "ms" is for other names, "nmr" takes folders only (send it with --dataset)',
    );
  });

  test("a folder is taken by its own", async () => {
    const run = lab.folder.file("files", "run42");
    mkdirSync(run, { recursive: true });
    writeFileSync(join(run, "fid"), "1");
    const send = async (...args: readonly string[]) =>
      await lab.dync(["send", "--dataset", ...args, to(), run]);
    expect((await send("-k", "kind:ms")).stderr).toContain('"nmr" wants "kind" to be "nmr"');
    expect(await send("-k", "kind:nmr")).toMatchObject({ code: 0 });
  });

  test("other words of a schema count from the next reload on; a mistake in it changes nothing", async () => {
    const path = await lab.file("later.raw", 10);
    const send = async () => await lab.dync(["-q", "-m", await lab.file("m.json", '{"run":1}'), to(), path]);
    expect((await send()).code).toBe(6);
    writeFileSync(join(lab.homes.server, "ms.json"), '{"required":["run"],"type":"objekt"}');
    const refused = await server("reload");
    expect(refused).toMatchObject({ code: 2, stdout: "" });
    expect(refused.stderr).toMatch(
      /server\.toml:5: rules\[1\]\.schema: .*ms\.json is no JSON Schema of 2020-12: type/,
    );
    expect((await send()).code).toBe(6);
    writeFileSync(join(lab.homes.server, "ms.json"), '{"required":["run"]}');
    expect(await server("reload")).toMatchObject({
      code: 0,
      stdout: "rules: ms, nmr, others -> ms, nmr, others, with other words\n",
    });
    expect(await send()).toMatchObject({ code: 0, stderr: "" });
  });

  test("`rules test` says the same without sending", async () => {
    const tried = await server("rules", "test", "--user", "alice", "-n", "x.raw", "-k", "a:1");
    expect(tried).toMatchObject({ code: 6, stdout: "" });
    expect(tried.stderr).toContain('"run" is missing');
  });
});
