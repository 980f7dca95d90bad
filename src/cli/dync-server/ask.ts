// How commands ask the running server.

import { resolve } from "node:path";
import type * as v from "valibot";
import { askServer } from "../../control/ask-server.ts";
import type { JsonObject } from "../../control/control-lines.ts";
import { dyncHome } from "../../keys/key-files.ts";
import type { CommandContext } from "../command.ts";

/** What the running server answers to `command`. */
export async function ask<T>(
  { environment, clock, signal }: Pick<CommandContext, "environment" | "clock" | "signal">,
  command: string,
  given: JsonObject,
  answer: v.GenericSchema<unknown, T>,
  onLine: (line: JsonObject) => void = () => {},
): Promise<T> {
  const home = resolve(dyncHome(environment));
  return await askServer({ home, command, arguments: given, answer, clock, signal, onLine });
}
