// Receipts of a server: for what was just stored, and again for what its record says, which is the same by the same key.

import { messageOf } from "../base/error.ts";
import type { Logger } from "../base/log.ts";
import type { UploadRecord } from "../catalogue/catalogue.ts";
import type { PostFile } from "../protocol/wire/message.ts";
import { factsOf, type ReceiptGiver, type StoredFacts } from "../receipts/statement.ts";
import type { Poster } from "./refusal.ts";

export interface ReceiptParts {
  readonly receipts?: ReceiptGiver | undefined;
  readonly logger: Logger;
}

/** The receipt for `facts`; `null` where none can be given. Never throws: what is stored is stored. */
export function receiptOf(facts: StoredFacts | null, { receipts, logger }: ReceiptParts): string | null {
  if (facts === null || receipts === undefined) return null;
  try {
    return receipts.receiptFor(facts);
  } catch (error) {
    const { upload, user, name } = facts;
    logger.log("error", "No receipt could be signed", { upload, user, name, reason: messageOf(error) });
    return null;
  }
}

/** Who posts `post`, with the way to a receipt of what is there already, where one is wanted. */
export function posterOf(user: string, { metadataText, info }: PostFile, parts: ReceiptParts): Poster {
  const poster = { user, metadataText };
  if (info.receipt !== true) return poster;
  return { ...poster, receiptOf: (published) => receiptOf(factsOf(published), parts) };
}

/** What the record of an upload tells of it that finished; `null` where an earlier version of the program knew less. */
export function recordedFacts(record: UploadRecord): StoredFacts | null {
  const { id: upload, user, name, size, sha256, form, content, metadataDigest, receivedAt } = record;
  if (size === null || sha256 === null || metadataDigest === null || receivedAt === null) return null;
  if (form !== "file" && content === null) return null;
  const files = form === "file" || content === null ? {} : { files: content };
  return { upload, user, name, size, sha256, ...files, metadata: metadataDigest, received: receivedAt };
}
