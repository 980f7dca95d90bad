// Whether a client can go on where the server wants it to. Called by `client-upload.ts` for each status-report.

import type { ClientUploadTask } from "./client-events.ts";

/** Why the upload ends: the server breaks the protocol, or wants what a stream does not have any more. */
export interface RewindFault {
  readonly code: "malformed" | "failed";
  readonly text: string;
}

/** `keptFrom` is the first offset that can be sent again, `highest` the end of all that was sent. */
export function rewindFault(
  seek: number,
  task: ClientUploadTask,
  keptFrom: number,
  highest: number,
): RewindFault | null {
  const { size, canSeek, resume } = task;
  const wanted = `The server wants to go on at offset ${seek}`;
  if (size !== null && seek > size)
    return { code: "malformed", text: `${wanted} of a file of ${size} bytes` };
  if (!canSeek && (seek < keptFrom || seek > highest)) {
    const kept = `only the chunks from offset ${keptFrom} to ${highest} are kept`;
    const text = `The stream cannot be resumed: the server wants to go on at offset ${seek}, ${kept}`;
    return { code: "failed", text };
  }
  if (seek > highest && !resume) {
    return { code: "malformed", text: `${wanted}, only ${highest} bytes were sent` };
  }
  return null;
}
