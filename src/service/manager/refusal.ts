// What a program of the system said when it would not do something, as an error.

import { cutText, sayingLines } from "../../base/cut-text.ts";
import { DyncError } from "../../base/error.ts";
import type { ToolEnd } from "../manager.ts";

/** An error for a tool that ended otherwise than with 0. */
export function refusal(what: string, { code, stdout, stderr }: ToolEnd, hint?: string): DyncError {
  const [words] = sayingLines(`${stderr}\n${stdout}`);
  const said = words === undefined ? `status ${code ?? "none"}` : cutText(words, 400);
  return new DyncError("failed", `${what}: ${said}`, { hint });
}
