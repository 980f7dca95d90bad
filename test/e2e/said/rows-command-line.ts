// What dync says about command lines, and what it takes them to mean.

import type { Row } from "./row.ts";

export const rows: readonly Row[] = [
  // The command line.
  {
    given: "nothing",
    steps: [
      { type: "dync 2>&1 | head -n 1", stdout: ["Send files, with their metadata, to a dync server."] },
      { type: "dync 2> usage; tail -n 1 usage | grep -q 130", exit: 0 },
      { type: "dync 2> /dev/null", exit: 2 },
    ],
  },
  ...(
    [
      ["dync list", "list", "dync uploads"],
      ["dync uplaods", "uplaods", "dync uploads"],
      ["dync abort 1a2b3c4d", "abort", "dync cancel 1a2b3c4d"],
      ["dync upload -k sample:S-17 $SERVER x.raw", "upload", "dync send -k sample:S-17 127.0.0.1:... x.raw"],
    ] as const
  ).map(
    ([type, word, meant]): Row => ({
      given: `a command that is none: ${type}`,
      steps: [
        {
          type,
          stderr: [`dync: error: Unknown command "${word}"`, `dync: hint: did you mean: ${meant}`],
          exit: 2,
        },
      ],
    }),
  ),
  {
    given: "a command of other programs",
    steps: [
      {
        type: "dync completion bash",
        stderr: [
          'dync: error: Unknown command "completion"',
          "dync: hint: did you mean: dync completions bash",
        ],
        exit: 2,
      },
    ],
  },
  {
    given: "FILE before SERVER",
    files: { "order.raw": "data" },
    steps: [
      {
        type: "dync -k sample:S-17 order.raw dync.example.org",
        stderr: [
          'dync: error: "order.raw" is a file and comes after SERVER',
          "dync: hint: did you mean: dync -k sample:S-17 dync.example.org order.raw",
        ],
        exit: 2,
      },
    ],
  },
  {
    given: "FILE without SERVER",
    files: { "alone.raw": "data" },
    steps: [
      {
        type: "dync -k sample:S-17 alone.raw",
        stderr: [
          'dync: error: SERVER is missing, "alone.raw" is a file',
          "dync: hint: write the server before it: dync -k sample:S-17 SERVER alone.raw",
        ],
        exit: 2,
      },
    ],
  },
  {
    given: "a path with a blank that is not quoted",
    files: { "my run 42.raw": "data" },
    steps: [
      {
        type: "dync -k sample:S-17 $SERVER my run 42.raw",
        stderr: [
          'dync: error: The path "my run 42.raw" has a blank and needs quotes',
          'dync: hint: did you mean: dync -k sample:S-17 127.0.0.1:... "my run 42.raw"',
        ],
        exit: 2,
      },
    ],
  },
  {
    given: "a command line with five faults",
    steps: [
      {
        type: "dync --prot 1 -k sample -m gone.json -p 70000 --retry-for soon",
        stderr: [
          'dync: error: Unknown option "--prot"',
          'dync: hint: did you mean "--port"? Run "dync --help" for the options',
          'dync: error: Option "-k" needs KEY:VALUE, found "sample"',
          "dync: hint: write the key, a colon and the value: -k sample:S-17",
          'dync: error: Cannot read metadata file "gone.json": there is no such file',
          'dync: error: Option "--retry-for" needs a duration, found "soon"',
          "dync: hint: write a number with a unit: 90s, 15m, 24h, 7d",
          'dync: error: Option "--port" needs a whole number from 1 to 65535, found "70000"',
        ],
        exit: 2,
      },
    ],
  },
  {
    given: "a line of the server with four faults",
    steps: [
      {
        type: "dync-server run --memory much --chunk 1 --log-level loud --windwo 3",
        stderr: [
          'dync-server: error: Unknown option "--windwo"',
          'dync-server: hint: did you mean "--window"? Run "dync-server --help" for the options',
          'dync-server: error: Option "--memory" needs a size, found "much"',
          "dync-server: hint: ...",
          'dync-server: error: Option "--chunk" needs from 1024 to 16777216 bytes, found 1',
          'dync-server: error: Option "--log-level" needs one of ...',
        ],
        exit: 2,
      },
      {
        type: "dync-server run --memory much --log-level loud",
        stderr: [
          'dync-server: error: Option "--memory" needs a size, found "much"',
          "dync-server: hint: ...",
          'dync-server: error: Option "--log-level" needs one of ...',
        ],
        exit: 2,
      },
    ],
  },
  {
    given: "several files",
    files: { "a.raw": "data", "b.raw": "data", "c.raw": "data" },
    steps: [
      {
        type: "dync -k sample:S-17 $SERVER *.raw | sort",
        stdout: [/^[0-9a-f]{64} {2}a\.raw$/, /^[0-9a-f]{64} {2}b\.raw$/, /^[0-9a-f]{64} {2}c\.raw$/],
        stderr: [
          /^Stored "[abc]\.raw": 4 B in/,
          /^Stored "[abc]\.raw": 4 B in/,
          /^Stored "[abc]\.raw": 4 B in/,
          /^3 files: 3 stored \(12 B in/,
        ],
      },
      {
        type: "set -o pipefail; mkdir folder; dync -k sample:S-17 --jobs 1 $SERVER a.raw gone.raw folder b.raw 2>&1 | grep -v '^[0-9a-f]\\{64\\} '",
        stdout: [
          'Stored already: "a.raw", the same content and metadata',
          'dync: error: Cannot read "gone.raw": there is no such file',
          'dync: error: Cannot send "folder": it is a folder, one file is wanted',
          "dync: hint: --dataset sends a folder as one upload, -r its files one by one",
          'Stored already: "b.raw", the same content and metadata',
          "4 files: 2 stored already, 2 failed",
          '  "gone.raw": Cannot read "gone.raw": there is no such file',
          '  "folder": Cannot send "folder": it is a folder, one file is wanted',
          '"dync resume" goes on with the 2 that are left, "dync cancel ..." drops them',
        ],
        exit: 3,
      },
      {
        type: "set -o pipefail; dync -q -k sample:S-17 $SERVER a.raw gone.raw --json 2>/dev/null | tail -n 1",
        stdout: [
          /^\{"schema":1,"type":"summary","ok":false,"exit":3,"server":"127\.0\.0\.1","port":\d+,"files":2,"stored":0,"already":1,"failed":1,"stopped":0,"skipped":0,"notTried":0,"bytes":0,"seconds":[\d.]+,"failures":\[\{"path":"gone\.raw","name":"gone\.raw","code":"source","message":"Cannot read ..gone\.raw..: there is no such file"\}\]\}$/,
        ],
        exit: 3,
      },
    ],
  },
  {
    given: "an address as other programs have it",
    files: { "url.raw": "data" },
    steps: [
      {
        type: "dync -k sample:S-17 https://lab.example/data url.raw",
        stderr: [
          'dync: error: SERVER needs a host name or an address, found "https://lab.example/data"',
          "dync: hint: write lab.example",
        ],
        exit: 2,
      },
    ],
  },
  {
    given: "no metadata, and a FILE that is not there",
    steps: [
      {
        type: "dync $SERVER ./gone.raw",
        stderr: [
          "dync: error: Metadata has no member, at least one is required",
          "dync: hint: give some with -m FILE or -k KEY:VALUE",
          'dync: error: Cannot read "./gone.raw": there is no such file',
        ],
        exit: 6,
      },
    ],
  },
  {
    given: "a server that finds its port taken, and one whose address is not this machine's",
    first: "DYNC_HOME=other dync-server keygen",
    steps: [
      {
        type: `DYNC_HOME=other dync-server --data . --bind 127.0.0.1 --port \${SERVER#*:}`,
        stderr: [
          "...",
          /^dync-server: error: Port \d+ on 127\.0\.0\.1 is in use by another program$/,
          "dync-server: hint: stop that program, or choose another port with --port",
        ],
        exit: 5,
      },
      {
        type: "DYNC_HOME=other dync-server --data . --bind 192.0.2.1",
        stderr: [
          "...",
          "dync-server: error: 192.0.2.1 is not an address of this machine",
          "dync-server: hint: give one of its addresses with --bind, or * for all of them",
        ],
        exit: 5,
      },
    ],
  },
];
