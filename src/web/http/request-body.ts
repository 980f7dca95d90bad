// What comes with a request: bounded, and text.

import type { IncomingMessage } from "node:http";

// Metadata that are amended may have 256 KiB, and as JSON within JSON twice that.
const bodyBytesMax = 1024 * 1024;

/** It cannot be taken; `status` says why to programs. */
export class BodyFault extends Error {
  readonly status: 400 | 413;

  constructor(status: 400 | 413, message: string) {
    super(message);
    this.status = status;
  }
}

/** Rejects with a `BodyFault`. */
export async function readBody(request: IncomingMessage): Promise<string> {
  const tooLarge = new BodyFault(413, `At most ${bodyBytesMax} bytes are taken`);
  if (Number(request.headers["content-length"] ?? 0) > bodyBytesMax) throw tooLarge;
  const parts: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const part of request as AsyncIterable<Buffer>) {
      bytes += part.length;
      if (bytes > bodyBytesMax) throw tooLarge;
      parts.push(part);
    }
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(parts));
  } catch (cause) {
    throw cause instanceof BodyFault
      ? cause
      : new BodyFault(400, "What came with it is no UTF-8, or not all of it");
  }
}
