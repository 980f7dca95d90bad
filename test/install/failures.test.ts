// install.sh when something goes wrong: always one clear line, nothing half-installed, the old version still there.

import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { exampleKey, isRoot, mountMemory, plainTools, ReleaseServer, sha256, User } from "./fixture.ts";

const target = `${process.platform}-${process.arch}`;

/** One line on stderr that says `reason`, a failure, and no executable that was not there before. */
function expectRefusal(run: { status: number | null; stderr: string }, reason: string, status = 1): void {
  expect(run.stderr).toContain(reason);
  expect(run.stderr.trim().split("\n").length).toBe(1);
  expect(run.stderr).toStartWith("install.sh: ");
  expect(run.status).toBe(status);
}

function expectNothingInstalled(user: User): void {
  expect(existsSync(user.bin) ? readdirSync(user.bin) : []).toEqual([]);
  expect(existsSync(user.path(".dync"))).toBe(false);
}

test("without an address one line asks for it", async () => {
  using user = new User();
  const run = await user.install({ url: "" });
  expectRefusal(run, "set DYNC_BASE_URL to where the release is, such as https://HOST/dync", 2);
  expectNothingInstalled(user);
});

describe("a folder for keys that was there before", () => {
  async function install(user: User, home: string, args: readonly string[] = []) {
    using server = new ReleaseServer();
    return await user.install(server, args, { environment: { DYNC_HOME: home } });
  }
  const modeOf = (path: string): string => (statSync(path).mode & 0o7777).toString(8);

  test("that is the root folder is refused", async () => {
    using user = new User();
    const before = modeOf("/");
    for (const home of ["/", "//", "/.", "/tmp/.."]) {
      expectRefusal(await install(user, home), "keys do not belong in /; choose another folder");
    }
    expect(modeOf("/")).toBe(before);
    expectNothingInstalled(user);
  });

  test("that everybody may write to is refused", async () => {
    using user = new User();
    mkdirSync(user.path("shared"));
    chmodSync(user.path("shared"), 0o1777);
    expectRefusal(await install(user, user.path("shared")), "is shared with everybody");
    expect(modeOf(user.path("shared"))).toBe("1777");
    expectNothingInstalled(user);
  });

  test("that is open and holds other things is refused", async () => {
    using user = new User();
    user.write("etc/passwd", "");
    chmodSync(user.path("etc"), 0o755);
    expectRefusal(
      await install(user, user.path("etc")),
      "is open to others and holds more than dync's files",
    );
    expect(modeOf(user.path("etc"))).toBe("755");
    expectNothingInstalled(user);
  });

  test("that a group may write to is refused, with the way to mend it", async () => {
    using user = new User();
    mkdirSync(user.path("it's ours"));
    chmodSync(user.path("it's ours"), 0o770);
    const run = await install(user, user.path("it's ours"));
    expectRefusal(run, `keep them out with: chmod 700 '${user.home}/it'\\''s ours'`);
    expectNothingInstalled(user);
  });

  test.skipIf(!isRoot)("that is somebody else's is refused (needs root)", async () => {
    using user = new User();
    mkdirSync(user.path("theirs"));
    chownSync(user.path("theirs"), 65534, 65534);
    expectRefusal(await install(user, user.path("theirs")), "belongs to another user");
    expectNothingInstalled(user);
  });

  test("that others may look into keeps its permissions, and the way to change them is shown", async () => {
    using user = new User();
    mkdirSync(user.path("home"));
    chmodSync(user.path("home"), 0o755);
    const run = await install(user, user.path("home"));
    expect(run).toMatchObject({
      status: 0,
      stderr: `install.sh: warning: ${user.home}/home is open to others; to keep them out: chmod 700 ${user.home}/home\n`,
    });
    expect(modeOf(user.path("home"))).toBe("755");
  });

  test("that is the user's alone may hold anything, and keeps its permissions", async () => {
    using user = new User();
    user.write("home/notes.txt", "mine");
    chmodSync(user.path("home"), 0o500 | 0o200);
    expect(await install(user, user.path("home"))).toMatchObject({ status: 0, stderr: "" });
    expect(modeOf(user.path("home"))).toBe("700");
  });

  test("with a secret key that others may read is not passed over in silence", async () => {
    using user = new User();
    expect(await install(user, user.path("home"))).toMatchObject({ status: 0, stderr: "" });
    chmodSync(user.path("home/client.key_secret"), 0o644);
    const run = await install(user, user.path("home"));
    expect(run.status).toBe(0);
    expect(run.stderr).toContain(`others may read the secret key ${user.home}/home/client.key_secret`);
    expect(run.stderr).toContain(`chmod 600 ${user.home}/home/client.key_secret\n`);
    expect(modeOf(user.path("home/client.key_secret"))).toBe("644");
  });
});

