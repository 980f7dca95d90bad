// install.sh as a server hands it out: told where it is from, and which server it is for. The server's side is in
// test/web/downloads.test.ts, both together in test/e2e/handing-out.test.ts.

import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { filledInstaller } from "../../src/web/downloads/installers.ts";
import { certificateMissing, makeCertificate } from "../support/certificate.ts";
import {
  exampleFingerprint,
  exampleKey,
  plainTools,
  ReleaseServer,
  script,
  shells,
  User,
} from "./fixture.ts";

const server = "Lab.example:9000";

/** The script of a server whose files are at `url`. */
function offered(url: string): string {
  const text = readFileSync(script, "utf8");
  return filledInstaller("install.sh", text, { baseUrl: url, server, serverKey: exampleKey }, url);
}

/** One line, in an empty home. */
async function install(
  user: User,
  releases: ReleaseServer,
  args: readonly string[] = [],
  environment: Readonly<Record<string, string>> = {},
  shell: readonly string[] = ["sh"],
) {
  const told = { DYNC_BASE_URL: "", ...environment };
  return await user.install({ url: "" }, args, { text: offered(releases.url), environment: told, shell });
}

for (const shell of shells) {
  test.skipIf(shell.missing)(
    `installs the client, knows the server, and asks it, under ${shell.name}${shell.missing ? " (skipped: not here)" : ""}`,
    async () => {
      using releases = new ReleaseServer();
      using user = new User();
      const run = await install(user, releases, [], {}, shell.command);
      expect(run).toMatchObject({ status: 0, stderr: "" });
      expect(readdirSync(user.bin)).toEqual(["dync"]);
      const file = user.path(".dync/servers/lab.example_9000.key");
      expect(readFileSync(file, "utf8")).toContain(`    public-key = "${exampleKey}"\n`);
      expect(existsSync(user.path(".dync/client.key_secret"))).toBe(true);
      const dync = user.path(".local/bin/dync");
      expect(run.stdout).toContain(
        `
Installed the key of the server ${server}: ${file}
    fingerprint ${exampleFingerprint} (compare it with what the administrator tells you)

The server ${server} was asked to let you in.

Then send the first file:
    ${dync} -k sample:S-17 ${server} FILE
If that does not work, this says why:  ${dync} doctor ${server}
`,
      );
      expect(run.stdout).not.toContain("Send the file");
    },
  );
}

describe("what comes of asking", () => {
  test("who is let in already hears as whom, and is called as he may type it", async () => {
    using releases = new ReleaseServer();
    using user = new User();
    const environment = { STAND_IN_JOIN: "in", PATH: `${user.bin}:${process.env.PATH}` };
    const { stdout, stderr, status } = await install(user, releases, [], environment);
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout).toEndWith(
      `The server ${server} lets you in as nova\n\nTo send a file:\n    dync -k sample:S-17 ${server} FILE\n` +
        `If that does not work, this says why:  dync doctor ${server}\n`,
    );
  });

  test("a server that does not answer is said, and the key can still be sent", async () => {
    using releases = new ReleaseServer();
    using user = new User();
    const run = await install(user, releases, [], { STAND_IN_JOIN: "nobody" });
    expect(run.status).toBe(0);
    expect(run.stderr).toBe(
      `install.sh: warning: the server was not asked to let you in: Nothing listens at ${server}\n`,
    );
    expect(run.stdout).toContain(`Its fingerprint:  ${exampleFingerprint}\n`);
    expect(run.stdout).toContain(`Send the file ${user.path(".dync/client.key")} to the administrator`);
    expect(run.stdout).toContain(`Or try again later:  ${user.path(".local/bin/dync")} join ${server}\n`);
  });

  test("again it upgrades, and touches no key; another key of that server is no accident", async () => {
    using releases = new ReleaseServer();
    using user = new User();
    expect((await install(user, releases)).status).toBe(0);
    const secret = readFileSync(user.path(".dync/client.key_secret"), "utf8");
    releases.offerStandIns("2.0.0");
    const again = await install(user, releases);
    expect(again).toMatchObject({ status: 0, stderr: "" });
    expect(again.stdout).toContain(`Server key of ${server} is there already`);
    expect(readFileSync(user.path(".local/bin/dync"), "utf8")).toContain("dync 2.0.0");
    expect(readFileSync(user.path(".dync/client.key_secret"), "utf8")).toBe(secret);
    const file = user.path(".dync/servers/lab.example_9000.key");
    writeFileSync(file, exampleKey.replace("rq", "rr"));
    releases.offerStandIns("3.0.0");
    const other = await install(user, releases);
    expect(other.status).toBe(1);
    expect(other.stderr).toBe(
      `install.sh: ${file} holds another key, and stays; remove it first if the server's key has really changed\n`,
    );
    // Before anything was installed.
    expect(readFileSync(user.path(".local/bin/dync"), "utf8")).toContain("dync 2.0.0");
  });
});

