// `dync-server hooks list | retry | drop`: what hooks are still to be told, asked of the running server.

import * as v from "valibot";
import { DyncError } from "../../base/error.ts";
import { localTime } from "../../base/local-time.ts";
import { parseCount } from "../../config/count.ts";
import { formatDuration } from "../../config/duration.ts";
import type { JsonObject } from "../../control/control-lines.ts";
import { sharedOptions } from "../args.ts";
import { type CommandLine, defineCommand, type OptionsDef, type OptionValues } from "../command.ts";
import { faultsOf } from "../command-line-error.ts";
import { unwrap } from "../option-value.ts";
import type { Output } from "../output.ts";
import { printable } from "../printable.ts";
import { ask } from "./ask.ts";
import { chosenCounts, deliveryListings, shownDeliveries, type WrittenChoice } from "./hook-commands.ts";
import { moreText, readLimit } from "./list-limit.ts";
import { hooksDropUsage, hooksListUsage, hooksRetryUsage } from "./usage-hooks.ts";

export const hooksListCommand = defineCommand({
  name: "hooks list",
  usage: hooksListUsage,
  options: {
    ...sharedOptions,
    hook: { type: "string" },
    limit: { type: "string" },
    json: { type: "boolean" },
  },
  check: (line) => ({ misread: null, others: faultsOf(() => readLimit(line.values.limit?.[0])) }),
  async run(values, context) {
    const { output, clock } = context;
    const { hook: wanted = null } = values;
    const given = { hook: wanted, limit: readLimit(values.limit) };
    const onLine = (line: JsonObject) => tellDelivery(v.parse(shownDeliveries, line), clock.date(), output);
    const { listed, more, hooks } = await ask(context, "hooks list", given, deliveryListings, onLine);
    output.summarise({ listed, more, hooks });
    if (listed === 0) output.say("Nothing waits for a hook");
    if (more) output.say(moreText(listed));
    for (const { hook, deliveries, isConfigured } of hooks) {
      if (isConfigured || (wanted ?? hook) !== hook) continue;
      const what = deliveries === 1 ? "1 delivery waits" : `${deliveries} deliveries wait`;
      output.warn(`${what} for the hook "${hook}", which is not configured`);
    }
    return 0;
  },
});

const choiceOptions = {
  ...sharedOptions,
  all: { type: "boolean" },
  hook: { type: "string" },
  json: { type: "boolean" },
  id: { type: "positional", required: false, repeat: true },
} as const satisfies OptionsDef;

const choiceCommand = (verb: "retry" | "drop", usage: string, done: string) =>
  defineCommand({
    name: `hooks ${verb}`,
    usage,
    options: choiceOptions,
    check: (line) => ({ misread: null, others: choiceFaults(line) }),
    async run(values, context) {
      const { output } = context;
      const choice = choiceOf(values);
      const { deliveries, unknown } = await ask(context, `hooks ${verb}`, choice, chosenCounts);
      output.summarise({ deliveries, unknown });
      output.result(`${deliveries === 1 ? "1 delivery is" : `${deliveries} deliveries are`} ${done}`);
      if (unknown.length === 0) return 0;
      throw new DyncError("unknown-upload", `No delivery waits with the id ${unknown.join(", ")}`, {
        hint: '"dync-server hooks list" has those that wait: the others were delivered, or dropped',
      });
    },
  });

export const hooksRetryCommand = choiceCommand("retry", hooksRetryUsage, "told again now");
export const hooksDropCommand = choiceCommand("drop", hooksDropUsage, "dropped");

function choiceOf({ id, hook }: OptionValues<typeof choiceOptions>): WrittenChoice {
  return id.length > 0 ? { ids: id.map(readId) } : { hook: hook ?? null };
}

function choiceFaults({ values, switches, positionals, isComplete }: CommandLine) {
  const faults = positionals.flatMap((id) => faultsOf(() => readId(id)));
  if (!isComplete) return faults;
  const [hasIds, hasAll] = [positionals.length > 0, switches.includes("all")];
  const wrong = (message: string) => [...faults, new DyncError("usage", message)];
  if (hasIds && (hasAll || values.hook !== undefined))
    return wrong("Ids, or --all (of a --hook), and not both: who names deliveries means these");
  if (!hasIds && !hasAll) return wrong("Which deliveries? Say their ids, or --all, or --all --hook NAME");
  return faults;
}

/** Throws `DyncError` ("usage"). */
function readId(text: string): number {
  return unwrap(parseCount(text, 1, Number.MAX_SAFE_INTEGER), "The id of a delivery");
}

type Shown = v.InferOutput<typeof shownDeliveries>;

function tellDelivery(delivery: Shown, now: Date, output: Output): void {
  output.record("delivery", { ...delivery });
  const { id, hook, user, name, createdAt } = delivery;
  const begin = `${id}  `;
  const lines = [
    `${begin}${hook}  ${localTime(createdAt)}  ${printable(`${user}/${name}`)}`,
    `${" ".repeat(begin.length)}${printable(stateText(delivery, now))}`,
  ];
  for (const line of lines) output.row("", line);
}

function stateText({ state, attempts, nextAt, error }: Shown, now: Date): string {
  const failed = attempts === 0 ? "" : attempts === 1 ? "failed once" : `failed ${attempts} times`;
  const why = error === null ? "" : `: ${error}`;
  switch (state) {
    case "running":
      return `is being told${failed === "" ? "" : `, ${failed}`}${why}`;
    case "stuck":
      return `stuck, no such hook is configured${failed === "" ? "" : `; ${failed}`}${why}`;
    case "waiting":
      return failed === ""
        ? "waits for its turn"
        : `${failed}, next ${whenText(Date.parse(nextAt) - now.getTime())}${why}`;
  }
}

function whenText(waitMs: number): string {
  return waitMs <= 0 ? "now" : `in ${formatDuration(waitMs)}`;
}
