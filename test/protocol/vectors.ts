// Reads test/protocol/vectors/*.txt: frames as files, in a form that any language can read.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readJson } from "../../src/base/json-text.ts";

export interface Vector {
  readonly file: string;
  readonly name: string;
  readonly from: "client" | "server";
  readonly frames: readonly Uint8Array[];
  /** As JSON, bytes as hex; `null` for a vector with an error. */
  readonly message: { readonly [key: string]: unknown } | null;
  /** The text of its member `metadata`, whose numbers JavaScript would not keep. */
  readonly metadataText: string | null;
  readonly isCanonical: boolean;
  readonly error: number | null;
}

const folder = join(import.meta.dir, "vectors");

export function readVectors(): readonly Vector[] {
  return readdirSync(folder)
    .toSorted()
    .flatMap((file) => casesOf(file, readFileSync(join(folder, file), "utf8")));
}

/** A message with its bytes as hex, as in the files. */
export function plain(message: object): unknown {
  return JSON.parse(
    JSON.stringify(message, (_, value) =>
      value instanceof Uint8Array ? Buffer.from(value).toString("hex") : value,
    ),
  );
}

function casesOf(file: string, text: string): Vector[] {
  const lines = text.split("\n").filter((line) => !line.startsWith("#"));
  return lines
    .join("\n")
    .split(/\n{2,}/)
    .map((block) => block.split("\n").filter((line) => line !== ""))
    .filter((block) => block.length > 0)
    .map((block) => vectorOf(file, block));
}

function vectorOf(file: string, lines: readonly string[]): Vector {
  const fields = lines.map((line): [string, string] => {
    const at = line.indexOf(":");
    return [line.slice(0, at), line.slice(at + 1).trim()];
  });
  const field = (name: string): string | undefined => fields.find(([key]) => key === name)?.[1];
  const from = field("from");
  if (from !== "client" && from !== "server") throw new Error(`${file}: a case says who sends it`);
  const message = field("message");
  const error = field("error");
  return {
    file,
    name: field("name") ?? "",
    from,
    frames: fields
      .filter(([key]) => key === "frame")
      .map(([, hex]) => new Uint8Array(Buffer.from(hex, "hex"))),
    message: message === undefined ? null : JSON.parse(message),
    metadataText: message === undefined ? null : metadataOf(message),
    isCanonical: field("canonical") === "yes",
    error: error === undefined ? null : Number(error),
  };
}

function metadataOf(message: string): string | null {
  const reading = readJson(message);
  const members = (reading.type === "json" ? reading.content.members : null) ?? [];
  return members.find((it) => it.name === "metadata")?.value ?? null;
}
