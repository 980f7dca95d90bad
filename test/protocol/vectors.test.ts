// Golden frames: what they mean, and that the encoder makes them.

import { describe, expect, test } from "bun:test";
import { sameJson } from "../../src/base/json-text.ts";
import { decodeClientMessage, decodeServerMessage } from "../../src/protocol/wire/decode.ts";
import { encodeClientMessage, encodeServerMessage } from "../../src/protocol/wire/encode.ts";
import { plain, readVectors, type Vector } from "./vectors.ts";

const vectors = readVectors();

test("there are vectors of every kind", () => {
  expect(vectors.filter((vector) => vector.isCanonical).length).toBeGreaterThan(15);
  expect(vectors.filter((vector) => vector.error !== null).length).toBeGreaterThan(35);
});

describe("frames mean what the file says", () => {
  test.each(vectors.map((vector) => [vector.name, vector] as const))("%s", (_, vector) => {
    const decoded =
      vector.from === "client" ? decodeClientMessage(vector.frames) : decodeServerMessage(vector.frames);
    if (!decoded.ok) return expect(decoded.code).toBe(vector.error as 400);
    const { metadataText, ...rest } = plain(decoded.message) as { metadataText?: string };
    const { metadata, ...message } = vector.message ?? {};
    expect<object>(rest).toEqual(message);
    if (metadataText !== undefined || metadata !== undefined)
      expect(sameJson(metadataText ?? "", vector.metadataText ?? "")).toBe(true);
    if (vector.isCanonical) expect(hexOf(encodeAgain(vector))).toEqual(hexOf(vector.frames));
  });
});

function encodeAgain(vector: Vector): readonly Uint8Array[] {
  if (vector.from === "client") {
    const decoded = decodeClientMessage(vector.frames);
    return decoded.ok ? encodeClientMessage(decoded.message) : [];
  }
  const decoded = decodeServerMessage(vector.frames);
  return decoded.ok ? encodeServerMessage(decoded.message) : [];
}

function hexOf(frames: readonly Uint8Array[]): string[] {
  return frames.map((frame) => Buffer.from(frame).toString("hex"));
}