test("another server, the server's program, another folder and another home can be chosen", async () => {
  using releases = new ReleaseServer();
  using user = new User();
  const other = exampleKey.replace("rq", "rr");
  const chosen = ["--server", "other.example", "--server-key", other, "--to", user.path("bin")];
  expect((await install(user, releases, chosen, { DYNC_HOME: user.path("keys") })).status).toBe(0);
  expect(readdirSync(user.path("keys/servers"))).toEqual(["other.example.key"]);
  expect(readdirSync(user.path("bin"))).toEqual(["dync"]);
  rmSync(user.path("bin"), { recursive: true });
  expect((await install(user, releases, ["--server", "--to", user.path("bin")])).status).toBe(0);
  expect(readdirSync(user.path("bin"))).toEqual(["dync-server"]);
  expect(existsSync(user.path(".dync/servers"))).toBe(false);
  const removed = await install(user, releases, ["--uninstall", "--to", user.path("bin")]);
  expect([removed.status, readdirSync(user.path("bin"))]).toEqual([0, []]);
});

test("a system for which the server offers nothing is named", async () => {
  using releases = new ReleaseServer();
  using user = new User();
  const target = `${process.platform}-${process.arch}`;
  releases.files.delete(`dync-${target}`);
  releases.offer("dync-other", new Uint8Array());
  const run = await install(user, releases);
  expect(run).toMatchObject({
    status: 1,
    stderr: `install.sh: the release at ${releases.url} has no dync-${target}\n`,
  });
  expect(existsSync(user.path(".dync"))).toBe(false);
});

describe.skipIf(certificateMissing !== null)(
  `over TLS, with a certificate that is told (${certificateMissing ?? "openssl"})`,
  () => {
    for (const downloader of ["curl", "wget"]) {
      test.skipIf(Bun.which(downloader) === null)(`by ${downloader}, and not without that`, async () => {
        using user = new User();
        mkdirSync(user.path("tls"));
        const [certificate, key] = [user.path("tls/c.pem"), user.path("tls/k.pem")];
        makeCertificate(certificate, key);
        const tls = { cert: readFileSync(certificate, "utf8"), key: readFileSync(key, "utf8") };
        using releases = new ReleaseServer("1.0.0", tls);
        const PATH = user.tools([...plainTools, "sha256sum", downloader]);
        const strange = await install(user, releases, [], { PATH });
        expect(strange.status).toBe(1);
        expect(strange.stderr).toStartWith(`install.sh: cannot download ${releases.url}/SHA256SUMS: `);
        expect(existsSync(user.path(".dync"))).toBe(false);
        const run = await install(user, releases, [], { PATH, CURL_CA_BUNDLE: certificate });
        expect(run).toMatchObject({ status: 0, stderr: "" });
        expect(readdirSync(user.bin)).toEqual(["dync"]);
      });
    }

    test.skipIf(Bun.which("busybox") === null)(
      "a wget that checks no certificates is warned of",
      async () => {
        using user = new User();
        mkdirSync(user.path("tls"));
        const [certificate, key] = [user.path("tls/c.pem"), user.path("tls/k.pem")];
        makeCertificate(certificate, key);
        const tls = { cert: readFileSync(certificate, "utf8"), key: readFileSync(key, "utf8") };
        using releases = new ReleaseServer("1.0.0", tls);
        const tools = user.tools([...plainTools, "sha256sum", "busybox"]);
        user.write(`${tools.slice(user.home.length + 1)}/wget`, '#!/bin/sh\nexec busybox wget "$@"\n', 0o755);
        const { stderr } = await install(user, releases, [], { PATH: tools });
        expect(stderr).toStartWith(
          `install.sh: warning: this wget may not check whose the certificate of ${releases.url} is`,
        );
      },
    );
  },
);
