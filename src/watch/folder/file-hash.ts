// The checksum of a file that an instrument wrote, read once from its beginning.

import { sha256Of } from "../../base/sha256-of.ts";
import { openFile } from "../../client/open-file.ts";

/** SHA-256 of the file at `path` in lower-case hex, `null` where it cannot be read. Rejects when the signal aborts. */
export async function fileHash(path: string, signal: AbortSignal): Promise<string | null> {
  try {
    const file = await openFile(path);
    try {
      const read = async (offset: number, into: Uint8Array): Promise<number> => {
        signal.throwIfAborted();
        return (await file.read(into, 0, into.length, offset)).bytesRead;
      };
      return (await sha256Of({ read })).toString("hex");
    } finally {
      await file.close();
    }
  } catch {
    signal.throwIfAborted();
    return null;
  }
}
