// Writes what doc/protocol.md shows of tables, so that it cannot go stale: the grammar from the declarations of the messages,
// the state diagrams from what the machines obey. `bun build/protocol-page.ts` writes them, test/protocol/protocol-page.test.ts
// compares.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { clientTransitions } from "../src/protocol/client/client-states.ts";
import { serverTransitions } from "../src/protocol/server/server-states.ts";
import { lifeTransitions } from "../src/protocol/server/upload-life.ts";
import type { Field } from "../src/protocol/wire/fields.ts";
import { clientMessages, type Fields, serverMessages } from "../src/protocol/wire/message.ts";

type Transitions = Readonly<Record<string, { readonly [event: string]: readonly string[] | undefined }>>;

export const protocolPage = join(import.meta.dir, "..", "doc", "protocol.md");

/** `page` with the grammar and each diagram written anew between its fence and the next. */
export function withTables(page: string): string {
  const drawn = {
    life: diagram("life", lifeTransitions, "new", "over"),
    server: diagram("server", serverTransitions, "new", "ended"),
    client: diagram("client", clientTransitions, "offline", "ended"),
  };
  return page
    .replace(/```abnf\n[^`]*```/, () => `\`\`\`abnf\n${grammar().join("\n")}\n\`\`\``)
    .replaceAll(
      /```mermaid\n%% (life|server|client)\n[^`]*```/g,
      (_, side: keyof typeof drawn) => drawn[side],
    );
}

function grammar(): string[] {
  const tables: readonly { readonly [command: string]: Fields }[] = [clientMessages, serverMessages];
  const messages = new Map<string, Fields>(tables.flatMap((table) => Object.entries(table)));
  const fields = [...messages.values()].flatMap((message) => Object.values(message));
  // Fields with one label are one rule.
  const rules = Map.groupBy(fields, ruleName);
  return [
    "; A frame is FRAME(content). Frames in [ ] may be absent.",
    rule("client-message", Object.keys(clientMessages).join(" / ")),
    rule("server-message", Object.keys(serverMessages).join(" / ")),
    "",
    ...[...messages].map(([command, message]) => messageRule(command, Object.values(message))),
    "",
    ...[...rules].map(([name, [field]]) => rule(name, `FRAME(${field!.content})`, field!.note)),
    "",
    rule("u32", "4OCTET"),
    rule("u64", "8OCTET", "at most 2^53 - 1"),
    rule("json-object", "<RFC 8259 object as UTF-8>"),
  ];
}

function messageRule(command: string, fields: readonly Field<unknown>[]): string {
  const required = fields.filter((field) => !field.isOptional).map(ruleName);
  const optional = fields.filter((field) => field.isOptional);
  // Each one only behind the one before.
  const nested = optional.reduceRight((behind, field) => `  [ ${ruleName(field)}${behind} ]`, "");
  const members = optional.flatMap((field) => field.members ?? []);
  const note = members.length === 0 ? "" : `info: ${members.join(", ")}`;
  return rule(command, [`FRAME("${command}")`, ...required].join("  ") + nested, note);
}

function rule(name: string, content: string, note = ""): string {
  const line = `${name.padEnd(16)} = ${content}`;
  return note === "" ? line : `${line.padEnd(37)} ; ${note}`;
}

function ruleName(field: Field<unknown>): string {
  return field.label.replaceAll(" ", "-");
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

if (import.meta.main) writeFileSync(protocolPage, withTables(readFileSync(protocolPage, "utf8")));
