// `dync limit [RATE]`: how fast files are sent from here, also by commands that run already.

import { mkdir, rm } from "node:fs/promises";
import { DyncError, messageOf } from "../../base/error.ts";
import { writeWhole } from "../../base/write-whole.ts";
import { parseRateLimit, type Rate, type RateLimit, rateAt, writeRate } from "../../config/rate-limit.ts";
import { sharedOptions } from "../args.ts";
import { defineCommand } from "../command.ts";
import { faultsOf } from "../command-line-error.ts";
import { unwrap } from "../option-value.ts";
import { limitFile } from "./current-limit.ts";
import { readKnownServers } from "./known-servers.ts";
import { type CountingLimit, countingLimit, limitVariable, readLimits } from "./send-limit.ts";
import { limitUsage } from "./usage-limit.ts";

export const limitCommand = defineCommand({
  name: "limit",
  usage: limitUsage,
  options: {
    ...sharedOptions,
    clear: { type: "boolean" },
    json: { type: "boolean" },
    rate: { type: "positional", required: false, repeat: true },
  },
  check: ({ positionals, switches }) => ({
    misread: null,
    others: faultsOf(() => expectOne(positionals.join(" "), switches.includes("clear"))),
  }),
  async run({ clear, rate }, { output, clock, environment }) {
    const limit = expectOne(rate.join(" "), clear);
    const { home } = readKnownServers(environment);
    const file = limitFile(home);
    try {
      if (clear) await rm(file, { force: true });
      if (limit !== null) {
        await mkdir(home, { recursive: true, mode: 0o700 });
        // At once, so that nobody reads half of it.
        await writeWhole(file, `${limit.text}\n`, { isDurable: false });
      }
    } catch (error) {
      throw new DyncError("configuration", `Cannot change ${file}: ${messageOf(error)}`, { cause: error });
    }
    // For a command that begins now, without an option of its own.
    const counting = countingLimit(readLimits({ variable: environment[limitVariable] }, environment));
    const now = counting === null ? null : rateAt(counting.limit, clock.date());
    const saidBy = counting?.saidBy ?? null;
    output.summarise({ limit: counting?.limit.text ?? null, saidBy, bytesPerSecond: now, file });
    output.result(counting === null ? "unlimited" : limitText(counting, now));
    if (clear || limit !== null) output.say("Commands that run take it within a second");
    return 0;
  },
});

function limitText({ limit: { text, spans }, saidBy }: CountingLimit, now: Rate): string {
  return `${text} (${saidBy})${spans.length > 0 ? `; now: ${writeRate(now)}` : ""}`;
}

/** The limit that was given, `null` for none. Throws `DyncError` ("usage"). */
function expectOne(text: string, isCleared: boolean): RateLimit | null {
  if (text === "") return null;
  if (isCleared)
    throw new DyncError("usage", "A rate and --clear are both given", { hint: "leave one away" });
  return unwrap(parseRateLimit(text), "RATE");
}
