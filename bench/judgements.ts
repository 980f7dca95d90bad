// How many uploads are judged by rules and a schema in a second on one core: what the server does before it begins one, without the
// network, the catalogue and the disk.

import { judge, type Post, type PostRules } from "../src/rules/judge.ts";
import { namePattern } from "../src/rules/linear-pattern.ts";
import { MetadataSchema } from "../src/rules/metadata-schema.ts";
import { readPathTemplate } from "../src/rules/path-template.ts";
import { defaultTerms, type UploadRule } from "../src/rules/upload-rules.ts";
import { noLimits } from "../src/rules/user-limits.ts";
import { align, median, range } from "./table.ts";

const judgementsPerRound = 20_000;
const beginning = { upload: "0".repeat(32), at: new Date() };

/** Returns the lines of a table. */
export async function judgementLines(
  rounds: number,
  progress: (text: string) => void,
): Promise<readonly string[]> {
  const rows = [["rules", "fields in the schema", "of these wrong", "judgements/CPU s", "min..max", ""]];
  for (const [rules, fields] of [
    [10, 12],
    [10, 100],
    [100, 12],
  ] as const) {
    const all = await rulesWith(rules, fields);
    for (const faults of [0, 5]) {
      progress(`${rules} rules, ${fields} fields, ${faults} faults`);
      const post = postWith(fields, faults);
      // The first one warms the code up.
      const rates = Array.from({ length: rounds + 1 }, () => rateOf(all, post, faults > 0)).slice(1);
      const figures = [median(rates).toFixed(0), range(rates, 0)];
      rows.push([String(rules), String(fields), String(faults), ...figures, ""]);
    }
  }
  return align(rows);
}

/** Judgements in a second of the processor's time, in one go. */
function rateOf(rules: PostRules, post: Post, isRefused: boolean): number {
  const before = process.cpuUsage();
  for (let count = 0; count < judgementsPerRound; count++) {
    const { type } = judge("anna", post, rules, beginning);
    if ((type === "refused") !== isRefused) throw new Error(`An upload was ${type}`);
  }
  const { user, system } = process.cpuUsage(before);
  return (judgementsPerRound / (user + system)) * 1_000_000;
}

/** The last of them takes what is posted, and has its metadata judged. */
async function rulesWith(count: number, fields: number): Promise<PostRules> {
  const names = Array.from({ length: fields }, (_, at) => `field ${at}`);
  const kinds = [
    { type: "string", pattern: "^P[0-9]{4}$", title: "number of the project" },
    { type: "integer", minimum: 1 },
    { enum: ["ms", "nmr", "seq"] },
    { type: "string", format: "date" },
  ];
  const properties = Object.fromEntries(names.map((name, at) => [name, kinds[at % kinds.length]]));
  const schema = await MetadataSchema.read(
    JSON.stringify({ type: "object", required: names, properties, additionalProperties: false }),
  );
  const pattern = (text: string) => ({ text, matches: namePattern(text, true) });
  const others = Array.from({ length: count - 1 }, (_, at): UploadRule => {
    const name = `rule ${at}`;
    return { name, files: [pattern(`run${at}_*.d`), pattern(`/^${at}[0-9]+_/`)], terms: defaultTerms };
  });
  const path = readPathTemplate("{meta.field 0}/{date:%Y-%m}/{user}/{name}");
  const last = { name: "the last", files: [pattern("*.raw")], schema, terms: { ...defaultTerms, path } };
  return { uploads: [...others, last], limits: noLimits };
}

function postWith(fields: number, faults: number): Post {
  const right = ["P1234", 7, "ms", "2026-07-30"];
  const values = Array.from({ length: fields }, (_, at) => [
    `field ${at}`,
    at < faults ? null : right[at % right.length],
  ]);
  const metadataText = JSON.stringify(Object.fromEntries(values));
  return { name: "run42.raw", metadataText, info: { size: 1_000_000 } };
}
