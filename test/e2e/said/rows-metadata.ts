// What dync says about metadata, and how it arrives.

import { resolve } from "node:path";
import { referenceMissing } from "../../support/reference.ts";
import type { Row } from "./row.ts";

/** A pyzmq client, which sends every name and all metadata as they are. */
const referenceClient = `/usr/bin/python3 -B ${resolve(import.meta.dir, "../../interop/reference_client.py")} --home $DYNC_HOME --port \${SERVER#*:} 127.0.0.1`;

export const rows: readonly Row[] = [
  {
    given: "a file and metadata, and all is well",
    files: { "well.raw": "data" },
    steps: [
      {
        type: "dync -k sample:S-17 $SERVER well.raw",
        stdout: ["3a6eb0790f39ac87c94f3856b2dd2c5d110e6811602261a9a923d3bb23adc8b7  well.raw"],
        stderr: ['Stored "well.raw": 4 B in ...'],
      },
    ],
  },
  {
    given: "no metadata",
    files: { "bare.raw": "data" },
    steps: [
      {
        type: "dync $SERVER bare.raw",
        stderr: [
          "dync: error: Metadata has no member, at least one is required",
          "dync: hint: give some with -m FILE or -k KEY:VALUE",
        ],
        exit: 6,
      },
    ],
    after: async ({ lab }) => lab.expectNothingStored("bare"),
  },
  {
    given: "a file that is sent before a terminal",
    files: { "seen.raw": 3_000_000 },
    terminal: true,
    steps: [
      {
        type: "dync -k sample:S-17 $SERVER seen.raw",
        stdout: ['Stored "seen.raw": 2.9 MiB in ...', /^[0-9a-f]{64} {2}seen\.raw$/],
      },
    ],
  },

  // Metadata that is valid JSON arrives as it left.
  {
    given: "64-bit ids, names that are numbers, and zeros behind the point",
    files: {
      "exact.raw": "data",
      "m.json": '{"10": 12345678901234567890,\n "2": [1.0, -0, 1E+400], "\\u0061": "\\u00e4"}',
    },
    steps: [
      { type: "dync -q -m m.json -k operator:Meyer $SERVER exact.raw" },
      {
        type: "head -n 9 $STORED/exact.raw.meta.json",
        stdout: [
          "{",
          '  "10": 12345678901234567890,',
          '  "2": [',
          "    1.0,",
          "    -0,",
          "    1E+400",
          "  ],",
          '  "\\u0061": "\\u00e4",',
          '  "operator": "Meyer",',
        ],
      },
    ],
  },
  {
    given: "the same from a client of another make",
    files: { "exact-raw.raw": "data", "m.json": '{"10": 12345678901234567890, "2": [1.0, 1E+400]}' },
    unless: referenceMissing,
    steps: [
      { type: `${referenceClient} -m m.json exact-raw.raw`, stdout: [/"outcome": "finished"/] },
      {
        type: "head -n 6 $STORED/exact-raw.raw.meta.json",
        stdout: ["{", '  "10": 12345678901234567890,', '  "2": [', "    1.0,", "    1E+400", "  ],"],
      },
    ],
  },
  {
    given: "a field that -m and -k give: -k counts, in the place of the other",
    files: { "over.raw": "data", "m.json": '{"z": 1, "a": 2}' },
    steps: [
      { type: "dync -q -m m.json -k z:3 $SERVER over.raw" },
      { type: "head -n 3 $STORED/over.raw.meta.json", stdout: ["{", '  "z": "3",', '  "a": 2,'] },
    ],
  },
  {
    given: "a name twice in one object",
    files: { "twice.raw": "data", "m.json": '{"runs": [{"id": 1}, {"id": 2, "id": 3}]}' },
    steps: [
      {
        type: "dync -m m.json $SERVER twice.raw",
        stderr: [
          'dync: error: The metadata file "m.json" gives "runs[1].id" twice in one object',
          "dync: hint: only one of two values could be kept; give each field once",
        ],
        exit: 6,
      },
    ],
    after: async ({ lab }) => lab.expectNothingStored("twice"),
  },
  {
    given: "a name twice in one object, from a client that does not look",
    files: { "twice-raw.raw": "data", "m.json": '{"a": 1, "b": {"c": 1, "c": 1}}' },
    unless: referenceMissing,
    steps: [
      {
        type: `${referenceClient} -m m.json twice-raw.raw`,
        stdout: [/"code": 422, .*field b\.c is given twice"/],
        exit: 1,
      },
    ],
    after: async ({ lab }) => lab.expectNothingStored("twice-raw"),
  },
  {
    given: "metadata in UTF-16, as PowerShell writes it",
    files: { "wide.raw": "data", "m.json": Buffer.from('\ufeff{"Ort": "Tübingen"}\r\n', "utf16le") },
    steps: [
      { type: "dync -q -m m.json $SERVER wide.raw" },
      { type: "sed -n 2p $STORED/wide.raw.meta.json", stdout: ['  "Ort": "Tübingen",'] },
    ],
  },
  {
    given: "a metadata file that is neither UTF-8 nor UTF-16",
    files: { "latin.raw": "data", "m.json": Buffer.from('{"Ort": "T\u00fcbingen"}', "latin1") },
    steps: [
      {
        type: "dync -m m.json $SERVER latin.raw",
        stderr: [
          'dync: error: The metadata file "m.json" is no UTF-8 text',
          "dync: hint: save it again as UTF-8",
        ],
        exit: 2,
      },
    ],
    after: async ({ lab }) => lab.expectNothingStored("latin"),
  },
  {
    given: "metadata on standard input, beside a FILE",
    files: { "piped-meta.raw": "data" },
    steps: [
      { type: `echo '{"sample": "S-17"}' | dync -q -m - $SERVER piped-meta.raw` },
      { type: "sed -n 2p $STORED/piped-meta.raw.meta.json", stdout: ['  "sample": "S-17",'] },
    ],
  },
  {
    given: "standard input for both, metadata and data",
    steps: [
      {
        type: `echo '{}' | dync -m - -n both.raw $SERVER -`,
        stderr: [
          "dync: error: Metadata and data cannot both come from standard input",
          "dync: hint: name a file after SERVER, or one after -m",
        ],
        exit: 2,
      },
    ],
  },
  {
    given: "metadata of 5,000 levels",
    files: { "deep.raw": "data", "m.json": `{"a": ${"[".repeat(5000)}${"]".repeat(5000)}}` },
    steps: [
      {
        type: "dync -m m.json $SERVER deep.raw",
        stderr: [
          'dync: error: The metadata file "m.json" is nested deeper than 64 levels',
          "dync: hint: is it the right file?",
        ],
        exit: 6,
      },
    ],
  },
  {
    given: "metadata above the limit",
    files: { "large-meta.raw": "data", "m.json": JSON.stringify({ spectrum: "x".repeat(300_000) }) },
    steps: [
      {
        type: "dync -m m.json $SERVER large-meta.raw",
        stderr: [
          "dync: error: Metadata of 300015 bytes, at most 262144 are allowed",
          "dync: hint: metadata describes the data; send large parts of it as a file of their own",
        ],
        exit: 6,
      },
    ],
  },
  {
    given: "one key twice with -k",
    files: { "x.raw": "data" },
    steps: [
      {
        type: "dync -k sample:S-17 -k sample:S-18 $SERVER x.raw",
        stderr: ['dync: error: Option "-k" is given twice for "sample"', "dync: hint: give each field once"],
        exit: 2,
      },
    ],
  },
  {
    given: "a script that was saved on Windows: a carriage return behind the value of -k",
    files: { "crlf.raw": "data" },
    steps: [
      { type: `dync -q $SERVER crlf.raw -k sample:S-17$'\r'` },
      { type: "sed -n 2p $STORED/crlf.raw.meta.json", stdout: ['  "sample": "S-17",'] },
    ],
  },
];
