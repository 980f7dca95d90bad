// The rules of a server's file with the schemas that they name, which are files of their own.

import { createHash } from "node:crypto";
import { DyncError } from "../../base/error.ts";
import { termsOf } from "../../config/rule-terms.ts";
import { type RuleRow, usersOf } from "../../config/rules-table.ts";
import type { ServerFile } from "../../config/server-file.ts";
import type { FileReading, MemberFault } from "../../config/table.ts";
import type { MetadataSchema } from "../../rules/metadata-schema.ts";
import type { UploadRule } from "../../rules/upload-rules.ts";
import { readSettingsFile } from "../settings-file.ts";
import { groupNumber } from "./system-groups.ts";

export interface ReadRules {
  /** `null`: everything is taken. */
  readonly rules: readonly UploadRule[] | null;
  readonly faults: readonly MemberFault[];
  /** Another one whenever the rules, or what their schemas say, are others. */
  readonly digest: string;
}

export const noRules: ReadRules = { rules: null, faults: [], digest: "" };

const schemaBytesMax = 1024 * 1024;

/** Reads each schema once, however many rules name it. */
export async function readUploadRules({
  value: file,
  lineOf,
}: Extract<FileReading<ServerFile>, { ok: true }>): Promise<ReadRules> {
  if (file.rules === null) return noRules;
  const digest = createHash("sha256").update(file.rulesText);
  const schemas = new Map<string, MetadataSchema | DyncError>();
  const faults: MemberFault[] = [];
  const rules: UploadRule[] = [];
  for (const [index, row] of file.rules.entries()) {
    let schema: MetadataSchema | undefined;
    if (row.schema !== undefined) {
      const read = schemas.get(row.schema) ?? (await readSchema(row.schema, (text) => digest.update(text)));
      schemas.set(row.schema, read);
      if (read instanceof DyncError) faults.push(schemaFault(read, row.schema, index, lineOf));
      else schema = read;
    }
    const group = typeof row.group === "string" ? await groupNumber(row.group) : (row.group ?? null);
    if (group === null && row.group !== undefined) faults.push(groupFault(row.group, index, lineOf));
    rules.push({ ...ruleOf(row, group), users: usersOf(row, file.groups), schema });
  }
  return { rules, faults, digest: digest.digest("hex") };
}

function groupFault(
  group: string | number,
  index: number,
  lineOf: (path: readonly (string | number)[]) => number,
): MemberFault {
  const text = `needs a group of this system, found ${JSON.stringify(group)}`;
  return { line: lineOf(["rules", index, "group"]), member: `rules[${index + 1}].group`, text };
}

function ruleOf(row: RuleRow, group: number | null): UploadRule {
  const { name, files, datasets, barcode, metadata } = row;
  return { name, files, datasets, barcode, metadata, terms: termsOf(row, group) };
}

async function readSchema(path: string, onText: (text: string) => void): Promise<MetadataSchema | DyncError> {
  try {
    const file = readSettingsFile(path, schemaBytesMax);
    if (file === null) return new DyncError("configuration", "is not there");
    onText(file.text);
    // What it takes is much, and most servers have none.
    const { MetadataSchema } = await import("../../rules/metadata-schema.ts");
    return await MetadataSchema.read(file.text);
  } catch (error) {
    if (error instanceof DyncError) return error;
    throw error;
  }
}

function schemaFault(
  { message }: DyncError,
  path: string,
  index: number,
  lineOf: (path: readonly (string | number)[]) => number,
): MemberFault {
  const text = message.includes(path) ? message : `${path} ${message}`;
  return { line: lineOf(["rules", index, "schema"]), member: `rules[${index + 1}].schema`, text };
}
