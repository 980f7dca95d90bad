// install.sh when all goes well: first install, upgrade, keys, uninstall, under every shell that it must run in, from a
// local HTTP server. What goes wrong is in failures.test.ts.

import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import {
  exampleFingerprint,
  exampleKey,
  plainTools,
  ReleaseServer,
  script,
  shells,
  User,
} from "./fixture.ts";

for (const shell of shells) {
  describe.skipIf(shell.missing)(`under ${shell.name}${shell.missing ? " (skipped: not here)" : ""}`, () => {
    test("installs both executables, makes the folder of keys and shows the key", async () => {
      using server = new ReleaseServer();
      using user = new User();
      const run = await user.install(server, [], { shell: shell.command });
      expect(run.stderr).toBe("");
      expect(run.status).toBe(0);
      expect(readdirSync(user.bin).sort()).toEqual(["dync", "dync-server"]);
      expect(statSync(user.path(".local/bin/dync")).mode & 0o777).toBe(0o755);
      expect(statSync(user.path(".dync")).mode & 0o777).toBe(0o700);
      expect(statSync(user.path(".dync/client.key_secret")).mode & 0o777).toBe(0o600);
      expect(run.stdout).toContain("dync 1.0.0");
      expect(run.stdout).not.toContain(exampleKey);
      expect(run.stdout).toContain(`Its fingerprint:  ${exampleFingerprint}\n`);
      expect(run.stdout).toContain(
        `Send the file ${user.path(".dync/client.key")} to the administrator of the server`,
      );
      expect(run.stdout).toContain(`export PATH="${user.bin}:$PATH"`);
      expect(run.stdout).toContain(`Add this line to ${user.path(".bashrc")}`);
    });

    test("works when it is piped into the shell", async () => {
      using server = new ReleaseServer();
      using user = new User();
      const run = await user.install(server, ["--client"], { shell: shell.command, piped: true });
      expect(run).toMatchObject({ status: 0, stderr: "" });
      expect(readdirSync(user.bin)).toEqual(["dync"]);
    });

    test("upgrades and touches no key", async () => {
      using server = new ReleaseServer("1.0.0");
      using user = new User();
      await user.install(server, ["--server", "lab.example", "--server-key", exampleKey], {
        shell: shell.command,
      });
      const before = keysOf(user);
      server.offerStandIns("2.0.0");
      const run = await user.install(server, [], { shell: shell.command });
      expect(run.status).toBe(0);
      expect(run.stdout).toContain("dync 2.0.0");
      expect(run.stdout).toContain(exampleFingerprint);
      expect(readFileSync(user.path(".local/bin/dync"), "utf8")).toContain("dync 2.0.0");
      expect(keysOf(user)).toEqual(before);
    });

    test("writes the key of a server as a certificate", async () => {
      using server = new ReleaseServer();
      using user = new User();
      const args = ["--server", "Lab.Example:8889", "--server-key", exampleKey];
      const run = await user.install(server, args, { shell: shell.command });
      expect(run).toMatchObject({ status: 0, stderr: "" });
      expect(run.stdout).toContain(exampleFingerprint);
      expect(readdirSync(user.path(".dync/servers"))).toEqual(["lab.example_8889.key"]);
      expect(readFileSync(user.path(".dync/servers/lab.example_8889.key"), "utf8")).toMatch(
        /\nmetadata\ncurve\n {4}public-key = "rq:rM>\}U\?@Lns47E1%kR\.o@n%FcmmsL\/@\{H8\]yf7"\n$/,
      );
    });

    test("--uninstall removes the executables and keeps the keys", async () => {
      using server = new ReleaseServer();
      using user = new User();
      await user.install(server, [], { shell: shell.command });
      const before = keysOf(user);
      mkdirSync(user.path(".cache/dync"), { recursive: true });
      writeFileSync(user.path(".cache/dync/libzmq-0123.so"), "unpacked");
      const run = await user.install(server, ["--uninstall"], { shell: shell.command });
      expect(run).toMatchObject({ status: 0, stderr: "" });
      expect(run.stdout).toContain(`Keys and state stay in ${user.path(".dync")}`);
      expect(readdirSync(user.bin)).toEqual([]);
      expect(keysOf(user)).toEqual(before);
      expect(readdirSync(user.path(".cache"))).toEqual([]);
      expect((await user.install(server, ["--uninstall"], { shell: shell.command })).status).toBe(0);
    });
  });
}

