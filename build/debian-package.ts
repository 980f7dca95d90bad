// Debian packages of the released executables for Linux: `dync`, and `dync-server` with its unit, settings and scripts (`build/deb/`).
// Made by `dpkg-deb`, from a tree that is laid out here. Called by build/release.ts. Times come from outside and owners are root's,
// so that the same release has the same bytes.

import { createHash } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  globSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { DyncError } from "../src/base/error.ts";
import { completionScript } from "../src/cli/completions/completion-script.ts";
import { exampleText } from "../src/config/server-example.ts";
import { manualPage, manualSections, programs } from "./manual-page.ts";
import { noticesPath } from "./notices.ts";
import type { ProgramName, ReleaseTarget } from "./targets.ts";

const project = join(import.meta.dir, "..");
const scripts = join(import.meta.dir, "deb");

/** What Debian calls the systems that it has packages for. */
const architectures: Partial<Readonly<Record<ReleaseTarget, string>>> = {
  "linux-x64": "amd64",
  "linux-arm64": "arm64",
};

export interface DebianRelease {
  /** Upstream's version, such as `0.1.0`. */
  readonly version: string;
  readonly commit: string;
  /** Of everything in the packages, in seconds since 1970. */
  readonly epoch: number;
  /** `NAME <ADDRESS>`: who answers for them. */
  readonly maintainer: string;
}

/** Why no package can be made on this machine, or `null`. */
export function debianToolMissing(): string | null {
  return Bun.which("dpkg-deb") === null ? "dpkg-deb is missing (Debian: apt-get install dpkg)" : null;
}

/** The name of a package's file, such as `dync-server_0.1.0_amd64.deb`, or `null`: there is none for this system. */
export function debianName(program: ProgramName, target: ReleaseTarget, version: string): string | null {
  const architecture = architectures[target];
  return architecture === undefined ? null : `${program}_${version}_${architecture}.deb`;
}

/**
 * Makes the package of `program` from its executable for `target`, in `folder`. Returns its name. Throws `DyncError` where there is none
 * for that system, or `dpkg-deb` fails.
 */
export function buildDebianPackage(
  program: ProgramName,
  target: ReleaseTarget,
  executable: string,
  folder: string,
  release: DebianRelease,
): string {
  const name = debianName(program, target, release.version);
  if (name === null) throw new DyncError("usage", `Debian has no architecture for ${target}`);
  const parent = mkdtempSync(join(tmpdir(), "dync-deb-"));
  try {
    const tree = new Tree(join(parent, "tree"));
    tree.copy(`usr/bin/${program}`, executable, 0o755);
    addDocuments(tree, program, release);
    if (program === "dync-server") addService(tree);
    addControl(tree, program, architectures[target] as string, release);
    tree.setTimes(release.epoch);
    const half = join(folder, `.${name}`);
    runTool(tree.path, half, release.epoch);
    renameSync(half, join(folder, name));
    return name;
  } finally {
    rmSync(parent, { recursive: true, force: true });
  }
}

/** gzip, because every dpkg reads it; xz takes minutes for a fifth less. */
function runTool(tree: string, file: string, epoch: number): void {
  const command = ["dpkg-deb", "--root-owner-group", "-Zgzip", "-z6", "--build", tree, file];
  const env = { ...process.env, SOURCE_DATE_EPOCH: String(epoch), LC_ALL: "C" };
  const { exitCode, stderr } = Bun.spawnSync(command, { env });
  if (exitCode !== 0)
    throw new DyncError("failed", `dpkg-deb ended with ${exitCode}: ${stderr.toString().trim()}`);
}

