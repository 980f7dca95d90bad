// What becomes of an upload whose name has a file on the server already: when that is this very file, with these very
// metadata, all that was wanted is done. So whatever gives the same command twice gets the same answer twice.

import { createHash } from "node:crypto";
import { DyncError } from "../base/error.ts";
import type { ErrorInfo } from "../protocol/wire/message.ts";
import type { Whole } from "./chunk.ts";
import type { Source } from "./source.ts";

/** A file on the server. */
export interface StoredFile {
  readonly size: number;
  /** Lower-case hex. */
  readonly sha256: string;
  readonly info: ErrorInfo;
}

const readBytes = 1024 * 1024;
const hint = "give it another name, or leave it as it is";

/** The file that a refusal speaks of, or `null` where it says too little. */
export function storedFileOf(info: ErrorInfo | undefined): StoredFile | null {
  if (info?.size === undefined || info.sha256 === undefined) return null;
  return { size: info.size, sha256: info.sha256, info };
}

/**
 * Resolves when the source is `stored`, with the same metadata. `known` is what the source was found to be, `null` when
 * it was not read yet: only then it is read here, and only when it can be the same. A dataset is the same when its files are.
 *
 * @throws DyncError "name-taken" when it is not, with `text`, which says what is there, and what differs.
 */
export async function expectStoredAlready(
  source: Source,
  known: Whole | null,
  stored: StoredFile,
  text: string,
  signal: AbortSignal,
): Promise<void> {
  const { files } = stored.info;
  // Of a dataset the files count: that one of them has another time is no reason to send them all.
  const isList = files !== undefined && source.listDigest !== undefined;
  const isSame =
    isWhole(known, stored) ||
    (isList && (await source.listDigest?.()) === files) ||
    (!isList && known === null && (await isContentOf(source, stored, signal)));
  if (!isSame) {
    const other = `other content: ${stored.size} bytes with SHA-256 ${stored.sha256}`;
    throw new DyncError("name-taken", `${text}, with ${isList ? "other files" : other}`, { hint });
  }
  if (stored.info.metadata === "same") return;
  const what = stored.info.metadata === "different" ? "other metadata" : "metadata that it does not tell";
  throw new DyncError("name-taken", `${text}, with the same content and ${what}; nothing was changed`, {
    hint,
  });
}

function isWhole(known: Whole | null, { size, sha256 }: StoredFile): boolean {
  return known?.size === size && Buffer.from(known.checksum).toString("hex") === sha256;
}

async function isContentOf(source: Source, stored: StoredFile, signal: AbortSignal): Promise<boolean> {
  if (source.size !== null && source.size !== stored.size) return false;
  const hash = createHash("sha256");
  const buffer = new Uint8Array(readBytes);
  // A stream may be longer, and without an end.
  for (let offset = 0; offset <= stored.size; ) {
    signal.throwIfAborted();
    const count = await source.read(offset, buffer);
    if (count === 0) {
      const checksum = hash.digest();
      await source.verifyUnchanged(checksum);
      return offset === stored.size && checksum.toString("hex") === stored.sha256;
    }
    hash.update(buffer.subarray(0, count));
    offset += count;
  }
  return false;
}
