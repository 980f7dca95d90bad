// A watched folder under a server that wants certain metadata, on the compiled programs: what lacks a field waits, and is named with it.

import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { executablesMissing } from "../support/executables.ts";
import { openLab } from "../support/lab.ts";
import { jsonLines } from "../support/programs.ts";

const schema = (required: readonly string[]): string =>
  JSON.stringify({ required, properties: { project: { pattern: "^P[0-9]+$" }, run: { type: "integer" } } });
const rules = '[[rules]]\nname = "ms"\nschema = "ms.json"\n';

describe.skipIf(executablesMissing !== null)(
  `rules of metadata (${executablesMissing ?? "compiled"})`,
  () => {
    test("what lacks fields waits before anything is sent, with their names, and goes when it has them or the rules change", async () => {
      await using lab = await openLab({ inMemory: true });
      const take = async (...required: readonly string[]): Promise<void> => {
        writeFileSync(join(lab.homes.server, "ms.json"), schema(required));
        expect(await lab.configure(rules)).toMatchObject({ code: 0 });
      };
      await take("project", "run");
      const folder = lab.folder.file("files", "watched");
      mkdirSync(join(folder, "run1"), { recursive: true });
      for (const name of ["run1/a.tif", "b.raw", "c.raw"]) writeFileSync(join(folder, name), name);
      writeFileSync(join(folder, "c.raw.meta.json"), '{"project": "P1", "run": 3}');
      const line = ["watch", "--settle", "1s", "-k", "project:17", `127.0.0.1:${lab.port}`, folder];

      const end = await lab.dync([...line, "--once", "--json"]);
      expect(end.code).toBe(0);
      const waiting = jsonLines(end.stdout).filter(({ reason }) => reason === "metadata-missing");
      const lacking = waiting.map(({ path, fields }) => [path, (fields as string[]).toSorted()]);
      expect(lacking.sort()).toEqual([
        ["b.raw", ["project", "run"]],
        ["run1", ["project", "run"]],
      ]);
      await lab.expectStored(join(folder, "c.raw"));
      // The server heard of nothing else.
      const log = await lab.dyncServer(["uploads", "list", "--json"]);
      expect(jsonLines(log.stdout).filter(({ type }) => type === "stored-upload")).toHaveLength(1);

      lab.server.signal("SIGSTOP");
      const explained = await lab.dync([...line, "--explain"]);
      lab.server.signal("SIGCONT");
      expect(explained.stdout).toContain("b.raw: metadata-missing: It has no metadata, or lacks fields");
      expect(explained.stdout).toContain('"run" is missing');
      expect(explained.stdout).toContain(`write ${join(folder, "b.raw")}.meta.json)\n`);

      await using watcher = lab.startDync([...line, "--json"]);
      await watcher.line(/"path":"b.raw".*"fields":\[[^\]]*"run"/, 60_000);
      writeFileSync(join(folder, "b.raw.meta.json"), '{"project": "P2", "run": 4}');
      await watcher.line(/"path":"b.raw","kind":"file","state":"sent"/, 60_000);
      watcher.signal("SIGTERM");
      await watcher.ended();
      expect(existsSync(lab.stored("run1"))).toBe(false);

      await take();
      writeFileSync(join(folder, "run1.meta.json"), '{"project": "P5"}');
      expect(await lab.dync([...line, "--once"])).toMatchObject({ code: 0 });
      expect(existsSync(join(lab.stored("run1"), "a.tif"))).toBe(true);
    });
  },
);