/** What will be in the package, with modes that no umask decides about. */
class Tree {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
    this.#makeFolder(".");
  }

  copy(name: string, from: string, mode = 0o644): void {
    this.#place(name, mode, (path) => copyFileSync(from, path));
  }

  write(name: string, content: string | Uint8Array, mode = 0o644): void {
    this.#place(name, mode, (path) => writeFileSync(path, content));
  }

  /** Paths of all files and folders but those of the control files, in order. */
  entries(): readonly string[] {
    return globSync("**", { cwd: this.path, exclude: (name) => name === "DEBIAN" }).sort();
  }

  isFile(name: string): boolean {
    return lstatSync(join(this.path, name)).isFile();
  }

  read(name: string): Uint8Array {
    return readFileSync(join(this.path, name));
  }

  size(name: string): number {
    return lstatSync(join(this.path, name)).size;
  }

  setTimes(epoch: number): void {
    // From within: what is made in a folder changes its time.
    const all = globSync("**", { cwd: this.path }).sort().reverse();
    for (const name of [...all, "."]) lutimesSync(join(this.path, name), epoch, epoch);
  }

  #place(name: string, mode: number, make: (path: string) => void): void {
    this.#makeFolder(dirname(name));
    const path = join(this.path, name);
    make(path);
    chmodSync(path, mode);
  }

  #makeFolder(name: string): void {
    if (name !== ".") this.#makeFolder(dirname(name));
    const path = join(this.path, name);
    mkdirSync(path, { recursive: true });
    chmodSync(path, 0o755);
  }
}

const documents: Readonly<Record<ProgramName, readonly string[]>> = {
  dync: ["README.md", "doc/json.md"],
  "dync-server": ["doc/operations.md", "doc/security.md", "doc/json.md", "doc/performance.md"],
};

/** Where shells look for what packages bring; PowerShell has no such place. */
const completionFiles: Readonly<Record<"bash" | "zsh" | "fish", (program: ProgramName) => string>> = {
  bash: (program) => `usr/share/bash-completion/completions/${program}`,
  zsh: (program) => `usr/share/zsh/vendor-completions/_${program}`,
  fish: (program) => `usr/share/fish/vendor_completions.d/${program}.fish`,
};

function addDocuments(
  tree: Tree,
  program: ProgramName,
  { version, commit, epoch, maintainer }: DebianRelease,
): void {
  const folder = `usr/share/doc/${program}`;
  for (const name of documents[program]) tree.copy(`${folder}/${basename(name)}`, join(project, name));
  tree.copy(`${folder}/THIRD-PARTY-NOTICES.md`, noticesPath);
  tree.write(`${folder}/copyright`, copyrightText());
  const date = new Date(epoch * 1000).toUTCString().replace("GMT", "+0000");
  const change = `${program} (${version}) stable; urgency=medium\n\n  * Release ${version}, made from commit ${commit}.\n\n -- ${maintainer}  ${date}\n`;
  tree.write(`${folder}/changelog.gz`, gzipped(change));
  const section = manualSections[program];
  tree.write(
    `usr/share/man/man${section}/${program}.${section}.gz`,
    gzipped(manualPage(program, version, epoch)),
  );
  for (const [shell, path] of Object.entries(completionFiles))
    tree.write(path(program), completionScript(programs[program], shell as keyof typeof completionFiles));
  tree.copy(`usr/share/lintian/overrides/${program}`, join(scripts, `${program}.lintian-overrides`));
}

/** Without a time and a name in its header. */
function gzipped(text: string): Uint8Array {
  return gzipSync(text, { level: 9 });
}

/** In Debian's form (DEP-5). */
function copyrightText(): string {
  const [, owner = "", license = ""] =
    /^MIT License\n\nCopyright \(c\) (.+?)\n\n([\s\S]+)$/.exec(
      readFileSync(join(project, "LICENSE"), "utf8"),
    ) ?? [];
  if (license === "") throw new DyncError("configuration", "LICENSE is not the MIT License any more");
  const body = license.trimEnd().split("\n");
  return [
    "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/",
    "Upstream-Name: dync",
    "Comment: The program holds a JavaScript runtime, libzmq and other parts of other people. Whose they are, and",
    " under which licenses, is in THIRD-PARTY-NOTICES.md in this folder.",
    "",
    "Files: *",
    `Copyright: ${owner}`,
    "License: Expat",
    ...body.map((line) => (line === "" ? " ." : ` ${line}`)),
    "",
  ].join("\n");
}

