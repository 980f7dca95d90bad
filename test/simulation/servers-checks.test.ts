// What the checks of several servers find in what a store is asked to make: without them a second publication with the same bytes would pass.

import { expect, test } from "bun:test";
import { descriptionOf } from "../storage/contract.ts";
import { ModelStore } from "./model-store.ts";
import { ServersChecks } from "./servers-checks.ts";

const [bytes, others] = [Buffer.from("content"), Buffer.from("another")];

function checkedStore(heedsConditions: boolean): ModelStore {
  const checks: ServersChecks = new ServersChecks(() => store);
  const store = new ModelStore({
    ...{ partBytesLeast: 1, heedsConditions, now: () => new Date(0), trace: () => {} },
    onMade: (key, object) => checks.onMade(key, object),
    onRemoved: (key) => checks.onRemoved(key),
  });
  return store;
}

function put(store: ModelStore, key: string, content: Uint8Array, upload: string): void {
  store.put(key, content, { "dync-upload": upload }, false);
}

test.each([
  ["by another upload, with the same bytes", bytes, "2", true, /published by 1, and again by 2/],
  ["with another content", others, "1", true, /and then with another content/],
  ["with the same bytes, in a store that heeds conditions", bytes, "1", true, /published twice by 1/],
] as const)("a file that is published again %s is found", (_how, content, upload, isHeeded, fault) => {
  const store = checkedStore(isHeeded);
  put(store, "anna/1.raw", bytes, "1");
  expect(() => put(store, "anna/1.raw", content, upload)).toThrow(fault);
});

test("a store that heeds no conditions may get the same bytes of the same upload again", () => {
  const store = checkedStore(false);
  put(store, "anna/1.raw", bytes, "1");
  put(store, "anna/1.raw", bytes, "1");
  expect(() => put(store, "anna/1.raw", bytes, "2")).toThrow(/and again by 2/);
});

test("a file that is published and then removed is found", () => {
  const store = checkedStore(true);
  put(store, "anna/1.raw", bytes, "1");
  expect(() => store.remove("anna/1.raw")).toThrow(/published, and then removed/);
});

test("a dataset changes until it is described, and not after that", () => {
  const store = checkedStore(true);
  const [member, upload] = ["anna/run/a", "1".repeat(32)];
  for (const content of [others, bytes]) put(store, member, content, upload);
  put(store, "anna/run/b", bytes, upload);
  store.remove("anna/run/b");
  const contents = { layout: "plain", files: 1, list: "0".repeat(64) } as const;
  const { metadataText } = descriptionOf(upload, "anna", "run", bytes, contents);
  store.put("anna/run.meta.json", Buffer.from(metadataText), {}, true);
  expect(() => put(store, member, others, upload)).toThrow(/with another content/);
  expect(() => put(store, "anna/run/b", bytes, upload)).toThrow(/appears in a dataset that is published/);
  expect(() => store.remove(member)).toThrow(/published, and then removed/);
});
