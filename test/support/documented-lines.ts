// The lines that the executables print for programs, judged by the schemas of doc/json.md: each has to be one of them, and what was seen of
// these is remembered.

import { expect } from "bun:test";
import { documentedSchemas, documentedValidators } from "./json-schemas.ts";
import { jsonLines, type ProgramEnd } from "./programs.ts";

export type Line = Readonly<Record<string, unknown>>;

const schemas = documentedSchemas;
/** What others say, or are told. */
const others = [
  "dync:common",
  "dync:job",
  "dync:hook",
  "dync:hook-answer",
  "dync:trouble",
  "dync:server-profile",
];
/** Needs a manager of services: test/support/service-steps.ts checks these; or an object store: test/e2e/s3.test.ts does. */
export const seenElsewhere = /^dync:(summary-service(-.*)?|log-line|orphan)$/;
/** Schemas of lines that the programs print. */
export const printed = schemas
  .map(({ $id }) => $id)
  .filter((id) => !others.includes(id) && !seenElsewhere.test(id));

export const valid = documentedValidators();
/** Ids of the schemas of which a line was seen. */
export const used = new Set<string>();

/** Schemas that the line may be one of, by its type. */
function candidates(line: Line): readonly string[] {
  if (line.type === undefined) return [line.message === "Upload finished" ? "dync:log-finished" : "dync:log"];
  const types = schemas.filter(({ properties }) => {
    const { type } = (properties ?? {}) as { readonly type?: { readonly const?: unknown } };
    return type?.const === line.type;
  });
  return types.map(({ $id }) => $id);
}

export function expectDocumented(line: Line): void {
  const matching = candidates(line).filter((id) => valid.get(id)?.(line) === true);
  if (matching.length === 0) {
    const [id = "none"] = candidates(line);
    throw new Error(
      `Not in doc/json.md: ${JSON.stringify(line)}; ${id}: ${JSON.stringify(valid.get(id)?.errors)}`,
    );
  }
  for (const id of matching) used.add(id);
}

/** Checks all lines of both outputs, and returns those of standard output. */
export function read({ stdout, stderr }: Pick<ProgramEnd, "stdout" | "stderr">): readonly Line[] {
  const lines = [stdout, stderr].map((output) => jsonLines(output));
  for (const line of lines.flat()) expectDocumented(line);
  const summaries = lines[0]?.filter(({ type }) => type === "summary") ?? [];
  expect(summaries).toHaveLength(1);
  expect(lines[0]?.at(-1)).toBe(summaries[0] as Line);
  return lines[0] ?? [];
}
