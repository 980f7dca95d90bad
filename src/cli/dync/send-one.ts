// Sends one file or stream and shows how it gets on and ends. Used by `send` and `resume`.

import { DyncError } from "../../base/error.ts";
import type { Receipt } from "../../client/upload.ts";
import { formatDuration } from "../../config/duration.ts";
import { formatSize } from "../../config/size.ts";
import type { CommandContext } from "../command.ts";
import { printable } from "../printable.ts";
import { openProgress } from "../progress.ts";
import { otherNameHint } from "./name-on-server.ts";
import type { SendOptions } from "./send-options.ts";

/** Resolves when the server confirmed it, in every other case throws `DyncError`. */
export async function sendOne(
  request: SendOptions,
  context: CommandContext,
): Promise<Receipt & { seconds: number }> {
  const { output, clock, signal } = context;
  const { name } = request;
  // The network code comes in only here: --help and usage errors need none of it.
  const { sendFile } = await import("./send-file.ts");
  const startedAt = clock.now();
  const progress = openProgress({ name, output, clock });
  const receipt = await sendFile(request, { progress, output, clock }, signal)
    .catch((error) => {
      throw withOtherName(error, name);
    })
    .finally(() => progress.end());
  const elapsedMs = clock.now() - startedAt;
  const rate = formatSize((receipt.bytes * 1000) / Math.max(elapsedMs, 1));
  if (receipt.already) output.say(`Stored already: "${name}", the same content and metadata`);
  else output.say(`Stored "${name}": ${formatSize(receipt.bytes)} in ${elapsedText(elapsedMs)}, ${rate}/s`);
  // Two streams, one terminal: what happened is to be read before the checksum.
  await output.flush();
  // The line that `sha256sum -c` reads.
  if (!output.isQuiet) output.result(`${receipt.sha256}  ${printable(name)}`);
  return { ...receipt, seconds: elapsedMs / 1000 };
}

/** A server's word against a name comes with one that would do. */
function withOtherName(error: unknown, name: string): unknown {
  const isRefusal = error instanceof DyncError && (error.code === "forbidden" || error.code === "too-large");
  const hint = isRefusal && error.hint === undefined ? otherNameHint(name) : null;
  return hint === null
    ? error
    : new DyncError((error as DyncError).code, (error as DyncError).message, { cause: error, hint });
}

/** Short uploads are measured, long ones counted. */
function elapsedText(elapsedMs: number): string {
  return elapsedMs < 10_000 ? `${(elapsedMs / 1000).toFixed(1)} s` : formatDuration(elapsedMs);
}
