// `bun run test:systems`: the tests of the executables for other systems, with what they need: installs wine, mingw, qemu and
// what makes and boots a Debian tree where it may (Debian, as root; DYNC_INSTALL_PACKAGES=no forbids it), builds libzmq for them
// (minutes, once), and runs every test that another system has. What is missing all the same is skipped by name.

import { join } from "node:path";
import { ownLibraryTargets } from "../build/own-library.ts";

const root = join(import.meta.dir, "..");
const packages = [
  "wine64",
  "wine",
  "g++-mingw-w64-x86-64-posix",
  "g++-aarch64-linux-gnu",
  "qemu-user-static",
  "libc6-arm64-cross",
  "libstdc++6-arm64-cross",
  "debootstrap",
  "systemd-container",
  "lintian",
];
const tests = [
  "test/build/curve-probe.test.ts",
  "test/build/release.test.ts",
  "test/build/reproducible.test.ts",
  "test/e2e/foreign-systems.test.ts",
  "test/e2e/windows.test.ts",
  "test/e2e/windows-service.test.ts",
  "test/e2e/deno.test.ts",
  "test/faults/foreign-systems.test.ts",
  "test/faults/debian.test.ts",
  "test/faults/service.test.ts",
];

const mayInstall =
  process.env.DYNC_INSTALL_PACKAGES !== "no" && process.getuid?.() === 0 && Bun.which("apt-get") !== null;
if (mayInstall && packages.some((name) => !isInstalled(name))) {
  await run(["apt-get", "update", "-qq"]);
  await run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", ...packages]);
}
for (const target of ownLibraryTargets) await run(["sh", "build/libzmq.sh", target]);
process.exitCode = await run([process.execPath, "test/run.ts", ...tests]);

function isInstalled(name: string): boolean {
  const query = Bun.spawnSync(["dpkg", "--status", name]);
  return query.stdout.toString().includes("\nStatus: install ok installed\n");
}

async function run(command: string[]): Promise<number> {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", DYNC_TEST_TARGETS: "all" };
  return await Bun.spawn(command, { cwd: root, env, stdio: ["ignore", "inherit", "inherit"] }).exited;
}
