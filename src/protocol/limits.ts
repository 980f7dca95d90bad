// Every bound of the protocol, with its reason. Sizes are in bytes, times in milliseconds, windows in chunks.
// Both programs read them; nothing else in `protocol/` has a number of its own.

import { assert } from "../base/assert.ts";
import { fileNameBytesMax } from "../base/file-name.ts";

const KiB = 1024;
const MiB = 1024 * KiB;
const secondMs = 1000;

export const limits = {
  /** Longest file name. */
  nameBytesMax: fileNameBytesMax,
  /** Metadata describes data, it is not data; the whole document is held in memory and in the catalogue. */
  metadataBytesMax: 256 * KiB,
  /** Nesting of metadata: far beyond any form, and no recursion over it can overflow a stack. */
  metadataDepthMax: 64,
  /** Optional info frames hold a few short members; a bigger one is ignored like any frame nobody asked for. */
  infoBytesMax: 4 * KiB,
  /** Earlier uploads that a new one names as replaced: whoever corrects metadata more often without an answer waits. */
  replacesMax: 8,
  /** Text of an `error`: a sentence that names every bad field, not a document. Longer texts are cut. */
  errorTextBytesMax: 4 * KiB,
  /** Faults of which an error tells a program: what corrects more than these at once asks again. */
  faultsMax: 32,
  /** What these take in an info, which holds other members beside them. */
  faultsBytesMax: 3 * KiB,
  /** The rules that concern a user, as text: what a client keeps of a server. */
  rulesBytesMax: 256 * KiB,
  /** Of these, compressed, so many bytes come with one answer: as base64 in its info. */
  rulesPartBytes: 2400,
  /** Uploads in one page of a list, and the bytes that they take in an info, which holds other members beside them. */
  rowsMax: 32,
  rowsBytesMax: 3 * KiB,
  /** Longest name of a watched folder, and of what else a report has a word for; in UTF-16 units. */
  labelLengthMax: 64,
  /** A sentence in a report. */
  reportTextLengthMax: 200,
  /** Reasons for which entries of a watched folder may wait. */
  waitReasonsMax: 40,
  /** Longest id in `upload-finished`; ours has 32 characters, the original's 32, other servers may use URLs. */
  uploadIdBytesMax: 256,
  /** A receipt: some hundred bytes, a name twice as long in base64, and links to earlier keys of the server. */
  receiptBytesMax: 4 * KiB,
  /** Of one that stands in an info, which holds other members beside it. */
  receiptInfoBytesMax: 3 * KiB,
  /** A SHA-256. */
  checksumBytes: 32,

  /** Below this the frames around a chunk cost more than the chunk. */
  chunkBytesMin: KiB,
  /**
   * Large enough that the cost of a message vanishes (doc/performance.md has the sweep). Chunks get shorter by
   * themselves on a line where this is too long.
   */
  chunkBytesDefault: 2 * MiB,
  /**
   * Each connection begins with chunks of this length, until the client knows how fast the line is; none is shorter for a
   * slow line. 16 KiB pass within a client's patience at 0.5 KiB/s, and in a second at 16 KiB/s.
   */
  chunkBytesSlow: 16 * KiB,
  /**
   * No more is put under way than the line takes in this time, besides what it holds by its length: a cancel, a question
   * and another upload wait no longer than this. Long enough that a line never runs dry while its answers come.
   */
  underWayMs: secondMs,
  /** What a client allocates for a chunk at most, whatever a server asks for. */
  chunkBytesMax: 16 * MiB,
  /** Room in a frame above its payload, so that the limit cuts off only what is plainly no message of ours. */
  frameBytesReserve: 64 * KiB,

  /** Chunks under way per upload: 16 MiB at the default size fill a 10 Gbit/s line of 12 ms. Where it is longer there are more. */
  maxQueueDefault: 8,
  /** What one upload has under way on the longest line: 10 Gbit/s over 200 ms. */
  windowBytesDefault: 256 * MiB,
  /** What a client has under way of a file at most, which takes none of its memory. */
  windowBytesMax: 1024 * MiB,
  /** Bounds the client's list of chunks that may be asked for again. The original server asks for 200. */
  maxQueueMax: 4096,
  /**
   * What a client keeps of a stream at most; a server that asks for more gets smaller chunks. On a short line it is a window of
   * `maxQueueDefault` chunks of this length; all of it fills 2.5 Gbit/s over 200 ms.
   */
  keptBytesMax: 64 * MiB,
  keptChunkBytesMax: MiB,

  /** A client that waits for the server asks after about a round trip, but not sooner than this: disks take their time. */
  askMsMin: 200,
  /** And so long before it has measured one, as TCP does (RFC 6298). */
  askMsFirst: secondMs,
  /**
   * Each question doubles the pause before the next, up to this while the server answers and there is no credit to be had.
   * So long from the start before the upload is approved (a server takes its time to check it, and need not hear of it
   * twice), and where answers have no tags.
   */
  askMsMax: 4 * secondMs,
  /** And up to this while it does not answer. */
  askAgainMsMax: 16 * secondMs,
  /** So long without an answer, and without a chunk that had waited for the connection and went: a new connection. */
  silenceMs: 36 * secondMs,
  /** Questions whose answers a client can tell apart. As pauses double, more are open only on a line that moves slowly. */
  openQueriesMax: 16,
  /**
   * Messages besides chunks that an honest client can have under way on one connection: its questions, `post-file` or a
   * farewell, and what it says while it waits. The server's queue has room for all of them, so that only a client that
   * breaks the rules meets its end.
   */
  otherMessagesMax: 32,
  /** A client that waits for its own source tells the server that it is still there. */
  keepaliveMs: 15 * secondMs,
  /**
   * Windows of chunks without credit that are forgiven at once, discarded unread. A broken client meets its end after these;
   * a disk that makes an upload go back, or credit that is taken back, more often within one round trip is out of the question.
   */
  forgivenWindowsMax: 16,
  /** Chunks of an earlier process's size that a restored upload is told about; each telling may get lost. */
  tellingsMax: 16,
  /** Times that an upload which the server forgot is started anew within one process. */
  restartsMax: 3,

  /** A client that is silent is poked, so that the server learns whether it is reachable. */
  pokeMs: 5 * secondMs,
  /** Pokes get rarer up to this. */
  pokeMsMax: 60 * secondMs,
  /** What an upload is given before it sent anything: two chunks, and the last one, which is empty. */
  firstGrantChunks: 3,
  /** Credit that lies this long unused while others wait is taken back: what is of use is used within a round trip. */
  reclaimAfterMs: secondMs,
  /** Where the line is slower than that, the server gets as patient as the line needs, up to this. */
  patienceMsMax: 60 * secondMs,
  /** An upload whose connection is gone keeps its place this long after its last word: most come back within seconds. */
  goneMs: 10 * secondMs,
  /**
   * After this long without a word an upload gives up its place though its connection stands; its bytes stay. Longer
   * than a client waits for an answer (`silenceMs`): so no chunk takes that long on its way.
   */
  idleMs: 60 * secondMs,
  /** No server may be less patient than its clients. */
  idleMsMin: 40 * secondMs,
} as const;

