// The codec under any input: what was encoded is decoded to the same, and no frames make it throw.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { frameBytesMax, limits } from "../../src/protocol/limits.ts";
import { decodeClientMessage, decodeServerMessage } from "../../src/protocol/wire/decode.ts";
import {
  encodeChunkHeader,
  encodeClientMessage,
  encodeServerMessage,
} from "../../src/protocol/wire/encode.ts";
import type { ClientMessage, PostFile, ServerMessage } from "../../src/protocol/wire/message.ts";
import { readVectors } from "./vectors.ts";

const u32 = fc.nat({ max: 0xffff_ffff });
const offset = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER - 100 });
const modified = fc
  .date({ noInvalidDate: true, min: new Date(-1e12), max: new Date(1e13) })
  .map((it) => it.toISOString());
const line = fc
  .string({ unit: "grapheme", maxLength: 40 })
  .filter((text) => !/[\p{Cc}\p{Zl}\p{Zp}\p{Cf}]/u.test(text));
const checksum = fc.uint8Array({ minLength: 32, maxLength: 32 });
const metadataText = fc
  .dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 }), { noNullPrototype: true })
  .map((json) => JSON.stringify(json));
const errorMessage = fc.record({ type: fc.constant("error" as const), code: u32, text: line });

const short = fc.stringMatching(/^[A-Za-z0-9ö][ -~]{0,40}[A-Za-z0-9]$/);
const report = fc
  .record(
    {
      ...{ label: short, clock: modified, roundTrip: offset, next: offset, stops: fc.constant(true) },
      waiting: fc.dictionary(fc.stringMatching(/^[a-z][a-z0-9-]{0,31}$/), offset, { maxKeys: 10 }),
      ...{ entries: offset, bytes: offset, oldest: offset, troubles: offset, lost: short, uploads: offset },
      ...{ free: offset, disk: offset, system: short, profile: short, limit: offset },
      priority: fc.constantFrom("low" as const, "normal" as const, "high" as const),
    },
    { requiredKeys: ["label", "clock"] },
  )
  .map(({ waiting, ...rest }) => ({
    ...rest,
    ...(waiting === undefined ? {} : { waiting: { ...waiting } }),
  }));

const clientMessage: fc.Arbitrary<ClientMessage> = fc.oneof(
  fc.record({
    type: fc.constant("post-file" as const),
    name: fc
      .string({ unit: "grapheme", maxLength: 20 })
      .filter((name) => Buffer.byteLength(name) <= limits.nameBytesMax),
    metadataText,
    info: fc.record(
      { size: offset, modified, client: line, receipt: fc.constant(true), window: offset, report },
      { requiredKeys: [] },
    ) as fc.Arbitrary<PostFile["info"]>,
  }),
  fc.record({
    type: fc.constant("post-chunk" as const),
    seek: offset,
    data: fc.uint8Array({ minLength: 1, maxLength: 50 }),
    checksum: fc.option(checksum),
  }),
  fc.record({ type: fc.constant("query-status" as const) }),
  fc.record({ type: fc.constant("query-status" as const), seek: offset }),
  fc.record({ type: fc.constant("query-status" as const), seek: offset, tag: offset }),
  errorMessage,
);

const serverMessage: fc.Arbitrary<ServerMessage> = fc.oneof(
  fc.record({
    type: fc.constant("upload-approved" as const),
    credit: u32,
    chunkBytes: u32,
    maxQueue: u32,
    info: fc.record({ server: line, upload: line }, { requiredKeys: [] }),
  }) as fc.Arbitrary<ServerMessage>,
  fc.record({ type: fc.constant("transfer-credit" as const), amount: u32 }),
  fc.record({ type: fc.constant("status-report" as const), seek: offset, credit: u32 }),
  fc.record({ type: fc.constant("status-report" as const), seek: offset, credit: u32, tag: offset }),
  fc.record({ type: fc.constant("upload-finished" as const), uploadId: fc.string({ maxLength: 60 }) }),
  fc.record({
    type: fc.constant("upload-finished" as const),
    uploadId: fc.string({ maxLength: 60 }),
    receipt: fc.stringMatching(/^[A-Za-z0-9_-]{1,300}\.[A-Za-z0-9_-]{1,900}\.[A-Za-z0-9_-]{86}$/),
  }),
  errorMessage,
);

test("what a client encodes is decoded to the same", () => {
  fc.assert(
    fc.property(clientMessage, (message) => {
      expect(decodeClientMessage(encodeClientMessage(message))).toEqual({ ok: true, message });
    }),
    { numRuns: 500 },
  );
});

