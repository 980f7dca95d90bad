// What a declaration of a message must keep to, whatever is added.

import { expect, test } from "bun:test";
import { AssertionError } from "../../src/base/assert.ts";
import { encodeClientMessage } from "../../src/protocol/wire/encode.ts";
import type { Field } from "../../src/protocol/wire/fields.ts";
import {
  clientMessages,
  commandNamed,
  type Fields,
  serverMessages,
} from "../../src/protocol/wire/message.ts";

const messages = Object.entries<Fields>({ ...clientMessages, ...serverMessages });

test.each(messages)("%s: nothing that must be there stands behind what may be left out", (_, fields) => {
  const optional = Object.values(fields).map(({ isOptional }) => isOptional);
  expect(optional).toEqual(optional.toSorted());
});

test.each(messages)("%s: a number that may be left out is wider than one that may not", (_, fields) => {
  const optional = Object.values(fields).filter(({ isOptional }) => isOptional);
  expect(optional.filter(({ content }) => content === "u32")).toEqual([]);
});

test("fields of one name are the same in the grammar", () => {
  const rules = new Map<string, Set<string>>();
  for (const { label, content, note } of messages.flatMap(([, fields]): Field<unknown>[] =>
    Object.values(fields),
  ))
    rules.set(label, (rules.get(label) ?? new Set()).add(`${content} ${note}`));
  expect([...rules].filter(([, said]) => said.size > 1)).toEqual([]);
});

test("a frame is not sent in the place of another", () => {
  expect(() => encodeClientMessage({ type: "query-status", tag: 1 })).toThrow(AssertionError);
});

test("a command is named by exactly its bytes", () => {
  const named = (name: string) => commandNamed(new TextEncoder().encode(name));
  for (const [command] of messages) expect(named(command)).toBe(command);
  for (const other of ["", "erro", "errors", "Error", "e".repeat(4096)]) expect(named(other)).toBeNull();
});
