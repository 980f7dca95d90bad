// Hooks that are asked before an upload begins: each may refuse it, or add to its metadata. Refusing is an answer; a hook that
// fails gives none, and its uploads come later, unless the steward has it otherwise.

import type { Clock } from "../base/clock.ts";
import { DyncError } from "../base/error.ts";
import { type JsonMember, jsonMembers, objectText, sameJson } from "../base/json-text.ts";
import type { Logger } from "../base/log.ts";
import { Semaphore } from "../base/semaphore.ts";
import { type HookAnswer, readAnswer } from "../hooks/answer.ts";
import { type Hook, hooksFor } from "../hooks/hook.ts";
import type { HookOutcome } from "../hooks/runner.ts";
import { type ToldUpload, toldBody, toldText } from "../hooks/told.ts";
import { metadataFormFault, reservedMember } from "../protocol/wire/metadata.ts";
import type { Judgement } from "../rules/judge.ts";
import type { HookParts } from "./after-hooks.ts";
import { HookHealth } from "./hook-health.ts";
import { Refused } from "./refusal.ts";

export interface BeforeHooksParts extends HookParts {
  readonly clock: Clock;
  readonly logger: Logger;
}

/** An upload that is let in, as the rules and the hooks before have it. */
export interface Heard {
  readonly judgement: Accepted;
  /** Names of the members that were added to its metadata. */
  readonly added: readonly string[];
}

type Accepted = Extract<Judgement, { type: "accepted" }>;

/** Why a hook gave no answer that is of use, as the end of a sentence about it. */
class HookFailure extends Error {}

const answerBytesMax = 1024 * 1024;

export class BeforeHooks {
  readonly #parts: BeforeHooksParts;
  readonly #places = new Map<string, Semaphore>();
  readonly #health = new Map<string, HookHealth>();

  constructor(parts: BeforeHooksParts) {
    this.#parts = parts;
  }

  /** Those that are asked before an upload of `user` that `rule` takes. */
  hooksFor(user: string, rule: string | null): readonly Hook[] {
    const hooks = this.#parts.hooksOf();
    return hooks.length === 0 ? hooks : hooksFor(hooks, "before", user, () => rule);
  }

  /**
   * Asks `hooks`, one after the other, each with what those before it added. What they add is judged by `judge`, too.
   *
   * @throws Refused where one refuses, DyncError "not-ready" where one fails; the signal's reason when nobody waits any more.
   */
  async ask(
    hooks: readonly Hook[],
    upload: ToldUpload,
    heard: Accepted,
    judge: (metadataText: string) => Judgement,
    signal: AbortSignal,
  ): Promise<Heard> {
    let now: Heard = { judgement: heard, added: [] };
    for (const hook of hooks) {
      try {
        now = await this.#askOne(hook, upload, now, judge, signal);
        this.#healthOf(hook).worked();
      } catch (error) {
        if (!(error instanceof HookFailure)) throw error;
        this.#failed(hook, upload, error.message);
      }
    }
    return now;
  }

  async #askOne(
    hook: Hook,
    upload: ToldUpload,
    heard: Heard,
    judge: (metadataText: string) => Judgement,
    signal: AbortSignal,
  ): Promise<Heard> {
    const { metadataText } = heard.judgement.post;
    const text = toldText(hook, upload.id, 1, toldBody(upload, null, metadataText));
    const outcome = await this.#run(hook, upload.id, text, signal);
    if (outcome.type === "failed") throw new HookFailure(outcome.reason);
    const answer: HookAnswer = readAnswer(outcome.output);
    if (answer.type === "nonsense") throw new HookFailure(answer.reason);
    if (answer.type === "refused") throw new Refused({ code: answer.code, text: answer.text });
    const members = newMembers(metadataText, answer.members);
    if (members.length === 0) return heard;
    const whole = withMembers(metadataText, members);
    const fault = metadataFormFault(whole);
    if (fault !== null) throw new HookFailure(`added too much, or what is no metadata: ${fault.text}`);
    const judgement = judge(whole);
    if (judgement.type === "refused")
      throw new HookFailure(`added what the rules refuse: ${judgement.refusal.text}`);
    if (judgement.held !== null) throw new HookFailure(`added what the rules refuse: ${judgement.held.text}`);
    return { judgement, added: [...heard.added, ...members.map(({ name }) => name)] };
  }

  async #run(hook: Hook, upload: string, text: string, signal: AbortSignal): Promise<HookOutcome> {
    const places = this.#places.get(hook.name) ?? new Semaphore();
    this.#places.set(hook.name, places);
    const { clock, run } = this.#parts;
    // As long as it may take itself: who waits for longer is better told.
    const late = new AbortController();
    const cancel = clock.after(hook.timeoutMs, () => late.abort());
    try {
      await places.take(hook.atOnce, AbortSignal.any([signal, late.signal]));
    } catch {
      signal.throwIfAborted();
      return { type: "failed", reason: `has ${hook.atOnce} at work, and had no turn for one more in time` };
    } finally {
      cancel();
    }
    try {
      return await run({ hook, upload, attempt: 1, text, answerBytesMax, signal });
    } finally {
      places.release();
    }
  }

  #failed(hook: Hook, { id: upload, user, name }: ToldUpload, reason: string): void {
    const goesOn = hook.onFailure === "accept";
    const message = goesOn
      ? "Hook failed, and the upload goes on without it"
      : "Hook failed, and the upload has to come again later";
    this.#healthOf(hook).failed(message, { upload, user, name, reason });
    if (goesOn) return;
    throw new DyncError("not-ready", `The check "${hook.name}" of this server does not work just now`);
  }

  #healthOf({ name }: Hook): HookHealth {
    const health = this.#health.get(name) ?? new HookHealth(name, this.#parts);
    this.#health.set(name, health);
    return health;
  }
}

/** Those of `members` that are not there yet. */
function newMembers(metadataText: string, members: readonly JsonMember[]): readonly JsonMember[] {
  const there = new Map(jsonMembers(metadataText)?.map(({ name, value }) => [name, value]));
  return members.filter(({ name, value }) => {
    if (name === reservedMember) throw new HookFailure(`added ${name}, which is the server's own`);
    const before = there.get(name);
    if (before === undefined) return true;
    if (sameJson(before, value)) return false;
    throw new HookFailure(`added ${JSON.stringify(name)}, which has another value already`);
  });
}

function withMembers(metadataText: string, members: readonly JsonMember[]): string {
  return objectText([...(jsonMembers(metadataText) ?? []), ...members]);
}
