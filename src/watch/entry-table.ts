// What is kept of each entry of a watched folder: forty bytes in columns and its path, since there may be very many, for years. Pure.

import { numberOf } from "./fingerprint.ts";
import { PathTable } from "./path-table.ts";
import type { Waiting } from "./wait-reason.ts";
import { WaitingTexts } from "./waiting-texts.ts";

const isFolderFlag = 1;
const hasShrunkFlag = 2;
const isSendingFlag = 4;
const wasSentFlag = 8;
const isWrittenFlag = 16;
/** Nothing that a file may be. */
const unknown = Number.NaN;

/** What is kept of so many entries: as many more are a page more, and nothing is copied. */
class Page {
  static readonly rows = 4096;
  readonly fingerprints = new Float64Array(Page.rows);
  readonly since = new Float64Array(Page.rows);
  readonly bytesMost = new Float64Array(Page.rows);
  readonly files = new Uint32Array(Page.rows);
  readonly seenIn = new Uint32Array(Page.rows);
  readonly lookedAtIn = new Uint32Array(Page.rows);
  readonly waiting = new Uint32Array(Page.rows);
  readonly flags = new Uint8Array(Page.rows);
}

interface Retrying {
  readonly tryAt: number;
  readonly tries: number;
}

export class EntryTable {
  readonly #paths = new PathTable();
  readonly #pages: Page[] = [];
  readonly texts = new WaitingTexts();
  // Of few entries there is more to know, by row: when it is tried again, as what it was refused, and as what it was sent that is another now.
  readonly retrying = new Map<number, Retrying>();
  readonly refused = new Map<number, number>();
  readonly sentOtherwise = new Map<number, number>();
  /** The one entry that is looked at: another one for each would be garbage. */
  readonly #entry = new Entry(this);

  get size(): number {
    return this.#paths.size;
  }

  /** All entries one after the other, each as `get` gives it. One may be deleted meanwhile. */
  *all(): Generator<Entry, void, undefined> {
    for (let row = 0; row < this.#paths.numbers; row++) if (this.#paths.has(row)) yield this.#at(row);
  }

  /** What is known of an entry: it is that one until another one is asked for. `undefined` where there is none. */
  get(path: string): Entry | undefined {
    const row = this.#paths.find(path);
    return row === undefined ? undefined : this.#at(row);
  }

  /** Adds an entry of which nothing is known but when that is. */
  add(path: string, kind: "file" | "folder", now: number): Entry {
    const row = this.#paths.add(path);
    const at = row % Page.rows;
    this.#pages[Math.floor(row / Page.rows)] ??= new Page();
    const page = this.#pages[Math.floor(row / Page.rows)]!;
    page.fingerprints[at] = unknown;
    page.since[at] = now;
    for (const column of [page.bytesMost, page.files, page.seenIn, page.lookedAtIn, page.waiting])
      column[at] = 0;
    page.flags[at] = kind === "folder" ? isFolderFlag : 0;
    return this.#at(row);
  }

  pathOf(row: number): string {
    return this.#paths.pathOf(row);
  }

  delete({ row, waitingId }: Entry): void {
    this.texts.giveBack(waitingId);
    for (const more of [this.retrying, this.refused, this.sentOtherwise]) more.delete(row);
    this.#paths.delete(row);
  }

  #at(row: number): Entry {
    return this.#entry.become(row, this.#pages[Math.floor(row / Page.rows)]!, row % Page.rows);
  }
}

/** One entry, as long as no other one is asked for. Fingerprints, and what was refused, are kept as numbers: `numberOf`. */
export class Entry {
  readonly #table: EntryTable;
  #page = new Page();
  #at = 0;
  row = 0;

  constructor(table: EntryTable) {
    this.#table = table;
  }

  become(row: number, page: Page, at: number): this {
    this.row = row;
    this.#page = page;
    this.#at = at;
    return this;
  }

  get path(): string {
    return this.#table.pathOf(this.row);
  }

  get kind(): "file" | "folder" {
    return this.#flag(isFolderFlag) ? "folder" : "file";
  }

