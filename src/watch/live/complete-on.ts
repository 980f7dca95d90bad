// When a run is complete of whose instrument nothing is known: as its sender says.

import type { Completion, CompletionRule } from "../completion.ts";
import { Seen } from "../condition.ts";
import { pathGlob } from "../path-glob.ts";

/** A run is complete when something is there that a glob means. Throws as `pathGlob`. */
export function completeOn(text: string): Pick<CompletionRule, "complete"> {
  const glob = pathGlob(text);
  return {
    complete: async (view): Promise<Completion> => {
      const sign = new Seen(view, []).first([glob]);
      if (sign !== null) return { type: "complete", outcome: "finished", sign };
      return { type: "waits", reason: "no-sign", detail: `it waits for ${text}` };
    },
  };
}

/** A run is complete, whatever is there. */
export const asItIs: Pick<CompletionRule, "complete"> = {
  complete: async () => ({ type: "complete", outcome: "finished", sign: "" }),
};