/** Largest frame that a peer has to accept when chunks are at most `chunkBytes`. */
export function frameBytesMax(chunkBytes: number): number {
  return Math.max(chunkBytes, limits.metadataBytesMax) + limits.frameBytesReserve;
}

assert(limits.chunkBytesMin <= limits.chunkBytesDefault, "the default chunk is not below the smallest");
assert(limits.chunkBytesDefault <= limits.chunkBytesMax, "the default chunk is not above the largest");
assert(limits.maxQueueDefault <= limits.maxQueueMax, "the default window is not above the largest");
assert(
  limits.keptBytesMax / limits.maxQueueDefault >= 512 * KiB,
  "a default window can be kept in chunks that are worth their way",
);
assert(
  limits.keptBytesMax / limits.maxQueueMax >= limits.chunkBytesMin,
  "the widest window has sensible chunks",
);
assert(
  limits.frameBytesReserve > limits.infoBytesMax + limits.nameBytesMax,
  "a reserve holds every small frame",
);
assert(limits.otherMessagesMax >= limits.openQueriesMax + 8, "every message of an honest client finds room");
assert(limits.keepaliveMs + limits.silenceMs < 60 * secondMs, "a dead connection is noticed within a minute");
assert(limits.reclaimAfterMs < limits.goneMs, "credit is taken back before the upload gives up its place");
assert(limits.idleMsMin <= limits.idleMs, "a server is as patient as it has to be");
assert(limits.goneMs < limits.idleMs, "who is gone keeps its place no longer than who is silent");
assert(
  limits.silenceMs < limits.idleMsMin && limits.keepaliveMs < limits.idleMsMin,
  "a client that is there is heard before its upload gives up its place",
);
