// What is said over the control socket: lines of JSON, one object each. Who connects asks one thing; the server tells as many
// lines as there are, then how it ended, and closes.
//
//   > {"schema":1,"command":"reload","arguments":{}}
//   < {"schema":1,"type":"line","value":{…}}                              none, one or many
//   < {"schema":1,"type":"answer","value":{…}}                            or else:
//   < {"schema":1,"type":"error","code":"usage","message":"…","hint":"…"}

import type { Socket } from "node:net";
import * as v from "valibot";
import { DyncError, type ErrorCode, errorMeanings } from "../base/error.ts";

/** The longest line of either side, in characters: metadata as a text within JSON, and more. */
export const lineCharsMax = 1024 * 1024;

/** An object of JSON. */
export type JsonObject = Readonly<Record<string, unknown>>;

const objects = v.record(v.string(), v.unknown());
const requests = v.object({
  schema: v.literal(1),
  command: v.string(),
  arguments: v.optional(objects, {}),
});
const codes = Object.keys(errorMeanings) as [ErrorCode, ...ErrorCode[]];
const answers = v.variant("type", [
  v.object({ schema: v.literal(1), type: v.literal("line"), value: objects }),
  v.object({ schema: v.literal(1), type: v.literal("answer"), value: objects }),
  v.object({
    schema: v.literal(1),
    type: v.literal("error"),
    code: v.picklist(codes),
    message: v.string(),
    hint: v.optional(v.string()),
  }),
]);

export type ControlRequest = v.InferOutput<typeof requests>;
export type ControlAnswer = v.InferOutput<typeof answers>;

/** Throws `DyncError` ("malformed"). */
export function readRequest(line: string): ControlRequest {
  return read(line, requests);
}

/** Throws `DyncError` ("malformed"). */
export function readAnswer(line: string): ControlAnswer {
  return read(line, answers);
}

function read<T>(line: string, schema: v.GenericSchema<unknown, T>): T {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw new DyncError("malformed", "The control socket got a line that is no JSON", { cause });
  }
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  throw new DyncError("malformed", "The control socket got a line that says nothing it knows");
}

/**
 * The lines of a socket, each without its end; what stands behind the last one is none. Rejects where one is too long, or
 * the socket fails.
 */
export async function* linesOf(socket: Socket): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of socket as AsyncIterable<Uint8Array>) {
    text += decoder.decode(bytes, { stream: true });
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n")) {
      const line = text.slice(0, end);
      text = text.slice(end + 1);
      yield line;
    }
    if (text.length > lineCharsMax)
      throw new DyncError("malformed", "The control socket got too long a line");
  }
}
