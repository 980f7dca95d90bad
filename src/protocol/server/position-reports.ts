// What the client of one upload was told about where to go on, with how much credit. Part of `server-upload.ts`,
// whose theory of operation explains it; makes the messages and remembers what need not, or must, be said again.

import { limits } from "../limits.ts";
import type { QueryStatus, ServerMessage, UploadApproved } from "../wire/message.ts";
import type { Admission, ServerUploadOptions } from "./server-events.ts";
import type { UploadCredit } from "./upload-credit.ts";

export class PositionReports {
  readonly #options: ServerUploadOptions;
  readonly #credit: UploadCredit;
  readonly #send: (message: ServerMessage) => void;
  #uploadId = "";
  /** What the client is told of how the bytes are unpacked. */
  #layoutInfo: UploadApproved["info"] = {};
  #expected = 0;
  /** Offset before which all is stored. */
  #stored = 0;
  /** The client keeps what is not, and wants to be told. */
  #tellsStored = false;
  /** A gap was reported: what comes out of sequence until the client went back was under way before. */
  #gapTold = false;
  /** How often the client may still be told how large a chunk may be, instead of being broken. */
  #tellings = 0;
  /** `maxqueue` as the client was told it last. */
  #maxQueue: number;
  /** How often it is told chunk size and window before it is seen to go on: an earlier process may have told it others. */
  #termsLeft = 0;
  #isUncertain = false;
  /**
   * Taken up from an earlier process, which may have given more credit from here than we did: were our first report lost,
   * what is added to it would come on top of that. So more is told by reports alone, that is when the client asks, until so
   * many chunks came in sequence that the old credit is used up. This many are still to come.
   */
  #unseenLeft = 0;
  /** Credit that is told when the client went back. */
  #withheld = 0;

  constructor(options: ServerUploadOptions, credit: UploadCredit, send: (message: ServerMessage) => void) {
    this.#options = options;
    this.#maxQueue = options.maxQueue;
    this.#credit = credit;
    this.#send = send;
  }

  // A window; and one chunk that comes twice, by an old connection and the new one.
  get #forgivenAtOnce(): number {
    return Math.max(2, this.#maxQueue);
  }

  get uploadId(): string {
    return this.#uploadId;
  }

  /** Offset up to which chunks were accepted. */
  get expected(): number {
    return this.#expected;
  }

  /** The storage is open: the upload has a name, and an offset at which it goes on. */
  startAt({ uploadId, offset, layout }: Admission): void {
    this.#uploadId = uploadId;
    this.#expected = this.#stored = offset;
    const names = layout === "bagit" ? { names: layout } : {};
    this.#layoutInfo = layout === undefined ? {} : { unpack: true, ...names, removes: true };
  }

  /** Everything before `offset` is stored: the client will not be asked for it again. */
  stored(offset: number): void {
    this.#stored = offset;
  }

  /** Whether the client wants to be told that. */
  tellStored(isWanted: boolean): void {
    this.#tellsStored = isWanted;
  }

