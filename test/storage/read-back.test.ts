// What was published is read again, and everything is found that somebody may do to it: each row does one thing to what lies there.

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  appendFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { FilesystemStorage } from "../../src/storage/filesystem.ts";
import type { StoredAs } from "../../src/storage/storage.ts";
import { parseSidecar } from "../../src/upload/sidecar.ts";
import type { Form, Layout } from "../../src/upload/upload.ts";
import { type TempFolder, tempFolder } from "../support/temp-folder.ts";
import { idOf, publishOne } from "./contract.ts";
import { everything, tarBytes } from "./dataset-world.ts";
import { openStorage } from "./open-storage.ts";

const destination = { folder: "anna", name: "run" };
const metadataText = '{"sample":"A1"}';

let folder: TempFolder;
let storage: FilesystemStorage;

beforeEach(async () => {
  folder = await tempFolder();
  storage = await openStorage(folder.path);
});
afterEach(async () => {
  await storage.close();
  await folder[Symbol.asyncDispose]();
});

const there = (...parts: readonly string[]) => join(folder.path, "anna", ...parts);

/** Publishes what is read again in these tests. */
async function publish(form: Form): Promise<StoredAs> {
  const whole = (text: string) => (form === "file" ? Buffer.from(text) : tarBytes(everything));
  const { sha256 } = await publishOne(storage, 1, "anna", "run", "content", { form, whole });
  const sidecar = parseSidecar(readFileSync(there("run.meta.json"), "utf8"));
  const content = sidecar?.contents?.list ?? sha256;
  return { id: idOf(1), form, sha256, content, size: sidecar?.size ?? null, metadataText };
}

async function readBack(stored: StoredAs): Promise<readonly string[]> {
  const flaws: string[] = [];
  const isThere = await storage.readBack(destination, stored, {
    pace: async () => {},
    flaw: async ({ kind, path, reason }) => void flaws.push(`${kind} ${path}: ${reason}`),
  });
  return isThere ? flaws : ["gone", ...flaws];
}

type Row = readonly [what: string, act: () => void, flaws: readonly string[]];
const gone = "it is not there";
const other = "its content is another one";
const says = "it says something else";

const beside = (form: Form): readonly Row[] => [
  ["nothing", () => {}, []],
  [
    "all taken away",
    () => {
      rmSync(there(), { recursive: true });
    },
    ["gone", `missing anna/run: ${gone}`],
  ],
  [
    "the data taken away",
    () => renameSync(there("run"), there("elsewhere")),
    ["gone", `missing anna/run: ${gone}`],
  ],
  ["the metadata taken away", () => rmSync(there("run.meta.json")), [`missing anna/run.meta.json: ${gone}`]],
  [
    "the metadata changed",
    () => {
      const text = readFileSync(there("run.meta.json"), "utf8");
      writeFileSync(there("run.meta.json"), text.replace('"A1"', '"A2"'));
    },
    [`damaged anna/run.meta.json: ${says}`],
  ],
  [
    "the metadata spoilt",
    () => writeFileSync(there("run.meta.json"), "{"),
    [`damaged anna/run.meta.json: ${says}`],
  ],
  [
    "another upload in its place",
    () => {
      const text = readFileSync(there("run.meta.json"), "utf8");
      writeFileSync(there("run.meta.json"), text.replace(idOf(1), idOf(2)));
    },
    ["gone", `missing anna/run: the upload ${idOf(2)} has its name now`],
  ],
  [
    "something else in its place",
    () => {
      rmSync(there("run"), { recursive: true });
      if (form === "file") mkdirSync(there("run"));
      else writeFileSync(there("run"), "");
    },
    [`damaged anna/run: it is no ${form === "file" ? "file" : "folder"}`],
  ],
];

const ofFiles: readonly Row[] = [
  ["a byte changed", () => writeFileSync(there("run"), "cOntent"), [`damaged anna/run: ${other}`]],
  [
    "a byte more",
    () => appendFileSync(there("run"), "s"),
    ["damaged anna/run: it has 8 bytes, stored were 7"],
  ],
  [
    "nothing in it",
    () => writeFileSync(there("run"), ""),
    ["damaged anna/run: it has 0 bytes, stored were 7"],
  ],
  ["the checksum taken away", () => rmSync(there("run.sha256")), [`missing anna/run.sha256: ${gone}`]],
  [
    "the checksum changed",
    () => writeFileSync(there("run.sha256"), ""),
    [`damaged anna/run.sha256: ${says}`],
  ],
  [
    "a link to the same bytes",
    () => {
      renameSync(there("run"), there("elsewhere"));
      symlinkSync(there("elsewhere"), there("run"));
    },
    ["damaged anna/run: it is no file"],
  ],
];

const lists = "damaged anna/run.sha256: it lists other files than were stored";

