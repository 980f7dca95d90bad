// Gives a user's client the rules that concern it, part by part, for judging without the server: `rules/rules-copy.ts` writes them. A
// part is no larger than other answers, so nobody can make the server hold more by asking for it.

import { deflateRawSync } from "node:zlib";
import { errorMeanings } from "../base/error.ts";
import { sha256Hex } from "../base/sha256-hex.ts";
import type { RulesOf, UserRules } from "../config/server-settings.ts";
import { limits } from "../protocol/limits.ts";
import type { Refusal } from "../protocol/server/upload-life.ts";
import { isCopyTooLarge, rulesText } from "../rules/rules-copy.ts";

// A digest is 64 characters; of the compressed texts those that are being fetched just now are enough.
const usersMax = 1000;
const textsMax = 8;

export class RulesParts {
  readonly #rulesOf: RulesOf;
  /** What was found of a user, and what it was found of: the same object as long as the configuration is. */
  readonly #digests = new Map<string, { readonly of: UserRules; readonly digest: string }>();
  /** Compressed, by digest. */
  readonly #texts = new Map<string, Buffer>();

  constructor(rulesOf: RulesOf) {
    this.#rulesOf = rulesOf;
  }

  /** SHA-256 (lower-case hex) of the rules that hold for `user` now. */
  digestOf(user: string): string {
    const of = this.#rulesOf(user);
    const known = this.#digests.get(user);
    if (known?.of === of) return known.digest;
    const digest = sha256Hex(rulesText(user, of));
    keep(this.#digests, user, { of, digest }, usersMax);
    return digest;
  }

  /** The answer to who wants the compressed text from byte `from` on. */
  part(user: string, from: number): Refusal {
    const text = rulesText(user, this.#rulesOf(user));
    if (isCopyTooLarge(text)) {
      const [has, may] = [Buffer.byteLength(text), limits.rulesBytesMax];
      const reason = `The rules that concern you have ${has} bytes, and at most ${may} are given away`;
      return { code: errorMeanings["too-large"].wire, text: reason };
    }
    const bytes = this.#compressed(text);
    const part = bytes.subarray(from, from + limits.rulesPartBytes).toString("base64");
    const info = { user, rulesSize: bytes.length, rulesPart: part };
    return { code: errorMeanings["unknown-upload"].wire, text: "A part of the rules", info };
  }

  #compressed(text: string): Buffer {
    const digest = sha256Hex(text);
    const known = this.#texts.get(digest);
    if (known !== undefined) return known;
    const bytes = deflateRawSync(text);
    keep(this.#texts, digest, bytes, textsMax);
    return bytes;
  }
}

/** Sets `key`, in the place of the one that was set first where there are more than `max`. */
function keep<Value>(map: Map<string, Value>, key: string, value: Value, max: number): void {
  map.delete(key);
  map.set(key, value);
  const [first] = map.keys();
  if (map.size > max && first !== undefined) map.delete(first);
}