  // In each message that gives credit and can say it: the credit is part of a window that begins there. So who got the one
  // knows the other, whatever else got lost.
  get #storedInfo(): { readonly info?: { readonly stored: number } } {
    return this.#tellsStored ? { info: { stored: this.#stored } } : {};
  }

  #addCredit(amount: number): void {
    this.#send({ type: "transfer-credit", amount, ...this.#storedInfo });
  }

  /** A chunk in sequence moved the position: the client is where we are. */
  moveTo(expected: number): void {
    this.#expected = expected;
    this.#termsLeft = 0;
    this.#gapTold = false;
    // The old credit is used up by as many chunks: one more can only come by what we gave.
    if (this.#unseenLeft > 0) {
      this.#unseenLeft -= 1;
      return;
    }
    if (this.#withheld > 0) this.#addCredit(this.#withheld);
    this.#withheld = 0;
  }

  /** An earlier process may have told the client something else: the next grant says all. */
  distrust(): void {
    this.#isUncertain = true;
    this.#unseenLeft = this.#options.longQueue ?? this.#options.maxQueue;
    this.#tellings = this.#termsLeft = limits.tellingsMax;
  }

  /** Answers a post-file. A client that posts again may have started already: it is told where to go on as well. */
  approve(isFirst: boolean): void {
    // Where a report follows, the credit comes with it: a client would spend it here, and be told to go back.
    const reportFollows = this.#expected > 0 || !isFirst;
    this.#tellTerms(reportFollows ? 0 : this.#credit.outstanding);
    this.#isUncertain = false;
    this.#withheld = 0;
    if (reportFollows) this.report();
  }

  #tellTerms(credit: number): void {
    const { chunkBytes, server } = this.#options;
    const maxQueue = this.#maxQueue;
    const info = {
      server,
      upload: this.#uploadId,
      tags: true,
      farewell: true,
      stored: true,
      ...this.#layoutInfo,
    };
    this.#send({ type: "upload-approved", credit, chunkBytes, maxQueue, info });
  }

  /** Up to `maxQueue` chunks may be asked for again from now on; only to a client that says `window`. */
  widen(maxQueue: number): void {
    if (maxQueue <= this.#maxQueue) return;
    this.#maxQueue = maxQueue;
    this.#tellTerms(0);
  }

  /** Says where to go on; `tag` is that of the question which this answers, if any. */
  report(tag?: number): void {
    const credit = this.#credit.outstanding;
    this.#send({
      type: "status-report",
      seek: this.#expected,
      credit,
      // Behind the tag: one that nobody asked for has none.
      ...(tag === undefined ? {} : { tag, ...this.#storedInfo }),
    });
    this.#credit.forgive(this.#forgivenAtOnce);
    // A report of no credit may get lost; credit added without a position would then come on top of the old one.
    this.#isUncertain = this.#credit.outstanding === 0;
    this.#withheld = 0;
  }

  /** Answers a question. A client that asks from further on will go back: it need not be told of the gap again. */
  answer({ seek, tag, info }: QueryStatus): void {
    // A client of the original program is not told: nobody knows what it makes of an approval in mid-upload.
    if (this.#termsLeft > 0 && tag !== undefined) {
      this.#termsLeft -= 1;
      this.#tellTerms(0);
    } else if (info?.window !== undefined && this.#maxQueue > this.#options.maxQueue) {
      // What it was told on the connection before may have got lost.
      this.#tellTerms(0);
    }
    // One without a position is the original program's, which asks when nothing has been under way for long.
    if (seek === undefined) this.#unseenLeft = 0;
    this.report(tag);
    if (seek !== undefined && seek > this.#expected) this.#gapTold = true;
  }

  /** Something is missing: says so once. */
  reportGap(): void {
    if (!this.#gapTold) this.report();
    this.#gapTold = true;
  }

  /** A message was damaged on the way, perhaps the one that we wait for: says so whatever was said before. */
  reportLoss(): void {
    this.#gapTold = false;
    this.reportGap();
  }

  /** All credit was taken back. */
  reportReclaim(): void {
    this.#credit.forgiveMore(this.#forgivenAtOnce);
    this.report();
  }

  /** The position moved back: says so whatever was said before. */
  reportRewind(expected: number): void {
    this.#expected = this.#stored = expected;
    this.#credit.forgiveMore(this.#forgivenAtOnce);
    this.reportLoss();
  }

  /** A chunk came without credit and is forgiven. Not by `report`: forgiveness has to run out. */
  reportExcess(): void {
    if (!this.#gapTold) this.#send({ type: "status-report", seek: this.#expected, credit: 0 });
    this.#gapTold = true;
    this.#isUncertain = true;
  }

  /**
   * A chunk was too large. The client of a restored upload may go by what an earlier process said; it is told as often
   * as that may have been lost. Returns whether it is.
   */
  reportChunkBytes(): boolean {
    if (this.#tellings === 0) return false;
    this.#tellings -= 1;
    this.approve(false);
    this.#gapTold = true;
    return true;
  }

  /**
   * `amount` was added to the credit. A client that was told to go back and has not yet may have missed that, and
   * would add this to credit that it no longer has: it is told when it is back. Returns whether it was told.
   */
  grant(amount: number): boolean {
    if (this.#isUncertain) this.report();
    else if (this.#gapTold || this.#unseenLeft > 0) this.#withheld += amount;
    else this.#addCredit(amount);
    return this.#withheld === 0;
  }

  /** Means nothing to any client, but shows that we are there; and whether it is. */
  greet(): void {
    this.#send({ type: "transfer-credit", amount: 0 });
  }
}
