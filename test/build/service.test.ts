// The systemd unit: systemd itself finds no fault in it, and rates its hardening.

import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runProgram } from "../support/programs.ts";
import { type TempFolder, tempFolder } from "../support/temp-folder.ts";

const unit = readFileSync(join(import.meta.dir, "../../build/dync-server.service"), "utf8");
const missing = Bun.which("systemd-analyze") === null;
const reason = missing ? " (skipped: no systemd-analyze here)" : "";

test.skipIf(missing)(`systemd-analyze verify finds nothing in the unit${reason}`, async () => {
  await using folder = await tempFolder();
  const end = await runProgram(["systemd-analyze", "verify", "--man=no", writeUnit(folder)]);
  expect(end).toMatchObject({ code: 0, stdout: "", stderr: "" });
});

test.skipIf(missing)(`systemd-analyze security rates the unit as well protected${reason}`, async () => {
  await using folder = await tempFolder();
  const command = ["systemd-analyze", "security", "--offline=true", "--threshold=20", writeUnit(folder)];
  const end = await runProgram([...command, "--no-pager"]);
  expect(end.stdout).toMatch(/Overall exposure level for dync-server\.service: [01]\.\d OK/);
  expect(end.code).toBe(0);
});

test("the unit does not forbid what a JavaScript engine needs", () => {
  expect(unit).not.toMatch(/^MemoryDenyWriteExecute=(yes|true|on|1)/m);
  expect(unit).toMatch(/^RestrictAddressFamilies=.*AF_NETLINK/m);
});

test("the unit lets a rule give files to another group of the server's user", () => {
  expect(unit).not.toMatch(/^PrivateUsers=/m);
  expect(unit).toMatch(/^SystemCallFilter=~@privileged\n(#.*\n)*SystemCallFilter=@chown$/m);
});

/** The unit as systemd would see it after installation: `verify` wants to find the program. */
function writeUnit(folder: TempFolder): string {
  const path = folder.file("dync-server.service");
  writeFileSync(path, unit.replaceAll("/usr/local/bin/dync-server", process.execPath));
  return path;
}