test("what a server encodes is decoded to the same", () => {
  fc.assert(
    fc.property(serverMessage, (message) => {
      expect(decodeServerMessage(encodeServerMessage(message))).toEqual({ ok: true, message });
    }),
    { numRuns: 500 },
  );
});

test("a receipt that is too long, or has not the form of one, is ignored, and what stands before it counts", () => {
  const [command, id] = encodeServerMessage({ type: "upload-finished", uploadId: "u1" });
  const long = `e30.${"A".repeat(limits.receiptBytesMax)}.MA`;
  for (const text of [long, "", "status-report", "e30.e30", "e30.e30.MA\n", "\u00e4.b.c"]) {
    const decoded = decodeServerMessage([command!, id!, Buffer.from(text)]);
    expect(decoded).toEqual({ ok: true, message: { type: "upload-finished", uploadId: "u1" } });
  }
});

test("no frames make the decoders throw", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 7 }), (frames) => {
      for (const decode of [decodeClientMessage, decodeServerMessage]) {
        const decoded = decode(frames);
        if (!decoded.ok) expect([400, 413, 422]).toContain(decoded.code);
      }
    }),
    { numRuns: 1000 },
  );
});

test("no mutation of a valid message makes the decoders throw", () => {
  const valid = readVectors().filter((vector) => vector.message !== null);
  const mutation = fc.record({
    vector: fc.constantFrom(...valid),
    drop: fc.nat({ max: 6 }),
    at: fc.nat({ max: 6 }),
    byte: fc.nat({ max: 300 }),
    value: fc.nat({ max: 255 }),
    extra: fc.uint8Array({ maxLength: 12 }),
  });
  fc.assert(
    fc.property(mutation, ({ vector, drop, at, byte, value, extra }) => {
      const frames = vector.frames.map((frame) => Uint8Array.from(frame));
      const frame = frames[at % Math.max(1, frames.length)];
      if (frame !== undefined && frame.length > 0) frame[byte % frame.length] = value;
      frames.splice(drop, 1, ...(value % 2 === 0 ? [] : [extra]));
      decodeClientMessage(frames);
      decodeServerMessage(frames);
    }),
    { numRuns: 2000 },
  );
});

test("the data of a chunk is the frame itself", () => {
  const data = new Uint8Array([1, 2, 3]);
  const frames = [...encodeChunkHeader(5, false), data];
  const decoded = decodeClientMessage(frames);
  expect(decoded.ok && decoded.message.type === "post-chunk" && decoded.message.data === data).toBe(true);
  expect(encodeClientMessage({ type: "post-chunk", seek: 5, data, checksum: null })).toEqual(frames);
});

test("long error texts are cut at a character", () => {
  const frames = encodeServerMessage({
    type: "error",
    code: 500,
    text: "ä".repeat(limits.errorTextBytesMax),
  });
  expect(frames[2]?.length).toBe(limits.errorTextBytesMax);
  const decoded = decodeServerMessage([
    frames[0]!,
    frames[1]!,
    new TextEncoder().encode(`a${"ä".repeat(limits.errorTextBytesMax)}`),
  ]);
  expect(decoded).toEqual({
    ok: true,
    message: { type: "error", code: 500, text: `a${"ä".repeat(limits.errorTextBytesMax / 2 - 1)}` },
  });
});

test("metadata that would overflow a stack is refused", () => {
  const deep = new TextEncoder().encode(`{"a":${"[".repeat(100_000)}${"]".repeat(100_000)}}`);
  const [command, flags, name] = encodeClientMessage({
    type: "post-file",
    name: "a",
    metadataText: "{}",
    info: {},
  });
  const decoded = decodeClientMessage([command!, flags!, name!, deep]);
  expect(decoded).toMatchObject({ ok: false, code: 422 });
});

test("metadata above its limit is refused by its size", () => {
  const long = new TextEncoder().encode(JSON.stringify({ a: "x".repeat(limits.metadataBytesMax) }));
  const [command, flags, name] = encodeClientMessage({
    type: "post-file",
    name: "a",
    metadataText: "{}",
    info: {},
  });
  expect(decodeClientMessage([command!, flags!, name!, long])).toMatchObject({ ok: false, code: 413 });
  expect(frameBytesMax(limits.chunkBytesMin)).toBeGreaterThan(limits.metadataBytesMax);
});
