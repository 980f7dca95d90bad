// What kind of file system a folder lies on, as far as something has to be done in another way there. Linux tells it by a number; elsewhere
// nothing is known, and no call is made that would depend on it.

import { statFileSystem } from "./file-calls.ts";

export interface Medium {
  /** What it is called, where it is none of this machine's own; else `null`. */
  readonly remote: string | null;
  /** Whether one call makes all of it durable (`syncfs`). */
  readonly syncsAll: boolean;
}

const local: Medium = { remote: null, syncsAll: true };

// What a program of its own serves (ceph-fuse, sshfs, GlusterFS; and some local ones): `syncfs` says there that all went well and asks nobody.
// What was written lies in the memory of that program, which may end while the system goes on.
const fuse = 0x65735546;

const remotes: ReadonlyMap<number, string> = new Map([
  [0x6969, "NFS"],
  [0x517b, "SMB"],
  [0xff534d42, "SMB"],
  [0xfe534d42, "SMB"],
  [0x00c36400, "CephFS"],
  [0x0bd00bd0, "Lustre"],
  [0x47504653, "GPFS"],
  [0x19830326, "BeeGFS"],
  [0x5346414f, "AFS"],
  [0x01021997, "9P"],
  [0x7461636f, "OCFS2"],
  [0x01161970, "GFS2"],
]);

/** What is known of a file system of this type, as `statfs` has it. */
export function mediumOfType(type: number): Medium {
  // A number of 32 bits, which some runtimes give with a sign.
  const number = type >>> 0;
  if (number === fuse) return { remote: "FUSE", syncsAll: false };
  return { remote: remotes.get(number) ?? null, syncsAll: true };
}

/** The one on which `folder` lies. Rejects with the system's error. */
export async function mediumOf(folder: string): Promise<Medium> {
  return process.platform === "linux" ? mediumOfType((await statFileSystem(folder)).type) : local;
}
