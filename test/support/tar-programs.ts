// Other programs that read and write tars, the judges of ours: GNU tar, bsdtar and Python's tarfile. What they unpack is looked
// at as it lies on the disk.

import { createHash } from "node:crypto";
import { lstat, mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { timestampOf } from "../../src/base/timestamp.ts";
import { runProgram } from "./programs.ts";

const deadlineMs = 120_000;
// Names are bytes for bsdtar only where the locale says so.
const env = { LC_ALL: "C.UTF-8" };

// Newer Pythons warn unless they are told which filter to take.
const tarfileScript = `
import sys, tarfile
if hasattr(tarfile, "fully_trusted_filter"):
    tarfile.TarFile.extraction_filter = staticmethod(tarfile.fully_trusted_filter)
tarfile.open(sys.argv[1]).extractall(sys.argv[2])
`;

/** How each program unpacks a tar into a folder that is there. */
const unpackers = {
  "GNU tar": (tar: string, folder: string) => {
    // bsdtar writes what is in a folder behind other folders; without the option this one loses the folder's time then.
    const options = ["--no-same-owner", "--delay-directory-restore", "--warning=no-timestamp"];
    return ["tar", ...options, "-xpf", tar, "-C", folder];
  },
  bsdtar: (tar: string, folder: string) => ["bsdtar", "--no-same-owner", "-xpf", tar, "-C", folder],
  tarfile: (tar: string, folder: string) => ["/usr/bin/python3", "-c", tarfileScript, tar, folder],
};

export type TarProgram = keyof typeof unpackers;
export const tarPrograms = Object.keys(unpackers) as readonly TarProgram[];

/** Why there are no judges on this machine, or `null`. */
export const tarProgramsMissing = missingPrograms();

function missingPrograms(): string | null {
  for (const program of ["tar", "bsdtar", "/usr/bin/python3"]) {
    if (Bun.which(program) === null) return `${program} is not installed`;
  }
  const version = Bun.spawnSync(["tar", "--version"]).stdout.toString();
  return version.includes("GNU tar") ? null : "tar is not GNU tar";
}

/** Runs `command`; returns what it prints. Throws unless it ends with 0 and says nothing of errors. */
export async function runTar(command: readonly string[], cwd?: string): Promise<string> {
  const end = await runProgram(command, { env, ...(cwd === undefined ? {} : { cwd }) }, deadlineMs);
  if (end.code !== 0 || end.stderr !== "")
    throw new Error(`${command.join(" ")} ended with ${end.code}: ${end.stderr}`);
  return end.stdout;
}

/** What lies in a folder, without what differs between two places: by path, sorted. */
export interface TreeEntry {
  readonly path: string;
  readonly type: "file" | "folder";
  readonly executable: boolean;
  readonly modified: string | null;
  /** SHA-256 of a file's content. */
  readonly content: string | null;
}

/** Unpacks `tar` with `program` into the new `folder`. Throws when it complains. */
export async function unpack(
  program: TarProgram,
  tar: string,
  folder: string,
): Promise<readonly TreeEntry[]> {
  await mkdir(folder);
  await runTar(unpackers[program](tar, folder));
  return await treeIn(folder);
}

/** Everything in `folder`. Throws for what is neither file nor folder. */
export async function treeIn(folder: string): Promise<readonly TreeEntry[]> {
  const entries: TreeEntry[] = [];
  const visit = async (inside: string): Promise<void> => {
    for (const name of await readdir(join(folder, inside))) {
      const path = inside === "" ? name : `${inside}/${name}`;
      const stats = await lstat(join(folder, path), { bigint: true });
      if (!stats.isFile() && !stats.isDirectory()) throw new Error(`${path} is neither file nor folder`);
      entries.push({
        path,
        type: stats.isFile() ? "file" : "folder",
        executable: stats.isFile() && (stats.mode & 0o100n) !== 0n,
        modified: timestampOf(stats.mtimeNs),
        content: stats.isFile() ? sha256(await readFile(join(folder, path))) : null,
      });
      if (stats.isDirectory()) await visit(path);
    }
  };
  await visit("");
  return sorted(entries);
}

export function sorted(entries: readonly TreeEntry[]): readonly TreeEntry[] {
  return entries.toSorted((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
}

export function sha256(content: Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}