test("--client and --server choose one executable, --to the folder", async () => {
  using server = new ReleaseServer();
  using user = new User();
  expect((await user.install(server, ["--server", "--to", user.path("programs")])).status).toBe(0);
  expect(readdirSync(user.path("programs"))).toEqual(["dync-server"]);
  expect(existsSync(user.path(".dync/client.key"))).toBe(false);
  expect((await user.install(server, ["--client", "--to=elsewhere"])).status).toBe(0);
  expect(readdirSync(user.path("elsewhere"))).toEqual(["dync"]);
  expect(existsSync(user.bin)).toBe(false);
});

test("shells that are here complete, until it is removed; what the user wrote stays", async () => {
  using server = new ReleaseServer();
  using user = new User();
  const own = user.write(
    ".local/share/bash-completion/completions/dync-server",
    "complete -W mine dync-server\n",
  );
  expect((await user.install(server, [])).status).toBe(0);
  const file = user.path(".local/share/bash-completion/completions/dync");
  expect(existsSync(file)).toBe(Bun.which("bash") !== null);
  expect(existsSync(user.path(".local/share/fish/vendor_completions.d/dync.fish"))).toBe(
    Bun.which("fish") !== null,
  );
  if (existsSync(file)) expect(readFileSync(file, "utf8")).toContain('made by "dync completions bash"');
  expect((await user.install(server, ["--uninstall"])).status).toBe(0);
  expect(existsSync(file)).toBe(false);
  expect(existsSync(user.path(".local/share/fish/vendor_completions.d/dync.fish"))).toBe(false);
  expect(readFileSync(own, "utf8")).toBe("complete -W mine dync-server\n");
});

test("DYNC_HOME moves keys elsewhere", async () => {
  using server = new ReleaseServer();
  using user = new User();
  const run = await user.install(server, [], { environment: { DYNC_HOME: user.path("keys of mine") } });
  expect(run.status).toBe(0);
  expect(readdirSync(user.path("keys of mine")).sort()).toEqual(["client.key", "client.key_secret"]);
  expect(existsSync(user.path(".dync"))).toBe(false);
});

test("the server's key comes from a file or an address too", async () => {
  using server = new ReleaseServer();
  using user = new User();
  const certificate = `# from pyzmq\n\nmetadata\n    name = lab\ncurve\n    public-key = "${exampleKey}"\n`;
  const file = user.write("given/server.key", certificate);
  server.files.set("server.key", new TextEncoder().encode(`${exampleKey}\n`));
  expect((await user.install(server, ["--server", "one.example", "--server-key", file])).status).toBe(0);
  const url = `${server.url}/server.key`;
  expect((await user.install(server, ["--server=two.example", `--server-key=${url}`])).status).toBe(0);
  expect((await user.install(server, ["--server", "[2001:DB8::1]", "--server-key", file])).status).toBe(0);
  const names = readdirSync(user.path(".dync/servers")).sort();
  expect(names).toEqual(["2001_db8__1.key", "one.example.key", "two.example.key"]);
  for (const name of names) {
    expect(readFileSync(user.path(".dync/servers", name), "utf8")).toContain(`public-key = "${exampleKey}"`);
  }
});

test("downloads with wget where there is no curl, and checks with whatever tool is there", async () => {
  using server = new ReleaseServer();
  for (const tool of ["sha256sum", "shasum", "openssl"]) {
    if (Bun.which(tool) === null) continue;
    using user = new User();
    const PATH = user.tools([...plainTools, "wget", tool, ...(tool === "shasum" ? ["perl"] : [])]);
    const run = await user.install(server, [], { environment: { PATH } });
    expect(run).toMatchObject({ status: 0, stderr: "" });
    expect(readdirSync(user.bin).sort()).toEqual(["dync", "dync-server"]);
  }
});

