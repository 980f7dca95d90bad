// Has the running server, where there is one, read the folder of keys: whoever is told of a change goes by it at once. What is in the
// folder counts without that too, a moment later.

import * as v from "valibot";
import { deadlineText } from "../../base/deadline.ts";
import { DyncError } from "../../base/error.ts";
import type { AuthorizedKey } from "../../keys/authorized-clients.ts";
import type { CommandContext } from "../command.ts";
import { ask } from "./ask.ts";

// The key is in its place, and people wait: a server that is stopped, or very busy, is not waited for longer.
const readWithinMs = 10_000;

const answer = v.object({
  keys: v.array(v.object({ fingerprint: v.string(), expires: v.optional(v.string()) })),
});

type Changed = Pick<AuthorizedKey, "fingerprint" | "expiresAt">;

/** Resolves when the running server lets `keys` in; it warns where that cannot be said. Rejects when the command is to stop. */
export async function readAsLetIn(keys: readonly Changed[], context: CommandContext): Promise<void> {
  await readAgain(keys, context, (told) =>
    keys.every(({ fingerprint, expiresAt }) => {
      const found = told.find((it) => it.fingerprint === fingerprint);
      return found !== undefined && found.expires === (expiresAt && deadlineText(expiresAt));
    }),
  );
}

/** Resolves when the running server lets `keys` in no more; it warns where that cannot be said. Rejects when the command is to stop. */
export async function readAsRemoved(keys: readonly Changed[], context: CommandContext): Promise<void> {
  await readAgain(keys, context, (told) => told.length === 0);
}

async function readAgain(
  keys: readonly Changed[],
  context: CommandContext,
  isAsWritten: (told: v.InferOutput<typeof answer>["keys"]) => boolean,
): Promise<void> {
  const { output, clock, signal } = context;
  const late = new AbortController();
  const cancel = clock.after(readWithinMs, () => {
    late.abort(new DyncError("timed-out", `The server said nothing for ${readWithinMs / 1000} s`));
  });
  try {
    const asking = { ...context, signal: AbortSignal.any([signal, late.signal]) };
    const fingerprints = keys.map(({ fingerprint }) => fingerprint);
    const told = await ask(asking, "clients read", { fingerprints }, answer);
    if (!isAsWritten(told.keys))
      output.warn("The running server does not go by that yet", "its log says what is wrong with a key file");
  } catch (error) {
    signal.throwIfAborted();
    // No server runs: the next one reads the folder as it starts.
    if (!(error instanceof DyncError) || error.code === "unavailable") return;
    output.warn(
      `The running server could not be told: ${error.message}`,
      "it looks at the folder by itself, within 30 s at most",
    );
  } finally {
    cancel();
  }
}
