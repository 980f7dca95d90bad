// YAML as the original reads it (1.1, by PyYAML), with the line of each member.

import { isCollection, isMap, isScalar, LineCounter, type Node, parseDocument } from "yaml";
import type { TomlReading } from "../toml.ts";
import type { TomlPath } from "../toml-lines.ts";

// What stands for something else many times over is no configuration.
const aliasesMax = 100;

/** Reads `text`; without YAML in it, says what is wrong first. */
export function readYaml(text: string): TomlReading {
  const counter = new LineCounter();
  const document = parseDocument(text, {
    version: "1.1",
    prettyErrors: false,
    lineCounter: counter,
    logLevel: "error",
    stringKeys: true,
  });
  const lineAt = (offset: number): number => Math.max(1, counter.linePos(offset).line);
  // What is warned of is a value of a type that nobody knows.
  const [fault] = [...document.errors, ...document.warnings];
  if (fault !== undefined) {
    // What a programmer could do about it is no help.
    const [text = ""] = fault.message.replace(/\s+/g, " ").split("; please use");
    return { ok: false, fault: { line: lineAt(fault.pos[0]), text } };
  }
  try {
    const value = document.toJS({ maxAliasCount: aliasesMax });
    return { ok: true, value, lineOf: (path) => lineAt(offsetOf(document.contents, path)) };
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error;
    return { ok: false, fault: { line: 1, text: error.message } };
  }
}

/** Where the member at `path`, or else what it would be in, stands in the text. */
function offsetOf(root: Node | null, path: TomlPath): number {
  let node: unknown = root;
  let offset = root?.range?.[0] ?? 0;
  for (const step of path) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => (isScalar(key) ? key.value : key) === step);
      if (pair === undefined) return offset;
      offset = (pair.key as Node | null)?.range?.[0] ?? offset;
      node = pair.value;
    } else {
      node = isCollection(node) ? node.get(step, true) : undefined;
      if (node === undefined) return offset;
      offset = (node as Node | null)?.range?.[0] ?? offset;
    }
  }
  return offset;
}
