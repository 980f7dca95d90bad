// Packets that get lost under a long line: TCP itself has to repeat them, over seconds where it is unlucky. In a network
// namespace of its own, where this file runs once more: what is dropped there is missing to nobody else.

import { describe, expect, test } from "bun:test";
import { systemClock } from "../../src/base/clock.ts";
import { expectAftermath } from "../support/aftermath.ts";
import { executablesMissing } from "../support/executables.ts";
import { connectionBytes, openNetwork, windowBytes } from "../support/network-runs.ts";
import { runProgram } from "../support/programs.ts";
import { note } from "./note.ts";

const minuteMs = 60_000;
const MiB = 1024 * 1024;
const lossVariable = "DYNC_TEST_LOSS";
const loss = process.env[lossVariable];
const uploads = 5;
const fileBytes = 16 * MiB;
const delayMs = 100;

// On the way in: packets of both directions pass there.
const drop = (percent: number): string =>
  [
    "ip link set lo up",
    "nft add table inet lossy",
    "nft 'add chain inet lossy input { type filter hook input priority 0; }'",
    `nft 'add rule inet lossy input numgen random mod 100 < ${percent} drop'`,
  ].join(" && ");

const reason = executablesMissing ?? namespaceMissing();

describe.skipIf(loss !== undefined || reason !== null)(`lost packets (${reason ?? "compiled"})`, () => {
  test.each([1, 5, 15])(
    "%d of 100, and 100 ms delay each way: every upload ends well, nothing is sent twice without reason",
    async (percent) => {
      const tests = `${drop(percent)} && exec "$0" test --timeout ${10 * minuteMs} "$1"`;
      const command = ["unshare", "--net", "sh", "-c", tests, process.execPath, import.meta.path];
      const env = { [lossVariable]: String(percent) };
      const end = await runProgram(command, { env }, 12 * minuteMs);
      expect({ code: end.code, output: end.code === 0 ? "" : end.stdout + end.stderr }).toEqual({
        code: 0,
        output: "",
      });
      process.stdout.write(end.stdout.match(/^measured: .*$/m)?.[0].concat("\n") ?? "");
    },
    15 * minuteMs,
  );
});

if (loss !== undefined) {
  test("uploads over a line that loses packets", async () => {
    await using network = await openNetwork();
    const { lab, proxy } = network;
    proxy.faults = { up: { delayMs }, down: { delayMs } };
    const path = await lab.file("lossy.raw", fileBytes);
    const confirmed = new Map<string, string>();
    const startedAt = systemClock.now();
    for (let count = 0; count < uploads; count++) {
      const name = `lossy-${count}.raw`;
      await using client = network.send(name, path);
      expect(await client.ended(2 * minuteMs)).toMatchObject({ code: 0, stderr: "" });
      confirmed.set(name, path);
    }
    const { connections, arrived } = proxy.counters;
    const seconds = Math.round((systemClock.now() - startedAt) / 100) / 10;
    const once = 1.005 * fileBytes * uploads + connections * connectionBytes;
    const extraBytes = Math.max(0, Math.round(arrived.up - once));
    note(`${loss} % of the packets lost`, { uploads, connections, seconds, extraBytes });
    // A connection that TCP cannot save in time is replaced, at the price of a window.
    expect(extraBytes).toBeLessThanOrEqual((connections - uploads) * windowBytes);
    proxy.faults = {};
    await expectAftermath(lab, confirmed);
  });
}

function namespaceMissing(): string | null {
  if (process.platform !== "linux") return "needs Linux";
  for (const tool of ["unshare", "nft", "ip"])
    if (Bun.which(tool) === null) return `${tool} is not installed`;
  const trial = Bun.spawnSync(["unshare", "--net", "sh", "-c", drop(1)], { stderr: "pipe" });
  return trial.exitCode === 0 ? null : "no network namespace with nftables here";
}
