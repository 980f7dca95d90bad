// Judges what would become of an upload by a kept copy of a server's rules, without the server: with the code that judges there.

import type { Clock } from "../base/clock.ts";
import { DyncError, errorCodeFromWire, messageOf } from "../base/error.ts";
import type { ErrorMessage } from "../protocol/wire/message.ts";
import { storedName } from "../protocol/wire/stored-name.ts";
import { heldAsked, judge, nothingBegins, type PostRules } from "../rules/judge.ts";
import { destinationOf, pathOf } from "../upload/destination.ts";
import type { Checked } from "./check.ts";
import type { Job } from "./job.ts";
import type { KeptRules } from "./kept-rules.ts";
import { readInTime } from "./read-rules.ts";
import { refusalError } from "./refusal-error.ts";
import type { Source } from "./source.ts";

export class OfflineJudge {
  /** Whom the server took this client for. */
  readonly user: string;
  /** When it said last that these are its rules: ISO 8601, UTC. */
  readonly at: string;
  /** SHA-256 of the rules, lower-case hex. */
  readonly digest: string;
  readonly #rules: PostRules;
  readonly #clock: Clock;

  private constructor({ user, at, digest }: KeptRules, rules: PostRules, clock: Clock) {
    this.#clock = clock;
    this.user = user;
    this.at = at;
    this.digest = digest;
    this.#rules = rules;
  }

  /** Rejects with `DyncError` ("cannot-know") where `kept` cannot be judged by. */
  static async open(kept: KeptRules, clock: Clock): Promise<OfflineJudge> {
    try {
      return new OfflineJudge(kept, await readInTime(kept.text, clock), clock);
    } catch (cause) {
      throw new DyncError("cannot-know", `The rules of which a copy is here ${messageOf(cause)}`, { cause });
    }
  }

  /** What is wrong with the metadata of `job`, by the rules; `null`: nothing, or nothing that keeps the server from taking it. */
  metadataFault({ name, metadataText, unpack }: Job): DyncError | null {
    const post = { name, metadataText, info: unpack === undefined ? {} : { unpack } };
    const judgement = judge(this.user, post, this.#rules, nothingBegins(this.#clock.date()));
    if (judgement.type !== "refused") return null;
    const { code, text, info } = judgement.refusal;
    const error = refusalError({ code: errorCodeFromWire(code), text, info }, metadataText);
    return error.code === "metadata-rejected" ? error : null;
  }

  /** What the rules say of `job`; its source is opened, and not read. Rejects with `DyncError` when it cannot be. */
  async check(job: Job, open: () => Promise<Source>): Promise<Checked> {
    const source = await open();
    await source.close();
    const { name, metadataText, unpack } = job;
    const info = { ...(unpack && { unpack }), ...(source.size === null ? {} : { size: source.size }) };
    const post = { name, metadataText, info };
    const judgement = judge(this.user, post, this.#rules, nothingBegins(this.#clock.date()));
    if (judgement.type === "refused") return refusedBy(judgement.refusal, metadataText);
    const { rule, place, held } = judgement;
    if (held !== null) return refusedBy(heldAsked(held), metadataText);
    const path = pathOf(destinationOf({ user: this.user, name: storedName({ name, info }), place }));
    return { type: "accepted", rule, place: rule === null ? null : path };
  }
}

function refusedBy({ code, text, info }: Omit<ErrorMessage, "type">, metadataText: string): Checked {
  return {
    type: "refused",
    error: refusalError({ code: errorCodeFromWire(code), text, info }, metadataText),
  };
}
