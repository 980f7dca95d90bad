// What became of an upload, in the order in which it did: for people, of what the catalogue knows. Pure.

import { errorCodeFromWire } from "../base/error.ts";
import type { UploadRecord } from "../catalogue/catalogue.ts";
import type { Delivery } from "../catalogue/outbox.ts";
import { fingerprintOf } from "../keys/key.ts";
import type { StoryKind } from "./shown-states.ts";

export interface StoryPart {
  readonly kind: StoryKind;
  /** ISO 8601, UTC; `null`: that is not kept. */
  readonly at: string | null;
  /** One sentence without a full stop. */
  readonly text: string;
}

/** What the record does not say. */
export interface StoryFacts {
  /** Where it is stored, as people find it. */
  readonly location: string;
  /** Name of the rule that takes it by the rules of today; `null`: there are none, or none does. */
  readonly rule: string | null;
  /** What hooks are still to be told of it. */
  readonly deliveries: readonly Delivery[];
  /** Since when it is known to be damaged or missing (ISO 8601, UTC), or `null`. */
  readonly damagedSince: string | null;
}

export function storyOf(record: UploadRecord, facts: StoryFacts): readonly StoryPart[] {
  const parts: readonly (StoryPart | null)[] = [
    admitted(record),
    facts.rule === null
      ? null
      : { kind: "rule", at: null, text: `Taken by the rule "${facts.rule}", as rules are now` },
    added(record),
    resumed(record),
    complete(record),
    held(record),
    ending(record, facts),
    receipt(record),
    ...facts.deliveries.map(hook),
    facts.damagedSince === null
      ? null
      : { kind: "damaged", at: facts.damagedSince, text: "Read again, and found damaged or missing" },
  ];
  return parts.filter((it) => it !== null);
}

function admitted({ createdAt, origin, client, size }: UploadRecord): StoryPart {
  const by = origin === null ? "" : ` from the key ${fingerprintOf(origin)}`;
  const program = client === null ? "" : `, sent by ${client}`;
  const announced = size === null ? ", of a size that was not known" : "";
  return { kind: "admitted", at: createdAt, text: `Taken in${by}${program}${announced}` };
}

function added({ added: names }: UploadRecord): StoryPart | null {
  if (names === null) return null;
  const list = (JSON.parse(names) as readonly string[]).join(", ");
  return { kind: "added", at: null, text: `Hooks added to its metadata: ${list}` };
}

// It has another number each time that it is taken up.
function resumed({ fence }: UploadRecord): StoryPart | null {
  const times = fence - 1;
  if (times < 1) return null;
  const often = times === 1 ? "once" : `${times} times`;
  return {
    kind: "resumed",
    at: null,
    text: `Gone on with ${often}, after its client was away or the server started anew`,
  };
}

function complete({ receivedAt, sha256 }: UploadRecord): StoryPart | null {
  if (receivedAt === null) return null;
  const sum = sha256 === null ? "" : `, and has the SHA-256 that its client told`;
  return { kind: "complete", at: receivedAt, text: `All of it had come${sum}` };
}

function held({ held: reason }: UploadRecord): StoryPart | null {
  return reason === null
    ? null
    : { kind: "held", at: null, text: `Held until its metadata are put right: ${reason}` };
}

function ending(
  { state, updatedAt, errorCode, reason }: UploadRecord,
  { location }: StoryFacts,
): StoryPart | null {
  if (state === "finished") return { kind: "stored", at: updatedAt, text: `Stored as ${location}` };
  if (state !== "failed") return null;
  const code = errorCode === null ? "" : ` (${errorCodeFromWire(errorCode)})`;
  return {
    kind: "failed",
    at: updatedAt,
    text: `Ended without being stored${code}${reason === null ? "" : `: ${reason}`}`,
  };
}

function receipt({ wantsReceipt, state }: UploadRecord): StoryPart | null {
  if (!wantsReceipt) return null;
  const text =
    state === "finished"
      ? "Its client got a signed receipt, or gets it when it asks again"
      : "Its client wants a signed receipt";
  return { kind: "receipt", at: null, text };
}

function hook({ hook: name, attempts, error, nextAt }: Delivery): StoryPart {
  const failed = attempts === 0 ? "" : `, failed ${attempts === 1 ? "once" : `${attempts} times`}`;
  const why = error === null ? "" : `: ${error}`;
  return {
    kind: "hook",
    at: new Date(nextAt).toISOString(),
    text: `The hook "${name}" is still to be told${failed}${why}`,
  };
}
