// A PowerShell, and runs of install.ps1 in it against a release server, for powershell.test.ts. Where it runs on another system than
// Windows, its session begins with what install.ps1 finds there: files that may be run by their name, and a registry.

import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { powerShell } from "../support/power-shell.ts";
import { runProgram } from "../support/programs.ts";

/** A session takes seconds to start, and minutes on a machine that is full. */
export const powerShellMs = 110_000;

// The one value of the registry that is asked for is a variable here, said at the end. Commands that a session defines come before
// those of the system.
const windows = `
function Invoke-WebRequest {
  param([switch] $UseBasicParsing, [Parameter(Position = 0)] $Uri, $OutFile)
  Microsoft.PowerShell.Utility\\Invoke-WebRequest @PSBoundParameters
  if ($OutFile -like '*.exe') { chmod +x $OutFile }
}
class RegistryKey {
  [string] $Path = $env:TEST_REGISTRY_PATH
  [object] GetValue([string] $name, [object] $default, [Microsoft.Win32.RegistryValueOptions] $options) {
    if ($name -ne 'Path' -or $options -ne 'DoNotExpandEnvironmentNames') { throw "asked for $name, $options" }
    return $this.Path
  }
}
$registry = New-Object RegistryKey
function Get-Item {
  param($LiteralPath)
  if ($LiteralPath -ne 'registry::HKEY_CURRENT_USER\\Environment') { throw "asked for $LiteralPath" }
  $registry
}
function Set-ItemProperty {
  param($LiteralPath, $Name, [Microsoft.Win32.RegistryValueKind] $Type, $Value)
  if ($Name -ne 'Path' -or $Type -ne 'ExpandString') { throw "wrote $Name as $Type" }
  (Get-Item -LiteralPath $LiteralPath).Path = $Value
}
`;

export interface PowerShellRun {
  readonly stdout: string;
  readonly stderr: string;
  /** What the registry has then. */
  readonly registryPath: string;
}

/** A user of a computer with Windows. */
export class WindowsUser implements Disposable {
  readonly home = realpathSync(mkdtempSync(join(tmpdir(), "dync-install-")));
  /** Where it is installed unless something else is said. */
  readonly programs = this.path("AppData/Local/Programs/dync");

  path(...parts: readonly string[]): string {
    return join(this.home, ...parts);
  }

  /** What is installed, with what an installation leaves beside it. */
  get installed(): readonly string[] {
    try {
      return readdirSync(this.programs);
    } catch {
      return [];
    }
  }

  /** Runs lines of PowerShell; what they throw ends them, and is said on stderr in a line of its own. */
  async run(
    lines: string,
    environment: Readonly<Record<string, string>> = {},
    encoding = "UTF-8",
  ): Promise<PowerShellRun> {
    mkdirSync(this.path("AppData/Local"), { recursive: true });
    const session = `${windows}
try {
${lines}
} catch { [Console]::Error.WriteLine($_.Exception.Message) }
"REGISTRY $($registry.Path)"`;
    const { stdout, stderr } = await runProgram(
      [powerShell, "-NoProfile", "-NonInteractive", "-Command", session],
      {
        cwd: this.home,
        env: {
          ...{ HOME: this.home, USERPROFILE: this.home, LOCALAPPDATA: this.path("AppData/Local") },
          ...{ DYNC_HOME: "", DYNC_BASE_URL: "", LC_ALL: `C.${encoding}`, TERM: "dumb" },
          TEST_REGISTRY_PATH: "%USERPROFILE%\\bin;C:\\tools;",
          ...environment,
        },
      },
      powerShellMs,
    );
    const [, said = "", registryPath = "none"] = /^([\s\S]*?)REGISTRY (.*)\n$/.exec(stdout) ?? [];
    return { stdout: said, stderr, registryPath };
  }

  [Symbol.dispose](): void {
    rmSync(this.home, { recursive: true, force: true });
  }
}