const fishIsMissing = Bun.which("fish") === null;
const folders = ["with blank", "$(touch evil)", "it's", '"quoted"', "back`tick`", "back\\slash", "plain"];
test.each(folders)("the line for PATH is what it says when it is pasted: %s", async (name) => {
  using server = new ReleaseServer();
  using user = new User();
  const target = user.path(name);
  const { stdout, status } = await user.install(server, ["--client", "--to", target]);
  expect(status).toBe(0);
  const line = /^ {4}(export PATH=.*)$/m.exec(stdout)?.[1] ?? "false";
  const pasted = spawnSync("sh", ["-c", `${line}\nprintf '%s' "$PATH"`], {
    cwd: user.home,
    encoding: "utf8",
  });
  expect(pasted.stdout).toStartWith(`${target}:/`);
  expect(existsSync(user.path("evil"))).toBe(false);
  const fish = await user.install(server, ["--client", "--to", target], {
    environment: { SHELL: "/bin/fish" },
  });
  const word = /fish_add_path (.*)$/m.exec(fish.stdout)?.[1] ?? "";
  if (fishIsMissing) expect(word).toBe(`'${target.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`);
  else {
    const echoed = spawnSync("fish", ["-c", `printf %s ${word}`], { encoding: "utf8" });
    expect(echoed.stdout).toBe(target);
  }
});

test("a folder with a colon cannot be in PATH, and that is said", async () => {
  using server = new ReleaseServer();
  using user = new User();
  const run = await user.install(server, ["--client", "--to", user.path("a:b")]);
  expect(run).toMatchObject({
    status: 0,
    stderr: expect.stringContaining("has a colon, so it cannot be in PATH"),
  });
  expect(run.stdout).not.toContain("export PATH");
});

test("a wrong checksum installs nothing and keeps the old version", async () => {
  using server = new ReleaseServer("1.0.0");
  using user = new User();
  await user.install(server);
  server.offerStandIns("2.0.0");
  server.files.set(`dync-server-${target}`, new TextEncoder().encode("#!/bin/sh\necho evil\n"));
  expectRefusal(await user.install(server), "its SHA-256 is not the one in SHA256SUMS");
  expect(readdirSync(user.bin).sort()).toEqual(["dync", "dync-server"]);
  expect(readFileSync(user.path(".local/bin/dync"), "utf8")).toContain("dync 1.0.0");
});

for (const downloader of ["curl", "wget"]) {
  const missing = Bun.which(downloader) === null;
  test.skipIf(missing)(
    `a truncated download installs nothing, with ${downloader}${missing ? " (skipped: not here)" : ""}`,
    async () => {
      await using server = await truncatingServer();
      using user = new User();
      const PATH = user.tools([...plainTools, "sha256sum", downloader]);
      expectRefusal(await user.install(server, [], { environment: { PATH } }), "broke off");
      expectNothingInstalled(user);
    },
  );

  test.skipIf(missing)(`a file that is not there is said to be missing, with ${downloader}`, async () => {
    using server = new ReleaseServer();
    using user = new User();
    server.answer = () => new Response("no", { status: 404 });
    const PATH = user.tools([...plainTools, "sha256sum", downloader]);
    expectRefusal(
      await user.install(server, [], { environment: { PATH } }),
      `cannot download ${server.url}/SHA256SUMS: `,
    );
    expectNothingInstalled(user);
  });

  test.skipIf(missing)(
    `a server that is not there is said to be unreachable, with ${downloader}`,
    async () => {
      using user = new User();
      const server = new ReleaseServer();
      const { url } = server;
      server[Symbol.dispose]();
      const PATH = user.tools([...plainTools, "sha256sum", downloader]);
      expectRefusal(
        await user.install({ url }, [], { environment: { PATH } }),
        `cannot download ${url}/SHA256SUMS: `,
      );
      expectNothingInstalled(user);
    },
  );

  const noMount = missing || !isRoot;
  test.skipIf(noMount)(
    `a full disk is called that, with ${downloader}${noMount ? " (skipped: needs root)" : ""}`,
    async () => {
      using server = new ReleaseServer();
      using user = new User();
      using _disk = mountMemory(user.path("small"), "size=128k");
      server.offer(`dync-${target}`, new Uint8Array(1 << 20));
      const PATH = user.tools([...plainTools, "sha256sum", downloader]);
      const run = await user.install(server, ["--to", user.path("small")], { environment: { PATH } });
      expectRefusal(run, `no space left in ${user.path("small")}`);
      expect(readdirSync(user.path("small"))).toEqual([]);
    },
  );
}

