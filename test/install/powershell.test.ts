// install.ps1, run by a PowerShell where there is one, and read as a text everywhere.

import { describe, expect, test } from "bun:test";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { filledInstaller } from "../../src/web/downloads/installers.ts";
import { certificateMissing, makeCertificate } from "../support/certificate.ts";
import { executables, executablesMissing } from "../support/executables.ts";
import { openLab } from "../support/lab.ts";
import { powerShellMissing } from "../support/power-shell.ts";
import { exampleKey, project, ReleaseServer, sha256 } from "./fixture.ts";
import { powerShellMs, WindowsUser } from "./powershell.ts";

const text = readFileSync(join(project, "install.ps1"), "utf8");
const program = "dync-windows-x64.exe";
const server = "Lab.example:9000";

/** A server that hands out the script as it would fill it, beside a release of stand-ins. */
function offering(version = "1.0.0"): ReleaseServer {
  const releases = new ReleaseServer(version);
  const told = { baseUrl: releases.url, server, serverKey: exampleKey };
  const script = filledInstaller("install.ps1", text, told, releases.url);
  releases.files.set("install.ps1", new TextEncoder().encode(script));
  return releases;
}

describe("as a text", () => {
  const at = (part: string): number => {
    expect(text).toContain(part);
    return text.indexOf(part);
  };

  test("is ASCII, which every PowerShell reads alike, and does nothing before its last line", () => {
    expect(text).toMatch(/^[\x20-\x7e\n]*$/);
    expect(text.trimEnd().split("\n").at(-1)).toStartWith("& { Install-Dync $To");
    const outside = text.split("\n").filter((line) => /^[^\s#})]/.test(line));
    expect(outside.filter((line) => !/^(param\(|function |\$DyncDefaults = )/.test(line))).toHaveLength(1);
  });

  test("runs what it downloaded only behind the comparison of its checksum, and replaces nothing before", () => {
    expect(at("if ($hash -cne")).toBeLessThan(at("Invoke-Dync $new '--version'"));
    expect(at("Invoke-Dync $new '--version'")).toBeLessThan(at("function Move-Dync"));
    expect(at("Move-Dync (Get-CheckedDync")).toBeLessThan(at("Join-DyncServer $dync"));
  });

  test("never ends the session in which it is piped, and sets nothing in it", () => {
    expect(text).not.toMatch(/^\s*exit\b/m);
    expect(text).not.toMatch(/\$(global|script):/i);
    const set = text.split("\n").filter((line) => /^\$/.test(line));
    expect(set).toEqual(["$DyncDefaults = @{"]);
  });
});

describe.skipIf(powerShellMissing !== null)(`by PowerShell (${powerShellMissing ?? "here"})`, () => {
  test(
    "is read without an error, has nothing that Windows PowerShell 5.1 does not know, and does nothing when it is cut off, wherever that is",
    async () => {
      using user = new WindowsUser();
      writeFileSync(user.path("install.ps1"), text);
      const run = await user.run(`
$text = [IO.File]::ReadAllText("$HOME/install.ps1")
function Read-Script($text) {
  $tokens = $null; $errors = $null
  $tree = [Management.Automation.Language.Parser]::ParseInput($text, [ref] $tokens, [ref] $errors)
  $does = @($tree.EndBlock.Statements | Where-Object {
    $_ -isnot [Management.Automation.Language.FunctionDefinitionAst] -and $_.Extent.Text -notlike '$DyncDefaults = @{*'
  })
  @{ Tokens = $tokens; Errors = $errors; Does = $does }
}
$whole = Read-Script $text
"errors $($whole.Errors.Count), does $($whole.Does.Count)"
$newer = 'AndAnd', 'OrOr', 'QuestionMark', 'QuestionQuestion', 'QuestionQuestionEquals', 'QuestionDot', 'QuestionLBracket', 'Clean'
"newer: $($whole.Tokens | Where-Object { $newer -contains $_.Kind -and $_.Text -ne '?' })"
$end = $text.TrimEnd().Length
for ($length = 1; $length -lt $end; $length += $(if ($end - $length -gt 300) { 23 } else { 1 })) {
  $part = Read-Script $text.Substring(0, $length)
  # The beginning of a word that begins a line means nothing.
  $isWord = 'param', 'function', '$DyncDefaults' | Where-Object { $_.StartsWith("$($part.Does)") }
  if ($part.Errors.Count -eq 0 -and -not $isWord) { "cut at $length it does $($part.Does)" }
}`);
      expect(run).toMatchObject({ stderr: "", stdout: "errors 0, does 1\nnewer: \n" });
    },
    powerShellMs,
  );

  test(
    "by the line of the page it installs, knows the server and asks it; again it upgrades, and an installation that was interrupted is not in the way",
    async () => {
      using releases = offering();
      using user = new WindowsUser();
      const line = `irm ${releases.url}/install.ps1 | iex`;
      const after = `; "AFTER $ErrorActionPreference $ProgressPreference $(Get-Location)"`;
      const first = await user.run(line + after);
      const folder = user.programs;
      expect(first.stderr).toBe("Compare the fingerprint\n");
      expect(first.stdout).toBe(`Downloading ${program}
dync 1.0.0 (stand-in)
Installed ${folder}/dync.exe
Added ${folder} to your PATH
The server ${server} is known by
Key file:     ${user.home}/.dync/servers/${server}.key

The server ${server} was asked to let you in.

Then send the first file:
    dync -k sample:S-17 ${server} FILE
If that does not work, this says why:  dync doctor ${server}
AFTER Continue Continue ${user.home}
`);
      expect(first.registryPath).toBe(`${folder};%USERPROFILE%\\bin;C:\\tools`);
      expect(user.installed).toEqual(["dync.exe"]);
      expect(readFileSync(user.path(".dync/servers", `${server}.key`), "utf8")).toBe(`${exampleKey}\n`);
      const secret = readFileSync(user.path(".dync/client.key_secret"), "utf8");

      mkdirSync(join(folder, ".dync-install.0123"));
      writeFileSync(join(folder, ".dync-install.0123/dync.exe"), "half of");
      releases.offerStandIns("2.0.0");
      const again = await user.run(line, {
        STAND_IN_JOIN: "in",
        TEST_REGISTRY_PATH: `C:\\tools;${folder.toUpperCase()}`,
      });
      expect(again.stdout).toContain("dync 2.0.0");
      expect(again.stdout).toContain(`lets you in as nova\n\nTo send a file:\n    dync -k`);
      expect(again.registryPath).toBe(`C:\\tools;${folder.toUpperCase()}`);
      expect(readFileSync(join(folder, "dync.exe"), "utf8")).toContain("dync 2.0.0");
      expect(readFileSync(user.path(".dync/client.key_secret"), "utf8")).toBe(secret);
      expect([...user.installed].sort()).toEqual([".dync-install.0123", "dync.exe"]);

      const removed = await user.run(
        `& ([scriptblock]::Create((irm ${releases.url}/install.ps1))) -Uninstall`,
        {
          TEST_REGISTRY_PATH: `C:\\tools;${folder};%USERPROFILE%\\bin`,
        },
      );
      expect(removed).toMatchObject({
        ...{ stderr: "", stdout: `Removed ${folder}/dync.exe\nKeys and state stay where they are\n` },
        registryPath: "C:\\tools;%USERPROFILE%\\bin",
      });
      expect(existsSync(user.path(".dync/client.key_secret"))).toBe(true);
    },
    3 * powerShellMs,
  );

  test(
    "what goes wrong is said in one line, replaces nothing and leaves nothing",
    async () => {
      using releases = offering();
      using user = new WindowsUser();
      await using breaking = await breakingServer(releases.files.get("SHA256SUMS") ?? new Uint8Array());
      const sums = new TextDecoder().decode(releases.files.get("SHA256SUMS"));
      const own = sums.split("\n").find((line) => line.endsWith(program)) ?? "";
      const strange = "#!/bin/sh\nexit 3\n";
      const offered = (from: string, what: string): Uint8Array | null => {
        if (what === "SHA256SUMS") {
          if (from === "unnamed") return bytes(sums.replace(own, own.replace(program, `${program}x`)));
          if (from === "twice") return bytes(`${sums}${own}\n`);
          if (from === "capitals") return bytes(sums.replace(own, own.toUpperCase()));
          if (from === "cut") return bytes(sums.slice(0, sums.indexOf(program) + 9));
          if (from === "failing") return bytes(`${sha256(bytes(strange))}  ${program}\n`);
          if (from === "no-sums") return null;
        } else {
          const whole = releases.files.get(program) ?? new Uint8Array();
          if (from === "changed") return whole.with(whole.length - 2, (whole.at(-2) ?? 0) ^ 1);
          if (from === "short") return whole.slice(0, -1);
          if (from === "failing") return bytes(strange);
          if (from === "no-program") return null;
        }
        return releases.files.get(what) ?? null;
      };
      releases.answer = (path) => {
        const [from = "", what] = path.includes("/") ? path.split("/") : ["", path];
        const found = offered(from, what ?? "");
        return found === null ? new Response("no", { status: 404 }) : new Response(Buffer.from(found));
      };
      const damaged = `install.ps1: the download of ${program} is damaged or not the released file`;
      const lacks = (from: string) => `install.ps1: the release at ${releases.url}/${from} has no ${program}`;
      const cannot = `install.ps1: cannot download ${releases.url}/`;
      const cases: Readonly<Record<string, string>> = {
        changed: damaged,
        short: damaged,
        unnamed: lacks("unnamed"),
        twice: lacks("twice"),
        capitals: lacks("capitals"),
        cut: lacks("cut"),
        failing: "install.ps1: the new dync.exe does not run here",
        "no-sums": `${cannot}no-sums/SHA256SUMS: `,
        "no-program": `${cannot}no-program/${program}: `,
        broken: `install.ps1: cannot download ${breaking.url}/${program}: `,
        nobody: "install.ps1: cannot download http://127.0.0.1:9/SHA256SUMS: ",
      };
      const addresses = Object.keys(cases).map(
        (name) =>
          `'${name}' = '${name === "broken" ? breaking.url : name === "nobody" ? "http://127.0.0.1:9" : `${releases.url}/${name}`}'`,
      );
      const run = await user.run(`
irm ${releases.url}/install.ps1 | iex
$cases = @{ ${addresses.join("; ")} }
foreach ($name in $cases.Keys) {
  $env:DYNC_BASE_URL = $cases[$name]
  $words = try { irm ${releases.url}/install.ps1 | iex } catch { $_.Exception.Message }
  "CASE \${name}: $words"
}`);
      const said = Object.fromEntries(
        [...run.stdout.matchAll(/^CASE (.+?): (.*)$/gm)].map(([, name, words]) => [name, words]),
      );
      expect(Object.keys(said).sort()).toEqual(Object.keys(cases).sort());
      for (const [name, words] of Object.entries(cases)) expect(said[name]).toStartWith(words);
      expect(said["no-sums"]).toContain("404");
      expect(readFileSync(join(user.programs, "dync.exe"), "utf8")).toContain("dync 1.0.0");
      expect(user.installed).toEqual(["dync.exe"]);
    },
    powerShellMs,
  );

  test(
    "goes on where PowerShell reads what programs say on stderr, as its ISE and remote sessions do",
    async () => {
      using releases = offering();
      using user = new WindowsUser();
      const run = await user.run(
        `& { irm ${releases.url}/install.ps1 | iex } 2>&1 | ForEach-Object { "READ $_" }`,
      );
      expect(run.stdout).toContain("was asked to let you in");
      expect(run.stdout).toContain("READ Compare the fingerprint");
      expect(existsSync(user.path(".dync/client.key_secret"))).toBe(true);
    },
    powerShellMs,
  );

  test(
    "a server that does not answer, one whose key is another, and a system that cannot run it are told",
    async () => {
      using releases = offering();
      using user = new WindowsUser();
      const line = `irm ${releases.url}/install.ps1 | iex`;
      const nobody = await user.run(line, { STAND_IN_JOIN: "nobody" });
      expect(nobody.stderr).toContain(`dync: error: Nothing listens at ${server}\n`);
      expect(nobody.stdout).toEndWith(
        `\nThe server was not asked to let you in (see above). Try again later:  dync join ${server}\n`,
      );
      const other = await user.run(line, { STAND_IN_TRUST: "other" });
      expect(other.stderr).toEndWith(
        `install.ps1: dync is installed, and does not trust the server ${server} (see above)\n`,
      );
      releases.offer(program, bytes("MZ, for something else"));
      const foreign = await user.run(line);
      expect(foreign.stderr).toMatch(/^install\.ps1: dync does not start here: .*\n$/);
      expect(readFileSync(join(user.programs, "dync.exe"), "utf8")).toContain("dync 1.0.0");
    },
    3 * powerShellMs,
  );

  test(
    "folders may have any name, and the line that it shows is what it says when it is pasted",
    async () => {
      using releases = offering();
      using user = new WindowsUser();
      const names = ["with blank", "it's", "[a]b", "$(throw 'ran')", "Größe", "50%", "a & b", "plain"];
      for (const name of names) mkdirSync(user.path(name));
      const run = await user.run(`
foreach ($folder in (Get-ChildItem -Directory | Where-Object { $_.Name -ne 'AppData' -and $_.Name -notlike '.*' })) {
  $env:DYNC_HOME = "$($folder.FullName)/keys"
  $install = [scriptblock]::Create((irm ${releases.url}/install.ps1))
  $lines = & $install -To "$($folder.FullName)/bin" -NoModifyPath 6>&1 2>$null | Out-String
  $null = $lines -match '(?m)^    (& .*) -k sample:S-17 '
  "CASE $($folder.Name): " + (Invoke-Expression "$($Matches[1]) --version")
}`);
      const said = run.stdout.split("\n").filter((line) => line.startsWith("CASE "));
      const expected = names.map((name) => `CASE ${name}: dync 1.0.0 (stand-in)`);
      expect({ stderr: run.stderr, said: said.sort() }).toEqual({
        stderr: "",
        said: expected.sort(),
      });
      for (const name of names) {
        expect(readdirSync(user.path(name, "bin"))).toEqual(["dync.exe"]);
        expect(existsSync(user.path(name, "keys/client.key_secret"))).toBe(true);
      }
    },
    powerShellMs,
  );

  test(
    "what dync says is read as it is written, in a console that is read as something else",
    async () => {
      using releases = offering();
      using user = new WindowsUser();
      const run = await user.run(
        `$env:DYNC_HOME = "$HOME/M$([char] 0xfc)ller"
Start-Transcript "$HOME/said.txt" | Out-Null
irm ${releases.url}/install.ps1 | iex
Stop-Transcript | Out-Null
[Console]::OutputEncoding.WebName`,
        {},
        "ISO-8859-1",
      );
      expect(readFileSync(user.path("said.txt"), "utf8")).toContain(
        `${user.home}/Müller/servers/${server}.key`,
      );
      expect(run.stdout).toEndWith("\niso-8859-1\n");
    },
    powerShellMs,
  );
});

const missing = powerShellMissing ?? executablesMissing ?? certificateMissing;
test.skipIf(missing !== null)(
  `from the line of a server's page to the first stored file, over TLS, with the compiled programs (${missing ?? "compiled"})`,
  async () => {
    using user = new WindowsUser();
    const [release, certificate, key] = [user.path("release"), user.path("c.pem"), user.path("k.pem")];
    mkdirSync(release);
    copyFileSync((await executables()).dync, join(release, program));
    for (const name of ["install.sh", "install.ps1"]) copyFileSync(join(project, name), join(release, name));
    const sums = readdirSync(release).map(
      (name) => `${sha256(readFileSync(join(release, name)))}  ${name}\n`,
    );
    writeFileSync(join(release, "SHA256SUMS"), sums.join(""));
    makeCertificate(certificate, key);
    const tls = ["--http-certificate", certificate, "--http-key", key];
    await using lab = await openLab({ server: ["--http", "127.0.0.1:0", ...tls, "--downloads", release] });
    const started = await lab.server.line(/"message":\s*"Answering over HTTP"/);
    const origin = `https://localhost:${(JSON.parse(started.input ?? "") as { port: number }).port}`;
    const ca = readFileSync(certificate, "utf8");
    const page = await (await fetch(`${origin}/install`, { tls: { ca } })).text();
    const line = /irm [^<]*/.exec(page)?.[0] ?? "none";
    expect(line).toBe(`irm ${origin}/install.ps1 | iex`);

    // Whose certificate is known to nobody is not asked.
    const strange = await user.run(line);
    expect([strange.stderr, user.installed]).toEqual([expect.stringContaining("SSL"), []]);

    const environment = { SSL_CERT_FILE: certificate };
    const run = await user.run(line, environment);
    const [, own = "none"] =
      /public-key = "(.*)"/.exec(readFileSync(join(lab.homes.server, "server.key"), "utf8")) ?? [];
    expect(readFileSync(user.path(`.dync/servers/localhost_${lab.port}.key`), "utf8")).toContain(own);
    const [, fingerprint = "none"] = /^Your fingerprint: {2}(SHA256:\S{43})$/m.exec(run.stdout) ?? [];
    const approve = ["clients", "approve", fingerprint, "--user", "nova"];
    expect(await lab.dyncServer(approve)).toMatchObject({ code: 0 });
    writeFileSync(user.path("run.raw"), "measured");
    const [, send = "none"] = /^ {4}dync (-k .*) FILE$/m.exec(run.stdout) ?? [];
    await user.run(`& "$env:LOCALAPPDATA/Programs/dync/dync.exe" -q ${send} run.raw`);
    expect(readFileSync(join(lab.data, "nova", "run.raw"), "utf8")).toBe("measured");
    expect((await user.run(line, environment)).stdout).toContain("lets you in as nova\n\nTo send a file:\n");
  },
  4 * powerShellMs,
);

function bytes(said: string): Uint8Array {
  return new TextEncoder().encode(said);
}

/** Says which files it has, and hangs up in the middle of them. */
async function breakingServer(sums: Uint8Array): Promise<AsyncDisposable & { readonly url: string }> {
  const whole = `HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: ${sums.length}\r\n\r\n${new TextDecoder().decode(sums)}`;
  const broken = "HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\nsome bytes";
  const listener = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", (asked) => socket.end(asked.includes("SHA256SUMS") ? whole : broken));
  });
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const address = listener.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => listener.close(() => resolve())),
  };
}
