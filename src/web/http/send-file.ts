// A file as the answer to a request: the whole of it, or a part. What is read from the disk waits until the reader has taken what
// came before, so that each holds one piece of it in memory, however slow it is.

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "../../base/clock.ts";
import { type ByteRange, wantedOf } from "./byte-range.ts";
import type { FileBody, OpenedFile } from "./http-message.ts";

const pieceBytes = 256 * 1024;
// Who takes nothing of a piece for so long is gone, or keeps a place from others.
const patienceMs = 60_000;

export interface FileAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Nothing of it for what has no body. */
  readonly range: ByteRange | null;
}

/** What is answered to a request for `file`, before anything is read of it. */
export function fileAnswer({ method, headers }: IncomingMessage, file: FileBody): FileAnswer {
  const { size, etag, type } = file;
  const conditions = {
    ifNoneMatch: headers["if-none-match"],
    ifRange: headers["if-range"]?.toString(),
    // A part is defined for what is really given.
    range: method === "GET" ? headers.range : undefined,
  };
  const about = { etag, "accept-ranges": "bytes" };
  const wanted = wantedOf(conditions, size, etag);
  if (wanted.type === "known") return { status: 304, headers: about, range: null };
  if (wanted.type === "beyond") {
    const none = { "content-range": `bytes */${size}`, "content-length": "0" };
    return { status: 416, headers: { ...about, ...none }, range: null };
  }
  const range = wanted.type === "part" ? wanted.range : { from: 0, to: size };
  const part = { "content-range": `bytes ${range.from}-${range.to - 1}/${size}` };
  return {
    status: wanted.type === "part" ? 206 : 200,
    headers: {
      ...about,
      ...(wanted.type === "part" ? part : {}),
      ...{ "content-type": type, "content-length": String(range.to - range.from) },
    },
    range: method === "HEAD" ? null : range,
  };
}

/** Sends the range of `file`, and ends the connection where that cannot be done as it was announced. */
export async function sendFile(
  response: ServerResponse,
  file: OpenedFile,
  { from, to }: ByteRange,
  clock: Clock,
): Promise<void> {
  try {
    for (let at = from; at < to && !response.destroyed; ) {
      // Each a buffer of its own: the system may not have taken the last one yet.
      const piece = Buffer.allocUnsafe(Math.min(pieceBytes, to - at));
      const bytes = await file.read(piece, at);
      if (bytes === 0) return void response.destroy();
      at += bytes;
      if (!response.write(piece.subarray(0, bytes)) && !(await isTaken(response, clock)))
        return void response.destroy();
    }
    response.end();
  } catch (error) {
    response.destroy();
    throw error;
  } finally {
    await file.close();
  }
}

/** Resolves to whether the reader took what was written, and did not go away before. */
function isTaken(response: ServerResponse, clock: Clock): Promise<boolean> {
  return new Promise((resolve) => {
    const done = (taken: boolean) => (): void => {
      cancel();
      response.off("drain", onDrain);
      response.off("close", onClose);
      resolve(taken);
    };
    const [onDrain, onClose, onLate] = [done(true), done(false), done(false)];
    const cancel = clock.after(patienceMs, onLate);
    response.on("drain", onDrain);
    response.on("close", onClose);
    if (response.destroyed) onClose();
  });
}
