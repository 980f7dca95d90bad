// What dync says about names and standard input, and about limits of the process.

import type { Row } from "./row.ts";

const isLinux = process.platform === "linux" ? null : "only Linux shows the bytes of arguments";

export const rows: readonly Row[] = [
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
        type: `: > log; dync --json -k id:1 -n we.raw $SERVER $'w\\xe9.raw' > log & until grep -q '"sent":[1-9]' log; do kill -0 $! || break; sleep 0.05; done; kill -KILL $!; wait $! 2> /dev/null`,
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
      ["a byte order mark", "\ufeffm.raw", "contains the invisible character U+FEFF", "m.raw"],
      ["a soft hyphen", "hy\u00adphen.raw", "contains the invisible character U+00AD", "hyphen.raw"],
      ["a filler", "fil\u3164ler.raw", "contains the invisible character U+3164", "filler.raw"],
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
          'dync: warning: Standard input is closed, or /dev/null: "null.raw" will have 0 bytes',
          "dync: hint: is a program missing before the pipe, or a file behind SERVER?",
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
          'dync: warning: Standard input is closed, or /dev/null: "closed.raw" will have 0 bytes',
          "dync: hint: ...",
        ],
      },
    ],
  },
  {
    given: "a program before the pipe that writes nothing",
    steps: [
      {
        type: "false | dync -q -k sample:S-17 -n nothing.raw $SERVER",
        stderr: [
          'dync: warning: Standard input was empty: "nothing.raw" is stored with 0 bytes',
          "dync: hint: did the program before the pipe fail? --stdin-from-command finds out",
        ],
      },
    ],
  },
  {
    given: "a program before the pipe that fails: the shell alone can tell",
    steps: [
      {
        type: "set -o pipefail; (echo half; exit 2) | dync -q -k sample:S-17 -n half.raw $SERVER",
        exit: 2,
      },
    ],
  },
  {
    given: "a program that dync runs itself",
    first: "mkdir run42; echo data > run42/1.raw",
    steps: [
      {
        type: "dync -q -k sample:S-17 --stdin-from-command -n run42.tar $SERVER -- tar -c run42; tar -tf $STORED/run42.tar",
        stdout: ["run42/", "run42/1.raw"],
      },
      {
        type: "dync -q -k sample:S-17 --stdin-from-command -n gone.tar $SERVER -- tar -c run42 gone; s=$?; ls $STORED/gone.tar; exit $s",
        stderr: [
          'dync: error: "tar" ended with status 2: tar: Exiting with failure status due to previous errors',
          "dync: hint: nothing was stored of it",
          "ls: cannot access ...",
        ],
        exit: 4,
      },
      {
        type: "dync -k sample:S-17 --stdin-from-command -n said.tar $SERVER -- sh -c 'echo half; echo one >&2; printf two >&2; kill -9 $$'",
        stderr: [
          "one",
          "two",
          'dync: error: "sh" was ended by SIGKILL: two',
          "dync: hint: nothing was stored of it",
        ],
        exit: 4,
      },
      {
        type: "dync -k sample:S-17 --stdin-from-command -n x.tar $SERVER -- no-such-program",
        stderr: ['dync: error: Cannot run "no-such-program": there is no such program'],
        exit: 4,
      },
      // One that was refused does not leave a program behind that nobody reads.
      {
        type: "dync -q -k sample:S-17 --stdin-from-command -n run42.tar $SERVER -- sh -c 'echo $$ > pid; exec yes' 2>&1 | cut -c 1-60; while kill -0 $(cat pid) 2>/dev/null; do :; done",
        stdout: ['dync: error: There is a file "run42.tar" on the server alrea', "dync: hint: ..."],
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
          'dync: hint: to send all of it as one dataset (its files one by one: -r): dync --dataset -k "operator:A. Meyer" 127.0.0.1:... "run 42/"',
        ],
        exit: 4,
      },
      {
        type: `eval "$(dync -k 'operator:A. Meyer' $SERVER 'run 42/' 2>&1 | sed -n 's/.*: dync/dync/p')"`,
        stdout: [/^[0-9a-f]{64} {2}run 42\.tar$/],
        stderr: ["..."],
      },
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
];
