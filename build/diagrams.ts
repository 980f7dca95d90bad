// Draws the state diagrams of doc/protocol.md from the tables that the machines obey, so that they cannot go stale:
// `bun build/diagrams.ts` writes them, test/protocol/diagrams.test.ts compares.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { clientTransitions } from "../src/protocol/client-states.ts";
import { serverTransitions } from "../src/protocol/server-states.ts";
import { lifeTransitions } from "../src/protocol/upload-life.ts";

type Transitions = Readonly<Record<string, { readonly [event: string]: readonly string[] | undefined }>>;

export const protocolPage = join(import.meta.dir, "..", "doc", "protocol.md");

/** `page` with each diagram drawn anew between its fence and the next. */
export function withDiagrams(page: string): string {
  const drawn = {
    life: diagram("life", lifeTransitions, "new", "over"),
    server: diagram("server", serverTransitions, "new", "ended"),
    client: diagram("client", clientTransitions, "offline", "ended"),
  };
  return page.replaceAll(
    /```mermaid\n%% (life|server|client)\n[^`]*```/g,
    (_, side: keyof typeof drawn) => drawn[side],
  );
}

function diagram(side: string, transitions: Transitions, start: string, end: string): string {
  const lines = ["```mermaid", `%% ${side}`, "stateDiagram-v2", `  [*] --> ${start}`];
  for (const [state, events] of Object.entries(transitions)) {
    for (const [next, labels] of edgesOf(state, events))
      lines.push(`  ${state} --> ${next}: ${labels.join(", ")}`);
  }
  lines.push(`  ${end} --> [*]`, "```");
  return lines.join("\n");
}

// One edge for each pair of states; what leaves the state as it is would hide the rest, so it is left out.
function edgesOf(state: string, events: Transitions[string]): Map<string, string[]> {
  const edges = new Map<string, string[]>();
  for (const [event, nexts] of Object.entries(events ?? {})) {
    for (const next of nexts ?? []) {
      if (next !== state) edges.set(next, [...(edges.get(next) ?? []), event]);
    }
  }
  return edges;
}

if (import.meta.main) writeFileSync(protocolPage, withDiagrams(readFileSync(protocolPage, "utf8")));