test.skipIf(Bun.which("busybox") === null)(
  "downloads with busybox's wget too (where it is there)",
  async () => {
    using server = new ReleaseServer();
    using user = new User();
    const tools = user.tools([...plainTools, "sha256sum", "busybox"]);
    user.write(`${tools.slice(user.home.length + 1)}/wget`, '#!/bin/sh\nexec busybox wget "$@"\n', 0o755);
    const run = await user.install(server, [], { environment: { PATH: tools } });
    expect(run).toMatchObject({ status: 0, stderr: "" });
  },
);

test("finds out the system: musl, Rosetta, arm64", async () => {
  using server = new ReleaseServer();
  const cases = [
    { uname: "Linux aarch64", expected: "dync-linux-arm64" },
    { uname: "Linux x86_64", ldd: "musl libc (x86_64)", expected: "dync-linux-x64-musl" },
    { uname: "Linux x86_64", ldd: "ldd (GNU libc) 2.36", expected: "dync-linux-x64" },
    { uname: "Darwin x86_64", expected: "dync-macos-x64" },
    { uname: "Darwin x86_64", arm64: 1, expected: "dync-macos-arm64" },
    { uname: "Darwin arm64", arm64: 1, expected: "dync-macos-arm64" },
  ];
  for (const { uname, ldd, arm64, expected } of cases) {
    using user = new User();
    const PATH = pretend(user, { uname, ldd: ldd ?? "ldd (GNU libc) 2.36", sysctl: String(arm64 ?? 0) });
    const run = await user.install(server, ["--client"], { environment: { PATH } });
    expect(run).toMatchObject({ status: 0, stderr: "" });
    expect(run.stdout).toContain(`Downloading ${expected}\n`);
  }
});

test("says when another dync comes earlier in PATH, and nothing when all is well", async () => {
  using server = new ReleaseServer();
  using user = new User();
  const other = user.write("other/dync", "#!/bin/sh\n", 0o755);
  const shadowed = `${user.path("other")}:${user.bin}:${process.env.PATH}`;
  const run = await user.install(server, [], { environment: { PATH: shadowed } });
  expect(run.stderr).toBe(`install.sh: warning: "dync" still means ${other}, which comes earlier in PATH\n`);
  const PATH = `${user.bin}:${process.env.PATH}`;
  const second = await user.install(server, [], { environment: { PATH } });
  expect(second.stderr).toBe("");
  expect(second.stdout).not.toContain("export PATH");
});

const shellcheck = Bun.which("shellcheck");
test.skipIf(shellcheck === null)("shellcheck finds nothing in install.sh (where it is there)", async () => {
  const run = Bun.spawn([shellcheck ?? "", "-s", "sh", script], { stdout: "pipe" });
  expect(await new Response(run.stdout).text()).toBe("");
});

function keysOf(user: User): Record<string, string> {
  const names = readdirSync(user.path(".dync"), { recursive: true, encoding: "utf8" });
  const files = names.filter((name) => name.includes(".key"));
  return Object.fromEntries(files.map((name) => [name, readFileSync(user.path(".dync", name), "utf8")]));
}

/** A PATH whose first folder lies about the machine. */
function pretend(
  user: User,
  answers: { readonly uname: string; readonly ldd: string; readonly sysctl: string },
) {
  const [system, machine] = answers.uname.split(" ");
  user.write(
    "fake/uname",
    `#!/bin/sh\ncase $1 in -s) echo ${system} ;; -m) echo ${machine} ;; esac\n`,
    0o755,
  );
  user.write("fake/ldd", `#!/bin/sh\necho "${answers.ldd}"\n`, 0o755);
  user.write("fake/sysctl", `#!/bin/sh\necho ${answers.sysctl}\n`, 0o755);
  user.write("fake/getconf", "#!/bin/sh\necho 64\n", 0o755);
  return `${user.path("fake")}:${process.env.PATH}`;
}
