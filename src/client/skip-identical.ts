// `--skip-identical`: whether this user has the very content of a job on the server already, with the same metadata, under any
// name. Costs one reading of it here; where most is there, that is far less than sending it. Used by `client.ts`.

import type { Asker } from "./ask.ts";
import { contentOf } from "./check.ts";
import type { Job } from "./job.ts";
import type { Source } from "./source.ts";
import type { Receipt } from "./upload.ts";

/**
 * What the server has of it, or `null`: then it is to be sent, or refused. Rejects with `DyncError`: the source cannot be read, or the
 * server not be asked.
 */
export async function identicalTo(
  { name, metadataText, unpack }: Job,
  source: Source,
  asker: Pick<Asker, "ask">,
  signal: AbortSignal,
): Promise<Receipt | null> {
  const content = await contentOf(source, { onRead: () => {} }, signal);
  const about = content.kind === "file" ? { sha256: content.sha256 } : { files: content.files };
  const question = { name, metadataText, ...(unpack === undefined ? {} : { unpack }), ...about };
  const answer = await asker.ask(question, signal);
  if (answer.type !== "stored" || !answer.stored.hasSameMetadata) return null;
  const { size: bytes, sha256, files, upload, otherName } = answer.stored;
  const isSame =
    content.kind === "file" ? files === null && sha256 === content.sha256 : files === content.files;
  if (!isSame) return null;
  return {
    uploadId: upload ?? "",
    bytes,
    sha256,
    already: true,
    ...(otherName === null ? {} : { storedAs: otherName }),
    ...(unpack === undefined ? {} : { unpacked: files !== null }),
  };
}