test.skipIf(!isRoot)("a folder mounted noexec is called that (needs root)", async () => {
  using server = new ReleaseServer();
  using user = new User();
  using _disk = mountMemory(user.path("noexec"), "size=64m,noexec");
  const run = await user.install(server, ["--to", user.path("noexec")]);
  expectRefusal(run, "may not be run (mounted noexec?)");
  expect(readdirSync(user.path("noexec"))).toEqual([]);
});

test("a target that cannot be written is refused with what to do", async () => {
  using server = new ReleaseServer();
  using user = new User();
  const file = user.write("occupied", "");
  expectRefusal(
    await user.install(server, ["--to", file]),
    `cannot make the folder ${file}; choose another with --to`,
  );
  mkdirSync(user.path("programs/dync"), { recursive: true });
  expectRefusal(await user.install(server, ["--to", user.path("programs")]), "programs/dync is a folder");
  expectNothingInstalled(user);
});

test.skipIf(!isRoot || Bun.which("setpriv") === null)(
  "a target without permission is refused (needs root, to give it up)",
  async () => {
    using server = new ReleaseServer();
    using user = new User();
    chownSync(user.home, 65534, 65534);
    mkdirSync(user.path("locked"));
    chmodSync(user.path("locked"), 0o755);
    const shell = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "sh"];
    const run = await user.install(server, ["--to", user.path("locked")], { shell });
    expectRefusal(run, `cannot write to ${user.path("locked")}; choose another folder with --to`);
    expectNothingInstalled(user);
  },
);

test("systems without a build are named", async () => {
  using server = new ReleaseServer();
  const cases = [
    { uname: "Linux i686", reason: "no build for Linux on i686" },
    { uname: "Linux armv7l", reason: "no build for Linux on armv7l" },
    { uname: "FreeBSD amd64", reason: "no build for FreeBSD" },
    { uname: "MINGW64_NT-10.0 x86_64", reason: "use install.ps1" },
    { uname: "Linux x86_64", bits: 32, reason: "no build for 32-bit systems" },
    { uname: "Linux aarch64", ldd: "musl libc (aarch64)", reason: "no build for musl (Alpine) on aarch64" },
  ];
  for (const { uname, bits, ldd, reason } of cases) {
    using user = new User();
    const [system, machine] = uname.split(" ");
    user.write(
      "fake/uname",
      `#!/bin/sh\ncase $1 in -s) echo ${system} ;; -m) echo ${machine} ;; esac\n`,
      0o755,
    );
    user.write("fake/getconf", `#!/bin/sh\necho ${bits ?? 64}\n`, 0o755);
    user.write("fake/ldd", `#!/bin/sh\necho "${ldd ?? "ldd (GNU libc) 2.36"}"\n`, 0o755);
    const PATH = `${user.path("fake")}:${process.env.PATH}`;
    expectRefusal(await user.install(server, [], { environment: { PATH } }), reason);
    expectNothingInstalled(user);
  }
});

test("without a tool for checksums, or with a broken one, it does not go on", async () => {
  using server = new ReleaseServer();
  using user = new User();
  const PATH = user.tools([...plainTools, "curl"]);
  expectRefusal(
    await user.install(server, [], { environment: { PATH } }),
    "none of sha256sum, shasum and openssl",
  );
  user.write(`${PATH.slice(user.home.length + 1)}/sha256sum`, `#!/bin/sh\necho ${"0".repeat(64)}\n`, 0o755);
  expectRefusal(
    await user.install(server, [], { environment: { PATH } }),
    "none of sha256sum, shasum and openssl",
  );
  expectNothingInstalled(user);
});

test("without curl and wget it says so", async () => {
  using server = new ReleaseServer();
  using user = new User();
  const PATH = user.tools([...plainTools, "sha256sum"]);
  expectRefusal(await user.install(server, [], { environment: { PATH } }), "neither curl nor wget");
  expectNothingInstalled(user);
});

