// `--skip-identical`: whether this user has the very content of a job on the server already, with the same metadata, under any
// name. Costs one reading of it here; where most is there, that is far less than sending it. Used by `client.ts`.

import type { Asker } from "./ask.ts";
import { aboutContent, contentOf, hasContent, questionOf } from "./check.ts";
import type { Job } from "./job.ts";
import type { Source } from "./source.ts";
import type { Receipt } from "./upload.ts";

/**
 * What the server has of it, or `null`: then it is to be sent, or refused. Rejects with `DyncError`: the source cannot be read, or the
 * server not be asked.
 */
export async function identicalTo(
  job: Job,
  source: Source,
  asker: Pick<Asker, "ask">,
  signal: AbortSignal,
): Promise<Receipt | null> {
  const content = await contentOf(source, { onRead: () => {} }, signal);
  const answer = await asker.ask({ ...questionOf(job), ...aboutContent(content), receipt: true }, signal);
  if (answer.type !== "stored" || !answer.stored.hasSameMetadata) return null;
  if (!hasContent(answer.stored, content)) return null;
  const { size: bytes, sha256, files, upload, otherName, receipt } = answer.stored;
  return {
    uploadId: upload ?? "",
    bytes,
    sha256,
    already: true,
    ...(receipt === undefined ? {} : { signed: receipt }),
    ...(otherName === null ? {} : { storedAs: otherName }),
    ...(job.unpack === undefined ? {} : { unpacked: files !== null }),
  };
}