  /** Whether there is a fingerprint of it; where there is none, the next time that it is seen counts as the first. */
  get isKnown(): boolean {
    return !Number.isNaN(this.#page.fingerprints[this.#at]);
  }

  get wasSent(): boolean {
    return this.#flag(wasSentFlag);
  }

  /** Whether it is what was sent. */
  get isAsSent(): boolean {
    return this.isKnown && this.wasSent && !this.#table.sentOtherwise.has(this.row);
  }

  /** As a number; `null`: none. */
  get fingerprint(): number | null {
    return this.isKnown ? this.#page.fingerprints[this.#at]! : null;
  }
  set fingerprint(number: number | null) {
    const sent = this.#sent;
    this.#page.fingerprints[this.#at] = number ?? unknown;
    if (sent !== null) this.#noteSent(sent);
  }

  /** The fingerprint with which it was sent. */
  set sent(number: number) {
    this.#setFlag(wasSentFlag, true);
    this.#noteSent(number);
  }

  get #sent(): number | null {
    if (!this.wasSent) return null;
    return this.#table.sentOtherwise.get(this.row) ?? this.#page.fingerprints[this.#at]!;
  }

  #noteSent(number: number): void {
    if (number === this.#page.fingerprints[this.#at]) this.#table.sentOtherwise.delete(this.row);
    else this.#table.sentOtherwise.set(this.row, number);
  }

  /** When it was first seen as it is. */
  get since(): number {
    return this.#page.since[this.#at]!;
  }
  set since(now: number) {
    this.#page.since[this.#at] = now;
  }

  /** The most bytes that it ever had. */
  get bytesMost(): number {
    return this.#page.bytesMost[this.#at]!;
  }
  set bytesMost(bytes: number) {
    this.#page.bytesMost[this.#at] = bytes;
  }

  get files(): number {
    return this.#page.files[this.#at]!;
  }
  set files(count: number) {
    this.#page.files[this.#at] = count;
  }

  /** The last look that found that it is there. */
  get seenIn(): number {
    return this.#page.seenIn[this.#at]!;
  }
  set seenIn(look: number) {
    this.#page.seenIn[this.#at] = look;
  }

  /** The last look that found out how it is. */
  get lookedAtIn(): number {
    return this.#page.lookedAtIn[this.#at]!;
  }
  set lookedAtIn(look: number) {
    this.#page.lookedAtIn[this.#at] = look;
  }

  /** Whether it had more bytes than now. */
  get hasShrunk(): boolean {
    return this.#flag(hasShrunkFlag);
  }
  set hasShrunk(is: boolean) {
    this.#setFlag(hasShrunkFlag, is);
  }

  get isSending(): boolean {
    return this.#flag(isSendingFlag);
  }
  set isSending(is: boolean) {
    this.#setFlag(isSendingFlag, is);
  }

  /** Whether it was seen to be written: it came, or became another, while the folder was looked at. */
  get isWritten(): boolean {
    return this.#flag(isWrittenFlag);
  }
  set isWritten(is: boolean) {
    this.#setFlag(isWrittenFlag, is);
  }

  get waitingId(): number {
    return this.#page.waiting[this.#at]!;
  }

  get waiting(): Waiting | null {
    return this.#table.texts.of(this.waitingId, () => this.path);
  }
  set waiting(waiting: Waiting | null) {
    const { texts } = this.#table;
    const before = this.waitingId;
    this.#page.waiting[this.#at] = texts.take(waiting, () => this.path);
    texts.giveBack(before);
  }

  get isWaiting(): boolean {
    return this.waitingId !== 0;
  }

  get reason(): Waiting["reason"] | null {
    return this.#table.texts.reasonOf(this.waitingId);
  }

  /** How often sending it failed, and when it may be tried again; `undefined`: never, and at once. */
  get retrying(): Retrying | undefined {
    return this.#table.retrying.get(this.row);
  }
  set retrying(retrying: Retrying | undefined) {
    if (retrying === undefined) this.#table.retrying.delete(this.row);
    else this.#table.retrying.set(this.row, retrying);
  }

  /** It was refused as it is, with what `key` stands for. */
  refuse(key: string): void {
    this.#table.refused.set(this.row, this.#refusal(key));
  }

  wasRefused(key: string): boolean {
    return this.#table.refused.get(this.row) === this.#refusal(key);
  }

  /** Nothing of it is refused any more. */
  admit(): void {
    this.#table.refused.delete(this.row);
  }

  #refusal(key: string): number {
    return numberOf(`${this.#page.fingerprints[this.#at]}${key}`);
  }

  #flag(flag: number): boolean {
    return (this.#page.flags[this.#at]! & flag) !== 0;
  }

  #setFlag(flag: number, is: boolean): void {
    const { flags } = this.#page;
    flags[this.#at] = is ? flags[this.#at]! | flag : flags[this.#at]! & ~flag;
  }
}