test("a new version that does not run replaces nothing, and the reason is said", async () => {
  const cases = [
    {
      says: "libstdc++.so.6: cannot open shared object file",
      reason: "needs the C++ runtime: install libstdc++6",
    },
    { says: "version GLIBC_2.25 not found", reason: "needs glibc 2.25 or newer" },
    { says: "===== oh no: Bun has crashed. This indicates", reason: "it needs /proc, and limits of memory" },
    { says: "something else", reason: "does not run here: something else" },
  ];
  for (const { says, reason } of cases) {
    using server = new ReleaseServer("1.0.0");
    using user = new User();
    await user.install(server);
    server.offer(
      `dync-server-${target}`,
      new TextEncoder().encode(`#!/bin/sh\necho "${says}" >&2\nexit 127\n`),
    );
    expectRefusal(await user.install(server), reason);
    expect(readdirSync(user.bin).sort()).toEqual(["dync", "dync-server"]);
    expect(readFileSync(user.path(".local/bin/dync-server"), "utf8")).toContain("1.0.0");
  }
});

test("a release that lacks this system is named", async () => {
  using server = new ReleaseServer();
  using user = new User();
  server.files.set("SHA256SUMS", new TextEncoder().encode(`${sha256(new Uint8Array())}  dync-other\n`));
  expectRefusal(await user.install(server), `has no dync-${target}`);
  expectNothingInstalled(user);
});

test("a server key that is none, or a secret one, is refused before anything is installed", async () => {
  using server = new ReleaseServer();
  using user = new User();
  const secret = user.write(
    "server.key_secret",
    `curve\n    public-key = "${exampleKey}"\n    secret-key = "x"\n`,
  );
  const cases = [
    { key: secret, reason: "holds a secret key, which must never leave the server" },
    { key: user.write("empty.key", ""), reason: "holds no public key" },
    { key: exampleKey.slice(1), reason: "neither a file, an http(s) address nor a key of 40 characters" },
    { key: "#".repeat(40), reason: "neither a file, an http(s) address nor a key of 40 characters" },
    { key: `${server.url}/none.key`, reason: `cannot download ${server.url}/none.key` },
  ];
  for (const { key, reason } of cases) {
    expectRefusal(await user.install(server, ["--server", "lab.example", "--server-key", key]), reason);
    expectNothingInstalled(user);
  }
});

test("another key for a server that is known is refused, and the known one stays", async () => {
  using server = new ReleaseServer();
  using user = new User();
  await user.install(server, ["--server", "lab.example", "--server-key", exampleKey]);
  const other = `${exampleKey.slice(0, -1)}8`;
  const run = await user.install(server, ["--server", "lab.example", "--server-key", other]);
  expectRefusal(run, "holds another key, and stays");
  expect(readFileSync(user.path(".dync/servers/lab.example.key"), "utf8")).toContain(exampleKey);
});

test("wrong options are refused with status 2", async () => {
  using server = new ReleaseServer();
  using user = new User();
  const cases = [
    { args: ["--wrong"], reason: "unknown option --wrong" },
    { args: ["--to"], reason: "--to needs a value" },
    { args: ["--server", "lab.example"], reason: "needs --server-key" },
    { args: ["--server-key", exampleKey], reason: "needs --server HOST" },
    { args: ["--server", "../evil", "--server-key", exampleKey], reason: "needs a host name" },
  ];
  for (const { args, reason } of cases) {
    expectRefusal(await user.install(server, args), reason, 2);
  }
  expectNothingInstalled(user);
});

test("a script that was cut off does nothing", async () => {
  using user = new User();
  const whole = readFileSync(new URL("../../install.sh", import.meta.url), "utf8");
  for (const part of [0.3, 0.6, 0.9, 0.999]) {
    const cut = user.write("cut.sh", whole.slice(0, Math.floor(whole.length * part)));
    const run = Bun.spawn(["sh", cut], {
      env: { PATH: process.env.PATH, HOME: user.home },
      stdout: "pipe",
      stderr: "ignore",
    });
    expect(await new Response(run.stdout).text()).toBe("");
    expect(existsSync(user.bin)).toBe(false);
  }
});

/** Promises more bytes than it sends, and hangs up. */
async function truncatingServer(): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\nsome bytes"));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}