function ofDatasets(layout: Layout): readonly Row[] {
  const data = layout === "bagit" ? "data/" : "";
  const at = (path: string) => `anna/run/${data}${path}`;
  const inside = (path: string) => there("run", data, path);
  return [
    [
      "a byte changed",
      () => writeFileSync(inside("run/block"), "c"),
      [`damaged ${at("run/block")}: ${other}`],
    ],
    [
      "the first and the last taken away",
      () => {
        rmSync(inside("run/again"));
        rmSync(inside("unnamed"), { recursive: true });
      },
      [`missing ${at("run/again")}: ${gone}`, `missing ${at("unnamed/folders/on the way")}: ${gone}`],
    ],
    [
      "more in it, at all places of the order",
      () => {
        for (const path of ["a", "run/größe.1", "run/b", "run.txt", "zzz"]) writeFileSync(inside(path), "");
      },
      ["a", "run.txt", "run/b", "run/größe.1", "zzz"].map((it) => `extra ${at(it)}: it was not stored`),
    ],
    [
      "a folder in the place of a file",
      () => {
        rmSync(inside("run/small"));
        mkdirSync(inside("run/small"));
        writeFileSync(inside("run/small/x"), "");
      },
      [`missing ${at("run/small")}: ${gone}`, `extra ${at("run/small/x")}: it was not stored`],
    ],
    [
      "a link to the same bytes",
      () => {
        renameSync(inside("run/small"), there("elsewhere"));
        symlinkSync(there("elsewhere"), inside("run/small"));
      },
      [`damaged ${at("run/small")}: it is no file`],
    ],
    ["its list taken away", () => rmSync(there("run.sha256")), [`missing anna/run.sha256: ${gone}`]],
    [
      "its list taken away, and a file changed",
      () => {
        rmSync(there("run.sha256"));
        writeFileSync(inside("run/block"), "c");
      },
      [
        `missing anna/run.sha256: ${gone}`,
        "damaged anna/run: its files are others, which of them only its .sha256 could say",
      ],
    ],
    [
      "a file and its line changed alike",
      () => {
        const text = readFileSync(there("run.sha256"), "utf8");
        writeFileSync(inside("run/block"), "");
        const empty =
          text
            .split("\n")
            .find((it) => it.endsWith("/run/nothing"))
            ?.slice(0, 64) ?? "";
        writeFileSync(there("run.sha256"), text.replace(/^[0-9a-f]{64}(?= .*run\/block$)/m, empty));
      },
      [lists],
    ],
    [
      "the last line of its list taken away",
      () => {
        const text = readFileSync(there("run.sha256"), "utf8");
        writeFileSync(there("run.sha256"), text.replace(/[^\n]+\n$/, ""));
      },
      [`extra ${at("unnamed/folders/on the way")}: it was not stored`, lists],
    ],
  ];
}

const ofBags: readonly Row[] = [
  [
    "what describes the bag changed, taken away, and more beside it",
    () => {
      appendFileSync(there("run/bag-info.txt"), "x: y\n");
      rmSync(there("run/bagit.txt"));
      writeFileSync(there("run/note.txt"), "");
    },
    [
      `damaged anna/run/bag-info.txt: ${other}`,
      "extra anna/run/note.txt: it was not stored",
      `missing anna/run/bagit.txt: ${gone}`,
    ],
  ],
];

for (const [form, rows] of [
  ["file", ofFiles],
  ["plain", ofDatasets("plain")],
  ["bagit", [...ofDatasets("bagit"), ...ofBags]],
] as const)
  describe(`of ${form}`, () => {
    test.each([...beside(form), ...rows].map((it) => [...it] as const))("%s", async (what, act, flaws) => {
      const stored = await publish(form);
      act();
      const found = await readBack(stored);
      expect(what.startsWith("what describes") ? found.toSorted() : found).toEqual([...flaws]);
    });
  });

test("metadata of which nothing is known are not compared, nor is a member that has the name of ours", async () => {
  const stored = await publish("file");
  expect(await readBack({ ...stored, metadataText: null })).toEqual([]);
  expect(await readBack({ ...stored, metadataText: '{"_dync":1,"sample":"A1"}' })).toEqual([]);
  expect(await readBack({ ...stored, metadataText: '{"sample":"A2"}' })).toEqual([
    `damaged anna/run.meta.json: ${says}`,
  ]);
});

test("who reads sets the pace, and ends it", async () => {
  const stored = await publish("file");
  const paces: number[] = [];
  const flaw = async () => {};
  await storage.readBack(destination, stored, { pace: async (bytes) => void paces.push(bytes), flaw });
  expect(paces).toEqual([7]);
  const ended = storage.readBack(destination, stored, {
    pace: () => Promise.reject(new Error("enough")),
    flaw,
  });
  await expect(ended).rejects.toThrow("enough");
});

test("nothing is missing where the data folder as a whole is away", async () => {
  const stored = await publish("file");
  renameSync(folder.path, `${folder.path}-away`);
  try {
    await expect(readBack(stored)).rejects.toThrow();
  } finally {
    renameSync(`${folder.path}-away`, folder.path);
  }
});
