// A watched folder in the background: what is refused before anything is written, what would be written, and where the manager of
// this user's services answers, the life of one. In a Debian of its own: test/faults/service.test.ts.

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { executablesMissing } from "../support/executables.ts";
import { documentedValidators } from "../support/json-schemas.ts";
import { type Lab, openLab } from "../support/lab.ts";
import { jsonLines } from "../support/programs.ts";
import { liveThrough } from "../support/service-steps.ts";

const missing = executablesMissing;
const noManager = whyNoManager();

function whyNoManager(): string | null {
  if (process.platform !== "linux") return "not Linux";
  const { status } = spawnSync("systemctl", ["--user", "show", "-p", "Version"], { stdio: "ignore" });
  return status === 0 ? null : "systemctl --user does not answer";
}

describe.skipIf(missing !== null)(`services (${missing ?? "compiled"})`, () => {
  let lab: Lab;
  let folder: string;
  beforeEach(async () => {
    lab = await openLab({ inMemory: true });
    folder = lab.folder.file("files", 'runs of "100 %"');
    await mkdir(folder);
  });
  afterEach(async () => await lab[Symbol.asyncDispose]());

  const server = (): string => `127.0.0.1:${lab.port}`;

  test("0: what is wrong is said before anything is written", async () => {
    const rows: readonly (readonly [readonly string[], string])[] = [
      [["--settle", "1ms", server(), folder], 'Option "--settle" needs at least 1s'],
      [["--once", server(), folder], 'Unknown option "--once"'],
      [["--profile", "ilumina", server(), folder], 'did you mean "illumina"'],
      [["--name", "a b", server(), folder], '"a b" is no name for a service'],
      [["-m", "-", server(), folder], "A service has no standard input"],
      [[server(), join(folder, "gone")], 'Cannot watch "'],
      [[server()], "DIR is missing"],
    ];
    for (const [args, text] of rows) {
      const end = await lab.dync(["service", "install", ...args]);
      expect(end).toMatchObject({ code: text.startsWith("Cannot") ? 4 : 2, stdout: "" });
      expect(end.stderr).toContain(text);
    }
    expect(existsSync(join(lab.homes.client, "services"))).toBe(false);
    expect(await lab.dync(["service", "status"])).toMatchObject({ code: 0 });
    expect((await lab.dync(["service", "stop"])).stderr).toContain("No service is installed here");
    expect((await lab.dync(["service", "reinstall"])).stderr).toContain(
      'Unknown command "service reinstall"',
    );
  });

  test.skipIf(!existsSync("/run/systemd/system"))(
    "--print shows what would be written, with absolute paths, and writes nothing",
    async () => {
      await writeFile(lab.folder.file("files", "meta.json"), '{"a": 1}');
      const line = [
        "service",
        "install",
        "--print",
        "-m",
        "meta.json",
        "-k",
        "b:=2",
        "--after=move=../sent",
        server(),
        "./",
      ];
      const cwd = lab.folder.file("files");
      const end = await lab.dync([...line, "--json"], { cwd, env: { DYNC_PORT: "9000" } });
      expect(end).toMatchObject({ code: 0, stderr: "" });
      const [summary] = jsonLines(end.stdout);
      expect(documentedValidators().get("dync:summary-service-print")?.(summary)).toBe(true);
      const { files } = summary as { files: readonly { path: string; text: string }[] };
      const home = lab.homes.client;
      expect(files.map(({ path }) => path)[0]).toBe(join(home, "services/files.json"));
      const definition = JSON.parse(files[0]?.text ?? "");
      expect(definition.variables).toMatchObject({ DYNC_PORT: "9000" });
      expect(definition.words).toEqual([
        `--meta=${lab.folder.file("files", "meta.json")}`,
        "--key-value=b:=2",
        `--after=move=${lab.folder.file("sent")}`,
        server(),
        lab.folder.file("files"),
      ]);
      expect(files[1]?.text).toContain(
        `ExecStart="${lab.programs.dync}" "service" "run" "${home}/services/files.json"\n`,
      );
      expect(existsSync(join(home, "services"))).toBe(false);
    },
  );

  test("what the system starts watches as the definition says, and writes a log of its own", async () => {
    const services = join(lab.homes.client, "services");
    await mkdir(services);
    const definition = join(services, "runs.json");
    const words = ["--settle=1s", "--key-value=sample:S-17", server(), folder];
    const installedAt = "2026-11-27T08:00:00.000Z";
    const rest = { schema: 1, server: "x", folder, installedAt, variables: { DYNC_JOBS: "2" } };
    await writeFile(definition, JSON.stringify({ ...rest, words }));
    await writeFile(join(folder, "a.raw"), "a");
    {
      // Where it lies is its DYNC_HOME.
      await using program = lab.startDync(["service", "run", definition], { env: { DYNC_HOME: "/nowhere" } });
      await using follower = lab.startDync(["service", "logs", "-f"]);
      await follower.line(/^\d{4}-.*:\d\d Stored "a\.raw": /m, 60_000);
      program.signal("SIGTERM");
      expect(await program.ended()).toMatchObject({ signal: "SIGTERM", stdout: "" });
      await follower.line(/ Ended, as it was asked to$/m);
    }
    await lab.expectStored(join(folder, "a.raw"));
    expect(statSync(join(services, "runs.log")).mode & 0o777).toBe(0o600);
    await writeFile(definition, JSON.stringify({ ...rest, words: ["--oops"] }));
    expect(await lab.dync(["service", "run", definition])).toMatchObject({ code: 2 });
    const { stdout } = await lab.dync(["service", "logs", "-n", "3"]);
    expect(stdout).toContain('dync: error: Unknown option "--oops"');
    await writeFile(definition, "{");
    expect((await lab.dync(["service", "run", definition])).stderr).toContain(
      "is no definition of a service",
    );
  });

  test.skipIf(noManager !== null)(`a service lives under systemd (${noManager ?? "here"})`, async () => {
    const name = `dync-test-${process.pid}`;
    await liveThrough({
      dync: (...args) => lab.dync(args),
      name,
      lab,
      folder,
      home: lab.homes.client,
      units: join(process.env.XDG_CONFIG_HOME || join(homedir(), ".config"), "systemd/user"),
      put: (file) => writeFile(join(folder, file), file),
      kill: async (pid) => void process.kill(pid, "SIGKILL"),
    });
  });
});
