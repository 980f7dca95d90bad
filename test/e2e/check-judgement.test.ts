// `dync check` with metadata, on the compiled programs: what would become of each file, without sending any.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { executablesMissing } from "../support/executables.ts";
import { type Lab, openLab } from "../support/lab.ts";
import { jsonLines, runProgram } from "../support/programs.ts";
import { onTerminal, terminalMissing } from "../support/terminal.ts";

const schema = {
  required: ["project", "run"],
  properties: {
    project: { type: "string", pattern: "^P[0-9]{4}$", title: "number of the project", examples: ["P1234"] },
    run: { type: "integer", minimum: 1 },
    blank: { type: "boolean" },
  },
};

const rules = `
[[rules]]
name = "of others"
users = ["bert"]
files = ["*.secret"]

[[rules]]
name = "ms"
users = ["ali*"]
files = ["*.raw"]
schema = "ms.json"

[[rules]]
name = "folders"
datasets = true
metadata = { kind = "nmr" }
path = "{meta.kind}/{name}"
`;

describe.skipIf(executablesMissing !== null)(`a judgement (${executablesMissing ?? "compiled"})`, () => {
  let lab: Lab;
  const to = () => `127.0.0.1:${lab.port}`;
  const check = (...args: readonly string[]) => lab.dync(["check", ...args]);
  const good = ["-k", "project:P1234", "-k", "run:=7"];

  beforeAll(async () => {
    lab = await openLab({ inMemory: true });
    writeFileSync(join(lab.homes.server, "ms.json"), JSON.stringify(schema));
    expect(await lab.configure(rules)).toMatchObject({ code: 0 });
  });
  afterAll(async () => await lab[Symbol.asyncDispose]());

  test("3: what would be taken, and by which rule; nothing is begun for it", async () => {
    const paths = [await lab.file("good.raw", 100), await lab.file("also.raw", 0)];
    const { code, stdout, stderr } = await check(...good, to(), ...paths);
    expect({ code, stderr }).toEqual({ code: 3, stderr: "2 files: 2 missing\n" });
    const wanted = paths.map(
      (it) => `missing  ${it}: would be taken, by the rule "ms", to alice/${basename(it)}`,
    );
    expect(stdout.trimEnd().split("\n").sort()).toEqual(wanted.toSorted());
    expect(lab.published()).toEqual([]);
    expect((await lab.dync(["uploads"])).stdout).toBe("");
  });

  test("without metadata nothing is said of what would be taken", async () => {
    const path = await lab.file("good.raw", 100);
    expect(await check(to(), path)).toMatchObject({ code: 3, stdout: `missing  ${path}\n` });
  });

  const refused: readonly (readonly [string, string, readonly string[], number, string])[] = [
    [
      "a field that is missing",
      "a.raw",
      ["-k", "run:=1"],
      6,
      'Metadata are not as the rule "ms" wants them: "project" (number of the project, such as "P1234") is missing',
    ],
    [
      "several faults",
      "a.raw",
      ["-k", "project:17", "-k", "run:=0"],
      6,
      '"project" is "17", wanted is a text that fits "^P[0-9]{4}$" (number of the project, such as "P1234"); "run" is 0, wanted is 1 or more',
    ],
    [
      "a text that should be a number",
      "a.raw",
      ["-k", "project:P1234", "-k", "run:7"],
      6,
      "wanted is a whole number",
    ],
    ["a name that no rule takes", "a.secret", good, 7, 'takes "a.secret": "ms" is for other names'],
    ["a name that nobody may have", "a\u200bb.raw", good, 7, "The file name contains"],
  ];
  test.each(refused)("%s is refused, and why", async (_what, name, metadata, code, text) => {
    const path = await lab.file(name, 10);
    const end = await check(...metadata, to(), path);
    expect(end.code).toBe(code);
    expect(end.stdout).toStartWith("refused  ");
    expect(end.stdout).toContain(text);
    expect(end.stdout.trimEnd()).not.toContain("\n");
    expect(end.stderr).toStartWith("1 file: 1 refused\n");
    // It is what send says.
    const sent = await lab.dync([...metadata, to(), path]);
    expect(sent.code).toBe(code);
    expect(sent.stderr).toContain(text);
    // Of other users' rules nobody hears.
    expect(end.stdout + sent.stderr).not.toContain("of others");
  });

  test("how to give a number is told where a text is in its place", async () => {
    const metadata = ["-k", "project:P1234", "-k", "run:7", "-k", "blank:false"];
    const hint = 'behind ":" is a text; for a number, true or false write ":=": -k run:=7 -k blank:=false';
    const path = await lab.file("hinted.raw", 10);
    expect((await check(...metadata, to(), path)).stderr).toBe(`1 file: 1 refused\n${hint}\n`);
    expect((await lab.dync([...metadata, to(), path])).stderr).toContain(`dync: hint: ${hint}\n`);
    const mended = await check("-k", "project:P1234", "-k", "run:=7", "-k", "blank:=false", to(), path);
    expect(mended.stdout).toContain('would be taken, by the rule "ms"');
  });

  test("what is stored, differs, would be taken and would be refused, in one command", async () => {
    const stored = await lab.file("stored.raw", 100);
    expect(await lab.dync([...good, to(), stored])).toMatchObject({ code: 0 });
    const folder = lab.folder.file("files", "mixed");
    mkdirSync(folder, { recursive: true });
    for (const name of ["stored.raw", "new.raw", "new.txt"]) writeFileSync(join(folder, name), name);
    const { code, stdout, stderr } = await check(...good, to(), stored);
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: "", stderr: "1 file: 1 stored\n" });
    const mixed = await check(...good, to(), folder);
    expect({ code: mixed.code, stderr: mixed.stderr }).toEqual({
      code: 7,
      stderr: "3 files: 1 differs, 1 missing, 1 refused\n",
    });
    for (const line of [
      `differs  ${join(folder, "stored.raw")}: other content: 100 bytes there, 10 here`,
      `missing  ${join(folder, "new.raw")}: would be taken, by the rule "ms"`,
      `refused  ${join(folder, "new.txt")}: No rule of this server takes "new.txt"`,
    ])
      expect(mixed.stdout).toContain(line);
  });

  test("rows of a table and files beside a file count, as with send", async () => {
    const folder = lab.folder.file("files", "rows");
    mkdirSync(folder, { recursive: true });
    for (const name of ["r1.raw", "r2.raw"]) writeFileSync(join(folder, name), name);
    writeFileSync(join(folder, "r2.raw.meta.json"), '{"run":2,"project":"P0002"}');
    const beside = await check("--sidecars", "-k", "project:P1234", to(), folder);
    expect(beside.stdout).toContain("r1.raw: Metadata are not");
    expect(beside.stdout).toContain('r2.raw: would be taken, by the rule "ms"');
    const table = await lab.file("runs.csv", "file,project\nr1.raw,P0001\nr2.raw,17\n");
    const rows = await check(
      "--metadata-from",
      table,
      "-k",
      "run:=7",
      to(),
      join(folder, "r1.raw"),
      join(folder, "r2.raw"),
    );
    expect(rows.stdout).toContain('r1.raw: would be taken, by the rule "ms"');
    expect(rows.stdout).toContain('r2.raw: Metadata are not as the rule "ms" wants them: "project" is "17"');
    expect(rows.code).toBe(6);
  });

  test("a folder is judged as the dataset that it would be", async () => {
    const run = lab.folder.file("files", "run42");
    mkdirSync(run, { recursive: true });
    writeFileSync(join(run, "fid"), "1");
    const end = async (kind: string) => (await check("--dataset", "-k", `kind:${kind}`, to(), run)).stdout;
    expect(await end("nmr")).toBe(`missing  ${run}: would be taken, by the rule "folders", to nmr/run42\n`);
    expect(await end("ms")).toContain('"folders" wants "kind" to be "nmr"');
  });

  test("--json has the rule, and the faults as a list", async () => {
    const [goodOne, other] = [await lab.file("json.raw", 1), await lab.file("json.txt", 1)];
    const linesOf = async (...args: readonly string[]) => jsonLines((await check("--json", ...args)).stdout);
    const lines = await linesOf(...good, to(), goodOne, other);
    expect(lines).toContainEqual(
      expect.objectContaining({ name: "json.raw", outcome: "missing", rule: "ms", place: "alice/json.raw" }),
    );
    expect(lines).toContainEqual(
      expect.objectContaining({ name: "json.txt", outcome: "refused", code: "forbidden" }),
    );
    expect(lines.at(-1)).toMatchObject({ ok: false, exit: 7, missing: 1, refused: 1 });
    const [bad] = await linesOf("-k", "run:7", to(), goodOne);
    expect(bad).toMatchObject({ outcome: "refused", code: "metadata-rejected" });
    expect(bad?.faults).toEqual([
      { path: "", text: expect.stringContaining('"project" (number'), missing: ["project"] },
      { path: "run", text: '"run" is the text "7", wanted is a whole number', types: ["integer"] },
    ]);
  });

  test.skipIf(terminalMissing !== null)(
    `on a terminal each fault has a line of its own (${terminalMissing ?? "terminal"})`,
    async () => {
      const path = await lab.file("seen.raw", 10);
      const env = { DYNC_HOME: lab.homes.client, TERM: "xterm" };
      const shown = async (...args: readonly string[]) => {
        const command = [lab.programs.dync, ...args, "-k", "project:17", "-k", "run:=0", to(), path];
        return (await runProgram(onTerminal(command), { env })).stdout.replaceAll("\r", "");
      };
      const faults = [
        'Metadata are not as the rule "ms" wants them:',
        '"project" is "17", wanted is a text that fits "^P[0-9]{4}$" (number of the project, such as "P1234")',
        '"run" is 0, wanted is 1 or more',
      ];
      expect(await shown("check")).toContain(`refused  ${path}: ${faults.join("\n         ")}\n`);
      expect(await shown()).toContain(`${faults.join("\n  ")}\n`);
    },
  );

  describe("offline", () => {
    const offline = (...args: readonly string[]) => lab.dync(["check", "--offline", ...args]);
    const copy = () => join(lab.homes.client, "rules", `127.0.0.1_${lab.port}.json`);
    const reload = async (text: string) => {
      expect(await lab.configure(text)).toMatchObject({ code: 0 });
    };

    test("9: without a copy nobody can know, and it is said how to get one", async () => {
      rmSync(join(lab.homes.client, "rules"), { recursive: true, force: true });
      const end = await offline(...good, to(), await lab.file("off.raw", 1));
      expect(end).toMatchObject({ code: 9, stdout: "" });
      expect(end.stderr).toMatch(/^dync: error: There is no copy of the rules of 127\.0\.0\.1:\d+ here\n/);
      expect(end.stderr).toContain('hint: "dync check" keeps one as soon as that server answers it');
    });

    test("it judges as the server did, also when that is gone", async () => {
      const paths: string[] = [];
      for (const name of ["off.raw", "off.txt", "off\u200bline.raw"]) paths.push(await lab.file(name, 10));
      const said = async (...args: readonly string[]) => {
        const { stdout } = await lab.dync(["check", "--json", ...args, to(), ...paths]);
        const files = jsonLines(stdout).filter(({ type }) => type === "file");
        return files.map(({ outcome, ...it }) =>
          outcome === "missing" ? { ...it, outcome: "accepted" } : { ...it, outcome },
        );
      };
      const all = [good, ["-k", "project:P1"], ["-k", "a:b"], [...good, "-k", "kind:nmr"]];
      const answers = [];
      for (const metadata of all) answers.push(await said("--jobs", "1", ...metadata));
      expect(answers.map((it) => it.length)).toEqual([3, 3, 3, 3]);
      expect(existsSync(copy())).toBe(true);
      expect(readFileSync(copy(), "utf8")).not.toContain("secret");
      lab.server.signal("SIGTERM");
      await lab.server.ended();
      for (const [index, metadata] of all.entries())
        expect(await said("--offline", "--jobs", "1", ...metadata)).toEqual(answers[index] as never);
      const end = await offline(...good, to(), paths[0] as string);
      expect(end).toMatchObject({
        code: 0,
        stdout: `accepted ${paths[0]}: by the rule "ms", to alice/off.raw\n`,
      });
      expect(end.stderr).toMatch(
        /^Judged by a copy of the rules of 127\.0\.0\.1:\d+ for the user "alice", as they were \d.* ago \(\d{4}-.*\)\n1 file: 1 accepted\n$/,
      );
      expect(await offline("-k", "run:=7", to(), paths[0] as string)).toMatchObject({ code: 6 });
      expect(await offline(...good, to(), paths[1] as string)).toMatchObject({ code: 7 });
      expect(await offline(...good, to(), lab.folder.file("gone.raw"))).toMatchObject({
        code: 3,
        stdout: "",
      });
      await lab.start();
    });

    test("other rules count there as soon as a check heard of them", async () => {
      const path = await lab.file("changed.raw", 10);
      await check(...good, to(), path);
      await reload('[[rules]]\nname = "other"\nfiles = ["*.raw"]\n');
      expect((await offline(...good, to(), path)).stdout).toContain('by the rule "ms"');
      // Sending neither asks nor fetches.
      expect(await lab.dync([...good, to(), await lab.file("sent.raw", 1)])).toMatchObject({ code: 0 });
      expect((await offline(...good, to(), path)).stdout).toContain('by the rule "ms"');
      await check(to(), path);
      expect((await offline(...good, to(), path)).stdout).toContain('by the rule "other"');
      await reload(rules);
    });

    test("rules that are too large are judged by the server alone, which is said", async () => {
      const path = await lab.file("large.raw", 10);
      await check(to(), path);
      const before = readFileSync(copy(), "utf8");
      const large = {
        properties: Object.fromEntries(
          Array.from({ length: 9000 }, (_, at) => [`field ${at}`, { type: "string" }]),
        ),
      };
      writeFileSync(join(lab.homes.server, "large.json"), JSON.stringify(large));
      await reload('[[rules]]\nname = "large"\nschema = "large.json"\n');
      const end = await check(...good, to(), path);
      expect(end.stdout).toContain('by the rule "large"');
      expect(end.stderr).toMatch(
        /No copy of the rules is kept for --offline: The rules that concern you have \d+ bytes, and at most 262144 are given away\n$/,
      );
      expect(readFileSync(copy(), "utf8")).toBe(before);
      await reload(rules);
    });

    test("a copy that is damaged, or another key's, is none", async () => {
      const path = await lab.file("damaged.raw", 10);
      await check(to(), path);
      const kept = readFileSync(copy(), "utf8");
      for (const text of [
        "",
        "[".repeat(100_000),
        kept.slice(0, 100),
        kept.replace("P[0-9]{4}", "P[0-9]{5}"),
      ]) {
        writeFileSync(copy(), text);
        expect(await offline(...good, to(), path)).toMatchObject({ code: 9, stdout: "" });
      }
      expect((await check(to(), path)).code).toBe(3);
      expect(await offline(...good, to(), path)).toMatchObject({ code: 0 });
      const home = await lab.user("carl");
      mkdirSync(join(home, "rules"));
      writeFileSync(join(home, "rules", `127.0.0.1_${lab.port}.json`), kept);
      const end = await lab.dync(["check", "--offline", ...good, to(), path], { env: { DYNC_HOME: home } });
      expect(end).toMatchObject({ code: 9, stderr: expect.stringContaining("is for another key, SHA256:") });
    });

    test("2: what cannot be asked of a copy", async () => {
      const path = await lab.file("usage.raw", 10);
      expect(await offline(to(), path)).toMatchObject({
        code: 2,
        stderr: expect.stringContaining("There are no metadata that could be judged offline"),
      });
      expect(await offline(...good, "--by-content", to(), path)).toMatchObject({
        code: 2,
        stderr: expect.stringContaining('Options "--offline" and "--by-content" are both given'),
      });
    });
  });

  test("metadata that no server takes are refused here", async () => {
    const path = await lab.file("huge.raw", 1);
    const huge = await lab.file("huge.json", JSON.stringify({ a: "x".repeat(300_000) }));
    const deep = await lab.file("deep.json", `${'{"a":'.repeat(100)}1${"}".repeat(100)}`);
    expect((await check("-m", huge, to(), path)).stderr).toContain("at most 262144 are allowed");
    expect((await check("-m", deep, to(), path)).stderr).toContain("is nested deeper than 64 levels");
  });
});
