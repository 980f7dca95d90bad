// `dync watch --on-trouble`: a program or a URL hears once of what needs a person.

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { executablesMissing } from "../support/executables.ts";
import { documentedValidators } from "../support/json-schemas.ts";
import { type Lab, openLab } from "../support/lab.ts";
import { jsonLines } from "../support/programs.ts";

const valid = documentedValidators().get("dync:trouble");

describe.skipIf(executablesMissing !== null)(`trouble (${executablesMissing ?? "compiled"})`, () => {
  let lab: Lab;
  let folder: string;
  beforeEach(async () => {
    lab = await openLab({ inMemory: true });
    folder = lab.folder.file("files", "watched");
    await mkdir(folder);
    // Without metadata, which somebody has to write.
    await writeFile(join(folder, "a;b.raw"), "a");
  });
  afterEach(async () => await lab[Symbol.asyncDispose]());

  const once = (...options: readonly string[]) =>
    lab.dync(["watch", "--once", "--no-notices", "--settle=1s", ...options, `127.0.0.1:${lab.port}`, folder]);

  test.skipIf(process.platform === "win32")("a program gets it on its standard input, once", async () => {
    const told = lab.folder.file("told");
    const program = lab.folder.file("a program");
    await writeFile(program, `#!/bin/sh\n[ $# = 0 ] && cat >> "${told}"\n`);
    await chmod(program, 0o755);
    expect(await once("--on-trouble", program)).toMatchObject({ code: 0 });
    const [line] = jsonLines(readFileSync(told, "utf8"));
    expect(valid?.(line), JSON.stringify(valid?.errors)).toBe(true);
    expect(line).toMatchObject({
      folder,
      count: 1,
      troubles: [{ path: "a;b.raw", reason: "metadata-missing" }],
    });
    await writeFile(join(folder, "c.raw"), "c");
    expect(await once("--on-trouble", program)).toMatchObject({ code: 0 });
    const all = jsonLines<{ readonly troubles: readonly { readonly path: string }[] }>(
      readFileSync(told, "utf8"),
    );
    expect(all.map(({ troubles }) => troubles.map(({ path }) => path))).toEqual([["a;b.raw"], ["c.raw"]]);
  });

  test("a URL gets it as the body of a POST, and one that refuses it is said", async () => {
    const bodies: string[] = [];
    const server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: async (request) => {
        bodies.push(`${request.method} ${await request.text()}`);
        return new Response("no", { status: 503 });
      },
    });
    try {
      const end = await once("--on-trouble", `http://127.0.0.1:${server.port}/told`);
      expect(end).toMatchObject({ code: 0 });
      expect(end.stderr).toContain("Nobody could be told of trouble by --on-trouble: answered 503: no");
      expect(bodies).toHaveLength(1);
      expect(bodies[0]).toMatch(/^POST \{"schema":1,"type":"trouble",.*"a;b\.raw"/);
    } finally {
      await server.stop(true);
    }
  });

  test("what is no program is said before anything is done", async () => {
    const end = await once("--on-trouble", lab.folder.file("gone"));
    expect(end).toMatchObject({ code: 2 });
    expect(end.stderr).toContain("which is not there");
  });
});
