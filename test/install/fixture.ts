// A release server and runs of install.sh against it, for the tests beside this file. The executables are small shell
// scripts, which stand in for every system; first-upload.test.ts puts the real ones in their place.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { programs, releaseName, releaseTargets } from "../../build/targets.ts";

export const project = join(import.meta.dir, "..", "..");
export const script = join(project, "install.sh");

/** A key pair of pyzmq's documentation kind: only its form matters here. */
export const exampleKey = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7";
export const exampleFingerprint = "SHA256:UiUB9OemP2Hdd21+1oKRBMgVAiTJW5bZXRioJUnsVdM";

/** Shells that install.sh must run under, with those that are missing here marked. */
export const shells = [["dash"], ["bash"], ["busybox", "sh"]].map((command) => ({
  command,
  name: command.join(" "),
  missing: Bun.which(command[0] ?? "") === null,
}));

/** What stands in for an executable that has not been built: just enough for an installer. */
export function standIn(program: string, version: string): string {
  return `#!/bin/sh
home=\${DYNC_HOME:-$HOME/.dync}
case $1 in
  --version) echo "${program} ${version} (stand-in)" ;;
  completions) echo "# Completions of ${program} for $2, made by \\"${program} completions $2\\"" ;;
  keygen)
    [ ! -e "$home/client.key_secret" ] || exit 2
    mkdir -p "$home"
    cat >"$home/client.key" <<'KEY'
metadata
curve
    public-key = "${exampleKey}"
KEY
    (umask 077; echo "secret" >"$home/client.key_secret")
    ;;
  trust)
    [ "$2" = -- ] || exit 2
    [ -z "$STAND_IN_TRUST" ] || exit 7
    mkdir -p "$home/servers"
    printf '%s\\n' "$4" >"$home/servers/$3.key"
    printf 'The server %s is known by\\nKey file:     %s\\n' "$3" "$home/servers/$3.key"
    echo "Compare the fingerprint" >&2
    ;;
  join)
    [ -e "$home/client.key_secret" ] || exit 2
    case \${STAND_IN_JOIN:-asked} in
      in) echo "The server $2 lets you in as nova" ;;
      asked) echo "The server $2 was asked to let you in."; exit 7 ;;
      *) printf 'dync: error: Nothing listens at %s\\ndync: hint: none\\n' "$2" >&2; exit 5 ;;
    esac
    ;;
esac
`;
}

export type Answer = (path: string, file: Uint8Array | null) => Response | Promise<Response>;

/** A local HTTP server that offers `files` and SHA256SUMS over them. */
export class ReleaseServer implements Disposable {
  readonly files = new Map<string, Uint8Array>();
  /** Set to answer in another way. */
  answer: Answer = (_path, file) =>
    file === null ? new Response("no", { status: 404 }) : new Response(Buffer.from(file));
  readonly #tls: object | null;
  readonly #server: Bun.Server<undefined>;

  /** Every program for every system, as stand-ins of `version`; over TLS with a certificate of one's own where one is given. */
  constructor(version = "1.0.0", tls: { readonly cert: string; readonly key: string } | null = null) {
    this.#tls = tls;
    this.#server = Bun.serve({
      ...{ hostname: "127.0.0.1", port: 0 },
      ...(tls === null ? {} : { tls }),
      fetch: (request) => {
        const path = new URL(request.url).pathname.slice(1);
        return this.answer(path, this.files.get(path) ?? null);
      },
    });
    this.offerStandIns(version);
  }

  get url(): string {
    return `${this.#tls === null ? "http" : "https"}://127.0.0.1:${this.#server.port}`;
  }

  offerStandIns(version: string): void {
    for (const target of releaseTargets) {
      for (const program of programs) {
        this.offer(releaseName(program, target), new TextEncoder().encode(standIn(program, version)));
      }
    }
  }

  /** Puts a file on the server; SHA256SUMS follows. */
  offer(name: string, content: Uint8Array): void {
    this.files.set(name, content);
    this.files.delete("SHA256SUMS");
    const sums = [...this.files].map(([file, bytes]) => `${sha256(bytes)}  ${file}\n`).join("");
    this.files.set("SHA256SUMS", new TextEncoder().encode(sums));
  }

  [Symbol.dispose](): void {
    this.#server.stop(true);
  }
}

export interface InstallRun {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface InstallOptions {
  readonly shell?: readonly string[];
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Give the script on stdin, as `curl … | sh` does. */
  readonly piped?: boolean;
  /** Another script than that of the sources, on stdin. */
  readonly text?: string;
}

/** A user with a home folder of their own. */
export class User implements Disposable {
  readonly home = mkdtempSync(join(tmpdir(), "dync-install-"));

  get bin(): string {
    return join(this.home, ".local", "bin");
  }

  path(...parts: readonly string[]): string {
    return join(this.home, ...parts);
  }

  write(name: string, content: string, mode = 0o644): string {
    const path = this.path(name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    chmodSync(path, mode);
    return path;
  }

  /** A folder with links to `tools` and nothing else, for a PATH that lacks the others. */
  tools(tools: readonly string[]): string {
    const folder = mkdtempSync(join(this.home, "tools-"));
    for (const tool of tools) {
      const path = Bun.which(tool);
      if (path !== null) symlinkSync(path, join(folder, tool));
    }
    return folder;
  }

  /** Runs install.sh. Asynchronous, because the release server runs in this process too. */
  async install(
    server: { readonly url: string },
    args: readonly string[] = [],
    options: InstallOptions = {},
  ): Promise<InstallRun> {
    const [shell = "sh", ...shellArgs] = options.shell ?? ["sh"];
    const text = options.text ?? (options.piped ? readFileSync(script, "utf8") : null);
    const child = Bun.spawn(
      [Bun.which(shell) ?? shell, ...shellArgs, ...(text === null ? [script] : ["-s", "--"]), ...args],
      {
        cwd: this.home,
        env: {
          PATH: process.env.PATH,
          HOME: this.home,
          SHELL: "/bin/bash",
          DYNC_BASE_URL: server.url,
          ...options.environment,
        },
        stdin: text === null ? "ignore" : Buffer.from(text),
        stdout: "pipe",
        stderr: "pipe",
      },
    );
    const [stdout, stderr, status] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ]);
    return { status, stdout, stderr };
  }

  [Symbol.dispose](): void {
    rmSync(this.home, { recursive: true, force: true });
  }
}

/** Everything needed besides a downloader and a checksum tool. */
export const plainTools = [
  "sh",
  "uname",
  "getconf",
  "ldd",
  "sed",
  "tr",
  "cut",
  "head",
  "tail",
  "od",
  "grep",
  "awk",
  "cat",
  "id",
  "ls",
  "mkdir",
  "mktemp",
  "chmod",
  "mv",
  "rm",
  "cp",
];

export const isRoot = process.getuid?.() === 0;

/** Mounts a small file system in memory at `folder`, for as long as it is not disposed. */
export function mountMemory(folder: string, options: string): Disposable {
  mkdirSync(folder, { recursive: true });
  const mount = spawnSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", folder]);
  if (mount.status !== 0) throw new Error(`tmpfs cannot be mounted: ${mount.stderr}`);
  return { [Symbol.dispose]: () => void spawnSync("umount", [folder]) };
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
