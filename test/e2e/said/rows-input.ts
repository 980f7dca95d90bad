// What dync says about what was given to it: names, metadata, command lines.

import { resolve } from "node:path";
import { referenceMissing } from "../../support/reference.ts";
import type { Row } from "./row.ts";

/** A pyzmq client, which sends every name and all metadata as they are. */
const referenceClient = `/usr/bin/python3 -B ${resolve(import.meta.dir, "../../interop/reference_client.py")} --home $DYNC_HOME --port \${SERVER#*:} 127.0.0.1`;

const isLinux = process.platform === "linux" ? null : "only Linux shows the bytes of arguments";

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

  // File names that are not UTF-8.
  {
    given: "a FILE whose name is not UTF-8, with -n",
    first: `echo data > $'m\\xe4r.raw'`,
    unless: isLinux,
    steps: [
      { type: `dync -q -k sample:S-17 -n mär.raw $SERVER $'m\\xe4r.raw'` },
      { type: "cat $STORED/mär.raw", stdout: ["data"] },
    ],
  },
  {
    given: "a FILE whose name is not UTF-8, without -n",
    first: `echo data > $'m\\xe4n.raw'`,
    unless: isLinux,
    steps: [
      {
        type: `dync -k sample:S-17 $SERVER $'m\\xe4n.raw'`,
        stderr: [
          'dync: error: The name of "m\\xe4n.raw" has the byte 0xe4, which is not UTF-8',
          'dync: hint: send it under another name: -n "män.raw"',
        ],
        exit: 2,
      },
    ],
  },
  {
    given: "a FILE whose name is not UTF-8 and that is not there",
    unless: isLinux,
    steps: [
      {
        type: `dync -k sample:S-17 $SERVER $'gone\\xff.raw'`,
        stderr: ['dync: error: Cannot read "gone\\xff.raw": there is no such file'],
        exit: 4,
      },
    ],
  },
  {
    given: "a name and a value of metadata that are not UTF-8",
    files: { "latin.raw": "data" },
    unless: isLinux,
    steps: [
      {
        type: `dync -k $'Ort:T\\xfcbingen' -n $'m\\xe4.raw' $SERVER latin.raw`,
        stderr: [
          'dync: error: The value of "-k", "Ort:T\\xfcbingen", has the byte 0xfc, which is not UTF-8',
          "dync: hint: write it in UTF-8: the terminal, or the script, uses another encoding",
          'dync: error: The value of "-n", "m\\xe4.raw", has the byte 0xe4, which is not UTF-8',
          "dync: hint: write it in UTF-8: the terminal, or the script, uses another encoding",
        ],
        exit: 2,
      },
    ],
    after: async ({ lab }) => lab.expectNothingStored("m\ufffd"),
  },

  {
    given: "a FILE whose name is not UTF-8, whose upload was cut: it is listed, and resume finds it again",
    server: ["--chunk", "16KiB", "--window", "1"],
    first: `truncate -s 60M $'w\\xe9.raw'`,
    unless: isLinux,
    steps: [
      {
        type: `dync --json -k id:1 -n we.raw $SERVER $'w\\xe9.raw' > log & until grep -q '"sent":[1-9]' log; do kill -0 $! || break; sleep 0.05; done; kill -KILL $!; wait $! 2> /dev/null`,
        exit: 137,
      },
      { type: "dync uploads | grep -o '\"[^ ]*\" as .we.raw.'", stdout: [/\/w\\xe9\.raw" as "we\.raw"$/] },
      { type: "dync -q resume", stderr: [] },
      { type: `cmp $'w\\xe9.raw' $STORED/we.raw` },
    ],
  },

  // A name is changed or refused.
  {
    given: "a folder in the name of -n",
    files: { "folder-name.raw": "data" },
    steps: [
      {
        type: "dync -k sample:S-17 -n a/b.raw $SERVER folder-name.raw",
        stderr: [
          'dync: error: Option "-n" needs a name without folders, found "a/b.raw"',
          "dync: hint: write -n b.raw",
        ],
        exit: 2,
      },
    ],
  },
  ...(
    [
      ["a colon", "12:00.raw", 'contains ":"', "12_00.raw"],
      ["255 bytes", `${"n".repeat(251)}.raw`, null, `${"n".repeat(236)}.raw`],
      ["a leading dash", "-9.raw", 'starts with "-"', "9.raw"],
      ["a character that nobody sees", "a\u200bb.raw", "contains the invisible character U+200B", "ab.raw"],
      ["a tag", "a\u{e0041}.raw", "contains the invisible character U+E0041", "a.raw"],
    ] as const
  ).map(
    ([what, name, fault, other]): Row => ({
      given: `a FILE whose own name the server refuses: ${what}`,
      files: { [name]: "data" },
      steps: [
        {
          type: `dync -k sample:S-17 $SERVER ./*.raw`,
          stderr: [
            fault === null
              ? "dync: error: File name of 255 bytes, at most 240 are allowed"
              : `dync: error: The file name ${fault}`,
            `dync: hint: send it under another name: -n ${other}`,
          ],
          exit: 7,
        },
        { type: `dync -q -k sample:S-17 -n ${other} $SERVER ./*.raw` },
      ],
    }),
  ),

  // Standard input, and folders.
  {
    given: "standard input that is /dev/null",
    steps: [
      {
        type: "dync -q -k sample:S-17 -n null.raw $SERVER < /dev/null",
        stderr: [
          'dync: warning: Standard input was empty: "null.raw" is stored with 0 bytes',
          "dync: hint: was it closed, /dev/null, or did the program before the pipe fail?",
        ],
      },
    ],
  },
  {
    given: "standard input that is closed",
    steps: [
      {
        type: "dync -q -k sample:S-17 -n closed.raw $SERVER <&-",
        stderr: [
          'dync: warning: Standard input was empty: "closed.raw" is stored with 0 bytes',
          "dync: hint: ...",
        ],
      },
    ],
  },
  {
    given: "a program before the pipe that fails, as the hint for folders has it",
    steps: [
      {
        type: "set -o pipefail; (echo half; exit 2) | dync -q -k sample:S-17 -n half.raw $SERVER",
        exit: 2,
      },
    ],
  },
  {
    given: "a folder",
    first: 'mkdir "run 42" "run 42/part"; echo data > "run 42/part/1.raw"',
    steps: [
      {
        type: 'dync -k "operator:A. Meyer" $SERVER "run 42/"',
        stderr: [
          'dync: error: Cannot send "run 42/": it is a folder, one file is wanted',
          'dync: hint: pack it: set -o pipefail; tar -c -- "run 42" | dync -k "operator:A. Meyer" -n "run 42.tar" 127.0.0.1:...',
        ],
        exit: 4,
      },
      {
        type: `eval "$(dync -k 'operator:A. Meyer' $SERVER 'run 42/' 2>&1 | sed -n 's/.*pack it: //p')"`,
        stdout: [/^[0-9a-f]{64} {2}run 42\.tar$/],
        stderr: ["..."],
      },
      { type: 'tar -t < "$STORED/run 42.tar"', stdout: ["run 42/", "run 42/part/", "run 42/part/1.raw"] },
    ],
  },

  // The runtime speaks instead of dync.
  ...(
    [
      ["data", "-d 600000", "data (ulimit -d) is 585 MiB, at least 2500 MiB are needed"],
      ["addresses", "-v 2500000", "addresses (ulimit -v) is 2441 MiB, at least 3000 MiB are needed"],
      ["open files", "-n 20", "open files (ulimit -n) is 20, at least 32 are needed"],
    ] as const
  ).map(
    ([what, limit, said]): Row => ({
      given: `too low a limit of ${what}`,
      files: { "limited.raw": "data" },
      unless: isLinux,
      steps: [
        {
          type: `ulimit ${limit}; dync -k sample:S-17 $SERVER limited.raw`,
          stderr: [`dync: error: The limit of this process's ${said}`, "dync: hint: raise it..."],
          exit: 2,
        },
        {
          type: `ulimit ${limit}; DYNC_HOME=${"$"}DYNC_HOME/server dync-server run --data . --port 0`,
          stderr: [
            "...",
            `dync-server: error: The limit of this process's ${said}`,
            "dync-server: hint: raise it...",
          ],
          exit: 2,
        },
      ],
      first: "DYNC_HOME=$DYNC_HOME/server dync-server keygen",
    }),
  ),

  // The command line.
  {
    given: "nothing",
    steps: [
      { type: "dync 2>&1 | head -n 1", stdout: ["Send a file, with its metadata, to a dync server."] },
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
          'dync: hint: run "dync --help" for the commands; to send to a server of that name: dync completion FILE -k KEY:VALUE',
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
        type: "dync -k sample:S-17 $SERVER *.raw",
        stderr: [
          'dync: error: Unexpected argument "b.raw": one file is sent at a time',
          "dync: hint: give the command once for each file",
        ],
        exit: 2,
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
];
