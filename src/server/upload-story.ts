// What became of an upload, in the order in which it did: for people, of what is known for sure. Pure.

import { errorCodeFromWire } from "../base/error.ts";
import type { UploadRecord } from "../catalogue/catalogue.ts";
import type { Delivery, ToldHook } from "../catalogue/outbox.ts";
import { formatDuration } from "../config/duration.ts";
import { fingerprintOf } from "../keys/key.ts";
import type { Published } from "../storage/storage.ts";
import type { DeliveryState, StoryKind } from "./shown-states.ts";

export interface StoryPart {
  readonly kind: StoryKind;
  /** When it happened, or since when it is so (ISO 8601, UTC); `null`: that is not kept. */
  readonly at: string | null;
  /** One sentence without a full stop. */
  readonly text: string;
}

/** What the record does not say. */
export interface StoryFacts {
  /** ms since 1970. */
  readonly now: number;
  /** Where it is stored, as people find it. */
  readonly location: string;
  /** What lies there, where it is stored and there. */
  readonly published: Pick<Published, "amended"> | null;
  /** Name of the rule that takes it by the rules of today; `null`: there are none, or none does. */
  readonly rule: string | null;
  /** Whether a receipt of it can be signed. */
  readonly hasReceipt: boolean;
  /** What hooks are still to be told of it. */
  readonly deliveries: readonly (Delivery & { readonly state: DeliveryState })[];
  /** Which hooks were told of it. */
  readonly told: readonly ToldHook[];
  /** Since when it is known to be damaged or missing (ISO 8601, UTC), or `null`. */
  readonly damagedSince: string | null;
}

type Part = StoryPart | null;

export function storyOf(record: UploadRecord, facts: StoryFacts): readonly StoryPart[] {
  const parts: readonly Part[] = [
    admitted(record),
    ruled(facts),
    added(record),
    held(record),
    ...inOrder([resumed(record), released(record), complete(record)]),
    ending(record, facts),
    receipt(record, facts),
    ...inOrder([...facts.told.map(told), amended(record, facts)]),
    ...facts.deliveries.map((it) => owed(it, facts.now)),
    damaged(facts),
  ];
  return parts.filter((it) => it !== null);
}

/** By their times, which all of them have. */
function inOrder(parts: readonly Part[]): readonly StoryPart[] {
  const known = parts.filter((it) => it !== null);
  return known.sort((a, b) => ((a.at ?? "") < (b.at ?? "") ? -1 : 1));
}

// The catalogue was lost, and what lies beside a published file does not say when that began.
function isMadeAnew({ fence, createdAt, receivedAt }: UploadRecord): boolean {
  return fence === 0 && createdAt === receivedAt;
}

function admitted(record: UploadRecord): StoryPart {
  const { createdAt, origin, client, size } = record;
  const by = origin === null ? "" : ` from the key ${fingerprintOf(origin)}`;
  const program = client === null ? "" : `, sent by ${client}`;
  const announced = size === null ? ", of a size that was not known" : "";
  const at = isMadeAnew(record) ? null : createdAt;
  return { kind: "admitted", at, text: `Taken in${by}${program}${announced}` };
}

function ruled({ rule }: StoryFacts): Part {
  return rule === null
    ? null
    : { kind: "rule", at: null, text: `Taken by the rule "${rule}", as rules are now` };
}

function added({ added: names }: UploadRecord): Part {
  if (names === null) return null;
  const list = (JSON.parse(names) as readonly string[]).join(", ");
  return { kind: "added", at: null, text: `Hooks added to its metadata: ${list}` };
}

function held({ held: reason, createdAt }: UploadRecord): Part {
  return reason === null
    ? null
    : { kind: "held", at: createdAt, text: `Held until its metadata are put right: ${reason}` };
}

