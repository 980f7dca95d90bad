// What dync says about what was given to it: names, metadata, command lines.

import type { Row } from "./row.ts";

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
];
