// What dync says about names that are taken, folders that cannot be published to, and uploads that others replaced.

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Place, Row } from "./row.ts";

const dataSha256 = "3a6eb0790f39ac87c94f3856b2dd2c5d110e6811602261a9a923d3bb23adc8b7";

/** Puts something beside what the server stored, as a pipeline would. */
function leave({ lab }: Place, name: string): void {
  mkdirSync(dirname(lab.stored(name)), { recursive: true });
  writeFileSync(lab.stored(name), "left over");
}

export const rows: readonly Row[] = [
  // Sent again, the same file is stored already.
  {
    given: "the same file and metadata once more",
    files: { "twice.raw": "data" },
    first: "dync -q -k sample:S-17 -k run:1 $SERVER twice.raw",
    steps: [
      {
        type: "dync -k run:1 -k sample:S-17 $SERVER twice.raw",
        stdout: [`${dataSha256}  twice.raw`],
        stderr: ['Stored already: "twice.raw", the same content and metadata'],
      },
      {
        type: "dync --json -q -k run:1 -k sample:S-17 $SERVER twice.raw",
        stdout: ["...", '{"schema":1,"type":"summary","ok":true,"exit":0,...,"already":true,...}'],
      },
      {
        type: "printf data | dync -q -k run:1 -k sample:S-17 -n twice.raw $SERVER",
      },
    ],
  },
  {
    given: "the same file with other metadata",
    files: { "corrected.raw": "data" },
    first: "dync -q -k sample:S-17 $SERVER corrected.raw",
    steps: [
      {
        type: "dync -k sample:S-18 $SERVER corrected.raw",
        stderr: [
          'dync: error: There is a file "corrected.raw" on the server already, with the same content and other metadata; nothing was changed',
          "dync: hint: give it another name, or leave it as it is",
        ],
        exit: 7,
      },
    ],
    after: async ({ lab }) => {
      if ((await lab.metadata("corrected.raw")).sample !== "S-17")
        throw new Error("The metadata was changed");
    },
  },
  {
    given: "another file of the same name",
    files: { "other.raw": "data" },
    first: "dync -q -k sample:S-17 $SERVER other.raw",
    steps: [
      {
        type: "printf Data > other.raw; dync --json -k sample:S-17 $SERVER other.raw",
        stdout: ["...", '{"schema":1,"type":"summary","ok":false,"exit":7,...}'],
        stderr: [
          `{"schema":1,"type":"error","code":"name-taken","message":"There is a file \\"other.raw\\" on the server already, with other content: 4 bytes with SHA-256 ${dataSha256}","hint":"give it another name, or leave it as it is","exit":7}`,
        ],
        exit: 7,
      },
    ],
  },

  // What is said of a name is true.
  {
    given: "a name of which only a leftover of its metadata is there",
    files: { "z.raw": "data" },
    before: async (place) => leave(place, "z.raw.meta.json"),
    steps: [
      {
        type: "dync -k sample:S-17 $SERVER z.raw",
        stderr: [
          'dync: error: There is a file "z.raw.meta.json" on the server already, and "z.raw" needs that name for its metadata',
        ],
        exit: 7,
      },
    ],
  },
  {
    given: "a name that differs from one that is there in its letters' case and form only",
    files: { "Straße.raw": "data", "STRASSE.raw": "data" },
    first: "dync -q -k sample:S-17 $SERVER STRASSE.raw",
    steps: [
      {
        type: "dync -k sample:S-17 $SERVER Straße.raw",
        stderr: [
          'dync: error: There is a file "STRASSE.raw" on the server already, and "Straße.raw" counts as the same name',
        ],
        exit: 7,
      },
    ],
  },
  {
    given: "a file whose checksum's name is taken by one that was sent before",
    files: { "pair.raw": "data", "pair.raw.sha256": "sum" },
    first: "dync -q -k sample:S-17 $SERVER pair.raw.sha256",
    steps: [
      {
        type: "dync -k sample:S-17 $SERVER pair.raw",
        stderr: [
          'dync: error: There is a file "pair.raw.sha256" on the server already, and "pair.raw" needs that name for its checksum',
        ],
        exit: 7,
      },
    ],
  },
  {
    given: "a user's folder that is a file",
    files: { "late.raw": "data" },
    ownServer: true,
    before: async ({ lab }) => writeFileSync(lab.stored(""), "no folder"),
    steps: [
      {
        type: "dync -k sample:S-17 $SERVER late.raw",
        stderr: [
          "dync: error: The file could not be looked up on the server: a file is in the place of a folder (ENOTDIR); its administrator has to mend that",
        ],
        exit: 1,
      },
    ],
  },

  // What another upload replaced is gone here when it is gone there.
  {
    given: "dync cancel for an upload that a newer one replaced",
    files: { "old.raw": 40_000_000 },
    ownServer: true,
    first: [
      // Stopped in its midst, and then sent from another computer, which knows nothing of that.
      "(dync -q -k sample:S-17 $SERVER old.raw & sleep 0; until ls $DYNC_HOME/uploads/*.json; do :; done; kill -9 $!) || true",
      "mkdir $HOME/elsewhere; cp $DYNC_HOME/*.key* $HOME/elsewhere; chmod 700 $HOME/elsewhere",
      "printf newer > new.raw; DYNC_HOME=$HOME/elsewhere dync -q -k sample:S-17 -n old.raw $SERVER new.raw",
    ].join("\n"),
    steps: [
      { type: "dync cancel $(ls $DYNC_HOME/uploads | cut -c 1-8 | head -n 1)", stderr: ["Dropped ..."] },
      { type: "dync uploads", stderr: ["Nothing is unfinished"] },
    ],
  },
];
