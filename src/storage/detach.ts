// A file that somebody else may have open, who shall not write to it any more: its bytes are copied into a new one, which takes its name.

import { open, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { syncFolder } from "./durable-files.ts";
import { lookAt, moveEntry } from "./file-calls.ts";

// Big enough that a network file system is busy with one while the next is on its way.
const copyBytes = 4 * 1024 * 1024;

/**
 * Gives `path` a new file with the bytes that are there now, or the first `length` of them, durable when it resolves; `staging` is a free name
 * on the same file system, where it grows. One that is not there is fine. Throws what `check` does, which is called now and then, or the
 * system's error, and then nothing has changed.
 */
export async function detach(
  path: string,
  staging: string,
  length = Number.POSITIVE_INFINITY,
  check = (): void => {},
): Promise<void> {
  const properties = await lookAt(path);
  if (properties === null) return;
  // Left by a server that was killed at this.
  await rm(staging, { force: true });
  await copy(path, staging, { mode: properties.mode & 0o777, length, check });
  await moveEntry(staging, path);
  await syncFolder(dirname(path));
}

interface Copying {
  readonly mode: number;
  readonly length: number;
  check(): void;
}

async function copy(from: string, to: string, { mode, length, check }: Copying): Promise<void> {
  await using source = await open(from, "r");
  await using target = await open(to, "wx", mode);
  // Whatever the umask took of it.
  await target.chmod(mode);
  const buffer = Buffer.allocUnsafeSlow(copyBytes);
  for (let at = 0; ; ) {
    check();
    const { bytesRead } = await source.read(buffer, 0, Math.min(buffer.length, length - at), at);
    if (bytesRead === 0) break;
    for (let done = 0; done < bytesRead; )
      done += (await target.write(buffer, done, bytesRead - done, at + done)).bytesWritten;
    at += bytesRead;
  }
  await target.sync();
}
