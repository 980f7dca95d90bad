// The PowerShell of tests, where there is one.

const found = process.env.DYNC_TEST_PWSH ?? Bun.which("pwsh");

/** Its path; nothing to be run where `powerShellMissing` gives a reason. */
export const powerShell = found ?? "";

/** Why there is none, for the names of skipped tests; `null` when there is one. */
export const powerShellMissing: string | null =
  process.platform === "win32"
    ? "what the tests run in it are scripts for sh"
    : powerShell === ""
      ? "no pwsh in PATH, and none named by DYNC_TEST_PWSH"
      : null;