const configuration = "etc/dync-server/server.toml";
const rotation = "etc/logrotate.d/dync-server";

function addService(tree: Tree): void {
  tree.write("usr/lib/systemd/system/dync-server.service", packagedUnit());
  tree.write(configuration, packagedSettings());
  tree.write("usr/share/doc/dync-server/examples/server.toml", exampleText());
  tree.copy(rotation, join(scripts, "dync-server.logrotate"));
  tree.copy("usr/sbin/dync-serverctl", join(scripts, "dync-serverctl"), 0o755);
  tree.write("usr/share/man/man8/dync-serverctl.8.gz", gzipped(".so man8/dync-server.8\n"));
  for (const name of ["postinst", "prerm", "postrm"])
    tree.copy(`DEBIAN/${name}`, join(scripts, `dync-server.${name}`), 0o755);
  tree.write("DEBIAN/conffiles", `/${configuration}\n/${rotation}\n`);
}

/** The unit of this folder, for a program that a package brought. */
export function packagedUnit(): string {
  const unit = readFileSync(join(import.meta.dir, "dync-server.service"), "utf8");
  return replaced(unit, "/usr/local/bin/dync-server", "/usr/bin/dync-server");
}

/** What the package decided, and nothing else: a file that is the same in the next release is no question at an upgrade. */
export function packagedSettings(): string {
  return `# Settings of dync-server. All that there are, with their meaning and their defaults:
# /usr/share/doc/dync-server/examples/server.toml, or "dync-server config example".
#
# After a change: dync-serverctl config check && systemctl reload dync-server

# Another folder has to be said to systemd as well: /usr/share/doc/dync-server/operations.md
data = "/srv/dync"

# For programs; what people read is in the journal. Rotated by /etc/logrotate.d/dync-server.
log-file = "/var/log/dync-server/log.json"
`;
}

function replaced(text: string, from: string, to: string): string {
  if (!text.includes(from))
    throw new DyncError("configuration", `The packages want to replace ${from}, which is gone`);
  return text.replaceAll(from, to);
}

const about: Readonly<
  Record<ProgramName, { readonly says: string; readonly depends: string; readonly more: string }>
> = {
  dync: {
    says: "send files with their metadata to a dync server",
    depends: "libc6 (>= 2.25)",
    more: ` Brings raw data and metadata from laboratory computers to a central server,
 over ZeroMQ with CURVE keys: encrypted, checked by SHA-256, and resumed after
 every kind of interruption. This is the client.
`,
  },
  "dync-server": {
    says: "receive files with their metadata from dync clients",
    depends: "libc6 (>= 2.25), adduser, init-system-helpers (>= 1.51)",
    more: ` Receives raw data and metadata from laboratory computers, over ZeroMQ with
 CURVE keys: encrypted, checked by SHA-256, and resumed after every kind of
 interruption. This is the server, with its systemd service.
`,
  },
};

function addControl(
  tree: Tree,
  program: ProgramName,
  architecture: string,
  { version, maintainer }: DebianRelease,
): void {
  const entries = tree.entries();
  const files = entries.filter((name) => tree.isFile(name));
  // As dpkg-gencontrol counts: files by KiB begun, everything else as one.
  const size =
    entries.length - files.length + files.reduce((sum, name) => sum + Math.ceil(tree.size(name) / 1024), 0);
  const { says, depends, more } = about[program];
  const fields = {
    Package: program,
    Version: version,
    Architecture: architecture,
    Maintainer: maintainer,
    "Installed-Size": size,
    Depends: depends,
    ...(program === "dync-server" ? { Suggests: "logrotate" } : {}),
    Section: "net",
    Priority: "optional",
    Homepage: "https://github.com/qbicsoftware/dync",
    Description: says,
  };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\n`);
  tree.write("DEBIAN/control", lines.join("") + more);
  const md5 = (name: string): string => createHash("md5").update(tree.read(name)).digest("hex");
  const listed = files.filter((name) => !name.startsWith("etc/"));
  tree.write("DEBIAN/md5sums", listed.map((name) => `${md5(name)}  ${name}\n`).join(""));
}
