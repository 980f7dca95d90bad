// How much memory a server may use, by what a system says of itself.

import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { machineMemory } from "../../src/cli/dync-server/machine-memory.ts";
import { tempFolder } from "../support/temp-folder.ts";

const GiB = 2 ** 30;

test.each<[string, Readonly<Record<string, string>>, number]>([
  ["no control groups: the machine's", {}, 8 * GiB],
  [
    "a group without a limit",
    { "proc/self/cgroup": "0::/app\n", "sys/fs/cgroup/app/memory.max": "max\n" },
    8 * GiB,
  ],
  ["a container's own group", { "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": `${GiB}\n` }, GiB],
  [
    "a group above it, and its MemoryHigh",
    {
      "proc/self/cgroup": "0::/system.slice/dync.service\n",
      "sys/fs/cgroup/system.slice/dync.service/memory.max": `${4 * GiB}\n`,
      "sys/fs/cgroup/system.slice/memory.high": `${2 * GiB}\n`,
    },
    2 * GiB,
  ],
  [
    "the first version of control groups",
    {
      "proc/self/cgroup": "9:cpu,memory:/lab\n1:name=systemd:/\n",
      "sys/fs/cgroup/memory/lab/memory.limit_in_bytes": `${3 * GiB}\n`,
      "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
    },
    3 * GiB,
  ],
])("%s", async (_, files, bytes) => {
  await using folder = await tempFolder();
  for (const [name, text] of Object.entries(files)) {
    const path = folder.file(name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  expect(machineMemory(folder.path, 8 * GiB)).toBe(bytes);
});

test("this machine has some", () => {
  expect(machineMemory()).toBeGreaterThan(64 * 1024 ** 2);
});
