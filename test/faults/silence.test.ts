// Peers that are there and say nothing, for as long as it takes to be sure of it: about a minute each.

import { describe, expect, test } from "bun:test";
import { globSync, statSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { executablesMissing } from "../support/executables.ts";
import { type Lab, openLab } from "../support/lab.ts";
import { until } from "../support/network-runs.ts";
import {
  makeReferenceKeys,
  referenceMissing,
  runReferenceClient,
  startReferenceServer,
} from "../support/reference.ts";

const MB = 1_000_000;
// The client asks again for 55 s, then connects anew, and gives up as --retry-for is over.
const silenceMs = 100_000;
const deadlineMs = 200_000;

/** Bytes of uploads that are under way, as they lie in the data folder. */
function bytesArrived(lab: Lab): number {
  const files = globSync(".dync/partial/*", { cwd: lab.data });
  const sizes = files.map((file) => statSync(join(lab.data, file), { throwIfNoEntry: false })?.size ?? 0);
  return sizes.reduce((sum, size) => sum + size, 0);
}

describe.skipIf(executablesMissing !== null)(`silence (${executablesMissing ?? "compiled"})`, () => {
  test(
    "5: a server that is stopped in mid-upload, and the upload goes on when it wakes",
    async () => {
      await using lab = await openLab({ inMemory: true });
      const path = await lab.file("stalled.raw", 200 * MB);
      await using program = lab.startSend(["--retry-for", "1s", path]);
      // Behind the line that tells of its start the client may not have heard of it yet.
      await until(() => bytesArrived(lab) > MB, program);
      lab.server.signal("SIGSTOP");
      const end = await program.ended(silenceMs);
      expect(end).toMatchObject({ code: 5, stdout: "" });
      expect(end.stderr).toMatch(/dync: error: /);
      lab.expectNothingStored("stalled");
      lab.server.signal("SIGCONT");
      const again = await lab.send([path]);
      expect(again).toMatchObject({ code: 0, stderr: expect.stringContaining("Going on with the upload") });
      await lab.expectStored(path);
    },
    deadlineMs,
  );

  test(
    "0: a server that is stopped for a minute is waited for",
    async () => {
      await using lab = await openLab({ inMemory: true });
      const path = await lab.file("waited.raw", 200 * MB);
      await using program = lab.startSend(["--json", path]);
      await lab.server.line(/"Upload started"/);
      lab.server.signal("SIGSTOP");
      await program.line(/"nextTrySeconds":\d/, silenceMs);
      lab.server.signal("SIGCONT");
      expect((await program.ended(silenceMs)).code).toBe(0);
      await lab.expectStored(path);
    },
    deadlineMs,
  );

  test.skipIf(referenceMissing !== null)(
    "5: a server that falls silent while its connection lives",
    async () => {
      await using lab = await openLab({ inMemory: true });
      const homes = await makeReferenceKeys(lab.folder.file("reference"));
      const path = await lab.file("mute.raw", 10 * MB);
      const data = lab.folder.file("reference-data");
      const stalling = ["--chunk", "20000", "--max-credit", "10", "--stall-after", "5"];
      await using server = await startReferenceServer(homes.server, data, stalling);
      const args = ["--retry-for", "1s", "-k", "a:b", `127.0.0.1:${server.port}`, path];
      const env = { DYNC_HOME: homes.client };
      const end = await lab.dync(args, { env }, silenceMs);
      expect(end).toMatchObject({ code: 5, stdout: "", stderr: expect.stringContaining("does not answer") });
    },
    deadlineMs,
  );

  test.skipIf(referenceMissing !== null)(
    "another user who takes over a living connection's identity holds an upload up, and nothing else",
    async () => {
      await using lab = await openLab({ inMemory: true });
      const bob = lab.folder.file("bob-home");
      await lab.dync(["keygen"], { env: { DYNC_HOME: bob } });
      await Bun.write(`${bob}/server.key`, Bun.file(`${lab.homes.server}/server.key`));
      await Bun.write(`${lab.homes.server}/clients/bob.key`, Bun.file(`${bob}/client.key`));
      await lab.server.line(/"Key authorised","user":"bob"/);
      const path = await lab.file("of-alice.raw", 300 * MB);
      await using alice = lab.startSend([path]);
      await lab.server.line(/"Upload started".*of-alice/);
      alice.signal("SIGSTOP");
      const [state] = (await readdir(`${lab.homes.client}/uploads`)).filter((name) => name.endsWith(".json"));
      const identity = state?.replace(".json", "") as string;
      const meta = await lab.file("meta.json", '{"a": "b"}');
      const small = await lab.file("of-bob.raw", 1000);
      const args = ["--identity", identity, "-m", meta, "--query-before", "--timeout-ms", "5000"];
      const { result } = await runReferenceClient(bob, lab.port, small, args);
      expect(result?.outcome).toBe("finished");
      alice.signal("SIGCONT");
      expect((await alice.ended(silenceMs)).code).toBe(0);
      await lab.expectStored(path);
      await lab.expectStored(small, "of-bob.raw", "bob");
    },
    deadlineMs,
  );
});
