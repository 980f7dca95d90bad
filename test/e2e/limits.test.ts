// What a steward grants some users, on the compiled programs: lab staff reads the limit and what was found before a byte is
// sent, and a running server takes other limits.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { executablesMissing } from "../support/executables.ts";
import { type Lab, openLab } from "../support/lab.ts";
import { runProgram } from "../support/programs.ts";

describe.skipIf(executablesMissing !== null)(`limits (${executablesMissing ?? "compiled"})`, () => {
  let lab: Lab;
  /** Replaces the limits of the server that runs. */
  const limits = async (...entries: readonly string[]): Promise<void> => {
    const text = entries.map((it, at) => `[[limits]]\nname = "limit ${at + 1}"\n${it}\n`).join("\n");
    writeFileSync(join(lab.homes.server, "server.toml"), text);
    expect(await server("reload")).toMatchObject({ code: 0, stderr: "" });
  };
  const server = async (...args: readonly string[]) =>
    await runProgram([lab.programs.dyncServer, ...args], { env: { DYNC_HOME: lab.homes.server } });

  beforeAll(async () => {
    lab = await openLab({ inMemory: true });
  });
  afterAll(async () => await lab[Symbol.asyncDispose]());

  test("a file that is too large is refused before a byte, with the limit and whom to ask", async () => {
    await limits(
      'users = ["ali*"]\nupload-size = "1MiB"\ncontact = "data@example.org"',
      'upload-size = "1GiB"',
    );
    // More than a server would take without an answer.
    const path = await lab.file("large.raw", 40 * 1024 * 1024);
    const { code, stderr } = await lab.send([path]);
    expect(code).toBe(7);
    expect(stderr).toContain(
      "This upload has 40 MiB, and one of yours may have 1.0 MiB at most; ask data@example.org if you need more",
    );
    lab.expectNothingStored("large.raw");
    const line = await lab.server.line(/"Upload refused".*/);
    expect(line[0]).toContain('"code":413');
  });

  test("a stream is ended where it passes the limit, and nothing of it stays", async () => {
    const path = await lab.file("stream.raw", 3 * 1024 * 1024);
    // Of a file on standard input the size is known.
    const pipe = 'cat "$1" | "$2" -q -n stream.raw -k sample:S-17 "$3"';
    const { code, stderr } = await runProgram(
      ["sh", "-c", pipe, "sh", path, lab.programs.dync, `127.0.0.1:${lab.port}`],
      { env: { DYNC_HOME: lab.homes.client } },
    );
    expect(code).toBe(7);
    expect(stderr).toContain("This upload has more than the 1.0 MiB that one of yours may have; ask data@");
    lab.expectNothingStored("stream.raw");
    await lab.server.line(/"Upload failed".*"code":413/);
    await lab.expectAlive();
  });

  test("others have what the next entry says", async () => {
    const env = { DYNC_HOME: await lab.user("berta") };
    const path = await lab.file("large-too.raw", 2 * 1024 * 1024);
    expect(await lab.send(["-q", path], { env })).toMatchObject({ code: 0, stderr: "" });
    await lab.expectStored(path, "large-too.raw", "berta");
  });

  test("a name that is not allowed is refused, and `rules test` says the same", async () => {
    await limits('files = ["*.raw", "*.d"]');
    const path = await lab.file("notes.txt", 10);
    const text = '"notes.txt" is no name that your uploads may have (*.raw, *.d); ask the administrator';
    const refused = await lab.send([path]);
    expect(refused.code).toBe(7);
    expect(refused.stderr).toContain(text);
    const tried = await server("rules", "test", "--user", "alice", "-n", "notes.txt", "-k", "a:1");
    expect(tried).toMatchObject({ code: 7, stdout: "" });
    expect(tried.stderr).toContain(text);
  });

  test("one upload too many waits, and goes on when the limit is raised", async () => {
    await limits("uploads = 1");
    await using first = lab.startSend(["-q", "-n", "first.raw"], { stdin: "pipe" });
    await lab.server.line(/"Upload started".*"first\.raw"/);
    const path = await lab.file("second.raw", 10);
    await using second = lab.startSend(["-q", path]);
    const line = await lab.server.line(/"Upload refused".*"second\.raw".*/);
    expect(line[0]).toContain("You have 1 open upload, the most that one user may have");
    await limits("uploads = 2");
    expect(await second.ended()).toMatchObject({ code: 0 });
    const input = first.child.stdin as unknown as Bun.FileSink;
    input.write("all of it");
    await input.end();
    expect(await first.ended()).toMatchObject({ code: 0, stderr: "" });
  });

  test("`config show` names them, `rules test` looks at a size, and a mistake changes nothing", async () => {
    await limits('upload-size = "1MiB"');
    expect((await server("config", "show")).stdout).toMatch(/^limits +limit 1 +line 1$/m);
    const test = ["rules", "test", "--user", "alice", "-n", "x.raw", "-k", "a:1"];
    expect(await server(...test, "--size", "1MiB")).toMatchObject({ code: 0 });
    const large = await server(...test, "--size", "1.5MiB");
    expect(large.code).toBe(7);
    expect(large.stderr).toContain("This upload has 1.5 MiB, and one of yours may have 1.0 MiB at most");
    expect((await server(...test, "--size", "much")).stderr).toContain('Option "--size" needs a size');
    writeFileSync(join(lab.homes.server, "server.toml"), '[[limits]]\nname = "x"\nupload-size = "much"');
    const refused = await server("reload");
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/server\.toml:3: limits\[1\]\.upload-size: needs a size, found "much"/);
    expect((await server(...test)).code).toBe(2);
    expect((await lab.send([await lab.file("big.raw", 2 * 1024 * 1024)])).code).toBe(7);
  });
});