// Why it had to be is not kept: its client was away, or others needed its place, or the server started anew.
function resumed({ resumes, resumedAt }: UploadRecord): Part {
  if (resumedAt === null) return null;
  const text =
    resumes === null
      ? "Last gone on with after a pause"
      : resumes === 1
        ? "Gone on with after a pause"
        : `Gone on with after a pause, for the ${ordinal(resumes)} time`;
  return { kind: "resumed", at: resumedAt, text };
}

function ordinal(value: number): string {
  const isTeen = value % 100 >= 11 && value % 100 <= 13;
  const ending = isTeen ? undefined : { 1: "st", 2: "nd", 3: "rd" }[value % 10];
  return `${value}${ending ?? "th"}`;
}

function released({ releasedAt }: UploadRecord): Part {
  return releasedAt === null
    ? null
    : { kind: "amended", at: releasedAt, text: "Its metadata were put right, for want of which it was held" };
}

function complete({ receivedAt, sha256, state }: UploadRecord): Part {
  if (receivedAt === null) return null;
  const text =
    sha256 !== null
      ? "All of it had come, and has the SHA-256 that its client told"
      : state === "open"
        ? "All of it had come, and did not survive whole: its client sends the rest again"
        : "All of it had come";
  return { kind: "complete", at: receivedAt, text };
}

function ending(record: UploadRecord, facts: StoryFacts): Part {
  const { state, updatedAt, errorCode, reason } = record;
  if (state === "finished")
    return { kind: "stored", at: storedAt(record, facts), text: `Stored as ${facts.location}` };
  if (state !== "failed") return null;
  const code = errorCode === null ? "" : ` (${errorCodeFromWire(errorCode)})`;
  return {
    kind: "failed",
    at: updatedAt,
    text: `Ended without being stored${code}${reason === null ? "" : `: ${reason}`}`,
  };
}

// Earlier versions of the program kept the time of the last change alone: that it was stored, where nothing was amended since.
function storedAt(record: UploadRecord, { published }: StoryFacts): string | null {
  if (record.storedAt !== null) return record.storedAt;
  const isAsStored = published !== null && published.amended === undefined && record.amendedAt === null;
  return isAsStored && !isMadeAnew(record) ? record.updatedAt : null;
}

function receipt({ wantsReceipt, state }: UploadRecord, { hasReceipt }: StoryFacts): Part {
  if (!wantsReceipt || state === "failed") return null;
  const text =
    state !== "finished"
      ? "Its client wants a signed receipt"
      : hasReceipt
        ? "A signed receipt goes to its client with the confirmation, and again when it asks"
        : "Its client wants a signed receipt, and this server cannot give one";
  return { kind: "receipt", at: null, text };
}

// What lies beside the file counts: the record is a memory aid.
function amended({ amendedAt }: UploadRecord, { published }: StoryFacts): Part {
  const at = published?.amended ?? amendedAt;
  return at === null
    ? null
    : { kind: "amended", at, text: "Its metadata were amended last; those of before lie beside them" };
}

function told({ hook, at, attempts }: ToldHook): StoryPart {
  const failed = attempts === 1 ? "" : `, at the ${ordinal(attempts)} attempt`;
  return { kind: "told", at, text: `The hook "${hook}" was told${failed}` };
}

function owed(delivery: Delivery & { readonly state: DeliveryState }, now: number): StoryPart {
  const { hook, attempts, error, nextAt, createdAt, state } = delivery;
  const failed = attempts === 0 ? [] : [attempts === 1 ? "failed once" : `failed ${attempts} times`];
  const turn = nextAt <= now ? "it is its turn" : `tried next in ${formatDuration(nextAt - now)}`;
  const next = { running: "being told now", stuck: "no such hook is configured", waiting: turn }[state];
  const why = error === null ? "" : `: ${error}`;
  const text = `The hook "${hook}" is to be told since then: ${[...failed, next].join(", ")}${why}`;
  return { kind: "hook", at: createdAt, text };
}

function damaged({ damagedSince }: StoryFacts): Part {
  return damagedSince === null
    ? null
    : { kind: "damaged", at: damagedSince, text: "Read again, and found damaged or missing" };
}
