// The state diagrams of the specification are those of the machines.

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { protocolPage, withDiagrams } from "../../build/diagrams.ts";

test("doc/protocol.md shows the tables as they are (bun build/diagrams.ts draws them anew)", () => {
  const page = readFileSync(protocolPage, "utf8");
  expect(page).toContain("stateDiagram-v2");
  expect(withDiagrams(page)).toBe(page);
});

test("both diagrams have all their states", () => {
  const page = withDiagrams("```mermaid\n%% server\n```\n\n```mermaid\n%% client\n```\n");
  for (const state of ["admitting", "hashing", "receiving", "draining", "finishing", "ended"]) {
    expect(page).toContain(` --> ${state}: `);
  }
  for (const state of ["offline", "posting", "asking", "sending", "confirming"])
    expect(page).toContain(` --> ${state}`);
});
