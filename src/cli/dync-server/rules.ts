// `dync-server rules test`: what would become of an upload by the rules of the configuration, without sending anything.

import { assert } from "../../base/assert.ts";
import { DyncError, errorCodeFromWire } from "../../base/error.ts";
import { rulesFor } from "../../config/server-settings.ts";
import { parseSize } from "../../config/size.ts";
import { storedName } from "../../protocol/wire/stored-name.ts";
import type { WhenTaken } from "../../rules/upload-rules.ts";
import { destinationOf, pathOf } from "../../upload/destination.ts";
import { sharedOptions } from "../args.ts";
import { defineCommand } from "../command.ts";
import { loadMembers, metadataFaults, metadataOf } from "../metadata-file.ts";
import { optionText, unwrap, usageError } from "../option-value.ts";
import { printable } from "../printable.ts";
import { givenOptions, readConfiguration } from "./configuration.ts";
import { rulesTestUsage } from "./usage-config.ts";

const existingTexts: Readonly<Record<WhenTaken, string>> = {
  refuse: "refused where that is taken",
  number: "with a number where that is taken",
  identical: "confirmed where the same file lies there",
};

export const rulesTestCommand = defineCommand({
  name: "rules test",
  usage: rulesTestUsage,
  options: {
    ...sharedOptions,
    config: { type: "string" },
    user: { type: "string", required: true, missingHint: "say who would send it" },
    name: { type: "string", alias: "n", required: true, missingHint: "say what it would be called" },
    size: { type: "string" },
    dataset: { type: "boolean" },
    metadata: { type: "string", alias: "m" },
    "key-value": { type: "string", alias: "k", repeat: true },
    json: { type: "boolean" },
  },
  check: ({ values }) => ({
    misread: null,
    others: [
      ...sizeFaults(values.size?.[0]),
      ...metadataFaults(values.metadata?.[0], values["key-value"] ?? []),
    ],
  }),
  async run({ config, user, name, size, dataset, metadata, "key-value": pairs }, context) {
    const { output, environment } = context;
    const configuration = await readConfiguration(givenOptions({ config }, context), environment);
    const { file, limits } = configuration;
    const rules = rulesFor(configuration.rules, limits, user);
    const metadataText = metadataOf(loadMembers(metadata, pairs));
    // What it takes is much, and no other command of these wants it.
    const { judge } = await import("../../rules/judge.ts");
    const announced = size === undefined ? {} : { size: unwrap(parseSize(size), optionText("size")) };
    const info = { ...(dataset ? { unpack: "tar" as const } : {}), ...announced };
    // Nothing begins: it has no id.
    const beginning = { upload: "UPLOAD-ID", at: new Date() };
    const judgement = judge(user, { name, metadataText, info }, rules, beginning);
    output.summarise({ file, rules: rules.uploads?.length ?? null });
    const refusal = judgement.type === "refused" ? judgement.refusal : judgement.held;
    if (refusal !== null) {
      const isHeld = judgement.type === "accepted";
      output.summarise({ held: isHeld });
      const before = isHeld ? "Its bytes are taken, and held until its metadata are put right. " : "";
      throw new DyncError(errorCodeFromWire(refusal.code), before + refusal.text);
    }
    assert(judgement.type === "accepted", "what is not refused is accepted");
    const { rule, place, terms } = judgement;
    const path = pathOf(destinationOf({ user, name: storedName({ name, info }), place }));
    output.summarise({ rule, path, existing: terms.existing });
    const taken = rule === null ? "Taken: there are no rules" : `Taken by the rule ${JSON.stringify(rule)}`;
    output.result(
      printable(`${taken}, stored as ${JSON.stringify(path)} (${existingTexts[terms.existing]})`),
    );
    return 0;
  },
});

function sizeFaults(text: string | undefined): readonly DyncError[] {
  const parsed = text === undefined ? null : parseSize(text);
  return parsed === null || parsed.ok ? [] : [usageError(parsed.fault, optionText("size"))];
}
