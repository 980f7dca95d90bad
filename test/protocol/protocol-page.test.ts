// The grammar and the state diagrams of the specification are those that the code obeys.

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { protocolPage, withTables } from "../../build/protocol-page.ts";

test("doc/protocol.md shows the tables as they are (bun build/protocol-page.ts writes them anew)", () => {
  const page = readFileSync(protocolPage, "utf8");
  expect(page).toContain("stateDiagram-v2");
  expect(page).toContain("```abnf");
  expect(withTables(page)).toBe(page);
});

test("the grammar has what is declared", () => {
  const page = withTables("```abnf\n```\n");
  for (const line of [
    'query-status     = FRAME("query-status")  [ seek  [ tag  [ info ] ] ] ; info: priority, waits, window, stored',
    'upload-approved  = FRAME("upload-approved")  credit  chunksize  maxqueue  [ info ] ; info: server, upload, tags, farewell, unpack, names, priority, stored, removes',
    "file-name        = FRAME(1*240OCTET)  ; UTF-8, a single name without folders",
  ]) {
    expect(page.split("\n")).toContain(line);
  }
});

test("both diagrams have all their states", () => {
  const page = withTables("```mermaid\n%% server\n```\n\n```mermaid\n%% client\n```\n");
  for (const state of ["admitting", "hashing", "receiving", "draining", "finishing", "ended"]) {
    expect(page).toContain(` --> ${state}: `);
  }
  for (const state of ["offline", "posting", "asking", "sending", "confirming"])
    expect(page).toContain(` --> ${state}`);
});
