// Tells a server that an unfinished upload will not be finished, so that its bytes are deleted there at once.

import { DyncError, type ErrorCode, errorCodeFromWire, errorMeanings } from "../base/error.ts";
import { placesOf } from "../base/server-place.ts";
import { encodeClientMessage } from "../protocol/wire/encode.ts";
import { Connection, type ConnectionOptions } from "./connection.ts";
import type { UploadParts } from "./upload.ts";

// For each address of the server.
const answerMs = 10_000;

// What the server says of an upload that ended there, whatever ended it: nothing of it is left. Everything else may be said
// of one that is kept, or of a key.
function isGone(code: ErrorCode): boolean {
  const ends = [
    "unknown-upload",
    "cancelled",
    "name-taken",
    "too-large",
    "metadata-rejected",
    "checksum-mismatch",
  ];
  return ends.includes(code);
}

/**
 * Drops the upload of the identity in `options`. Resolves when the server answered: `dropped` when nothing of the upload is left there, `finished` when it had
 * been stored already, and stays. Rejects with `DyncError` when the server cannot be reached or does not answer.
 */
export function cancelUpload(
  options: ConnectionOptions,
  { transport, clock }: Pick<UploadParts, "transport" | "clock">,
  signal: AbortSignal,
): Promise<"dropped" | "finished"> {
  const { promise, resolve, reject } = Promise.withResolvers<"dropped" | "finished">();
  const connection = new Connection(transport, options, {
    onUp: () => {
      const code = errorMeanings.cancelled.wire;
      connection.send(encodeClientMessage({ type: "error", code, text: "Cancelled by the user" }));
      // The protocol has no answer to an error: what is asked afterwards shows that it was heard.
      connection.send(encodeClientMessage({ type: "query-status" }));
    },
    onInput: (input) => {
      if (input.type === "malformed") return reject(new DyncError("malformed", input.text));
      const { message } = input;
      if (message.type === "upload-finished") return resolve("finished");
      if (message.type !== "error") return;
      const code = errorCodeFromWire(message.code);
      if (isGone(code)) resolve("dropped");
      else reject(new DyncError(code, message.text));
    },
    onDrained: () => {},
    onDown: (_, error) => reject(error),
  });
  const stopWaiting = clock.after(answerMs * placesOf(options).length, () =>
    reject(new DyncError("timed-out", "The server does not answer")),
  );
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  return promise.finally(() => {
    stopWaiting();
    signal.removeEventListener("abort", onAbort);
    connection.close(0);
  });
}
