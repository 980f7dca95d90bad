// What dync says about the file itself: one that changes, has no size, cannot be read, or is standard input; and about
// the state that it keeps of an upload.

import { readFileSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { straceMissing } from "../../support/system-calls.ts";
import type { Row } from "./row.ts";

/**
 * Types a command that sends `run.raw` (20 MB of nothing), slowly by `--limit` and not by small chunks, which would cost processor time, and runs `edit` once, when a part of it is
 * sent. What follows on standard output is the exit status.
 */
function whileSending(command: string, edit: string): string {
  return [
    `edit() { ${edit}; }`,
    `{ ${command}; echo "exit $?"; } |`,
    "while read -r line; do case $line in",
    `  *'"sent":0,'*) ;;`,
    `  *'"sent":'*) [ -e edited ] || { touch -r run.raw edited; edit; } ;;`,
    `  exit*) echo "$line" ;;`,
    "esac; done",
  ].join("\n");
}

// Dirties a page, and later writes to it again, which by itself leaves no trace in the times of the file.
const mapper = `
import mmap
with open("run.raw", "r+b") as file:
    pages = mmap.mmap(file.fileno(), 0)
    pages[0] = 1
    open("ready", "w").close()
    open("go").read()
    pages[1] = 1
    open("done", "w").close()
`;

const memoryMapsHide = !Bun.which("python3")
  ? "python3 is missing"
  : process.platform !== "linux" || statfsSync(tmpdir()).type === 0x01021994
    ? "a file system in memory never shows such writes"
    : null;

const secretly = "printf X | dd of=run.raw conv=notrunc status=none; touch -r edited run.raw";
const jsonError = (message: string) =>
  `{"schema":1,"type":"error","code":"source-changed","message":"${message.replaceAll('"', '\\"')}",...,"exit":4}`;

const manual = readFileSync(join(import.meta.dir, "../../../doc/operations.md"), "utf8");
const checkStored = /`cd \/srv\/dync\/meyer && (.*sha256sum -c.*)`/.exec(manual)?.[1];

export const rows: readonly Row[] = [
  {
    given: "a file with a time",
    first: "echo data > old.raw; touch -d 2020-01-02T03:04:05.678901234Z old.raw",
    steps: [
      {
        type: "dync -q -k a:b $SERVER old.raw; date -u -r $STORED/old.raw +%FT%T.%6N; grep modified $STORED/old.raw.meta.json",
        stdout: [/^2020-01-02T03:04:05\.67890[12]$/, '    "modified": "2020-01-02T03:04:05.678901234Z",'],
      },
      {
        type: "dync -q -k a:b -n old-redirected.raw $SERVER < old.raw; grep modified $STORED/old-redirected.raw.meta.json",
        stdout: ['    "modified": "2020-01-02T03:04:05.678901234Z",'],
      },
      {
        type: "cat old.raw | dync -q -k a:b -n old-piped.raw $SERVER; grep modified $STORED/old-piped.raw.meta.json",
        stdout: ['    "modified": null,'],
      },
    ],
  },
  {
    given: "a file that is rewritten while it is sent, with its old time restored",
    first: "truncate -s 20M run.raw",
    steps: [
      {
        type: whileSending("dync --limit 8MB/s --json -k a:b -n secretly.raw $SERVER run.raw", secretly),
        stdout: ["exit 4"],
        stderr: [jsonError('"run.raw" changed while it was sent: it was written to')],
      },
    ],
    after: async ({ lab }) => lab.expectNothingStored("secretly"),
  },
  {
    given: "a file that another one replaces while it is sent",
    first: "truncate -s 20M run.raw other.raw",
    steps: [
      {
        type: whileSending(
          "dync --limit 8MB/s --json -k a:b -n replaced.raw $SERVER run.raw",
          "mv other.raw run.raw",
        ),
        stdout: ["exit 4"],
        stderr: [jsonError('"run.raw" changed while it was sent: another file has its name now')],
      },
    ],
    after: async ({ lab }) => lab.expectNothingStored("replaced"),
  },
  {
    given: "a file that is written to through a memory map, on a page that was dirty already",
    files: { "map.py": mapper },
    first: "truncate -s 20M run.raw; mkfifo ready go done",
    steps: [
      {
        type: `python3 map.py & read -r x < ready
${whileSending("dync --limit 8MB/s --json -k a:b -n mapped.raw $SERVER run.raw", "echo > go; read -r x < done")}`,
        stdout: ["exit 4"],
        stderr: [jsonError('"run.raw" changed while it was sent: it was written to')],
      },
    ],
    after: async ({ lab }) => lab.expectNothingStored("mapped"),
    unless: memoryMapsHide,
  },
  {
    given: "a file that only gets other permissions while it is sent",
    first: "truncate -s 20M run.raw",
    steps: [
      {
        type: whileSending(
          "dync --limit 8MB/s --json -k a:b -n permitted.raw $SERVER run.raw",
          "chmod 600 run.raw",
        ),
        stdout: ["exit 0"],
      },
    ],
  },
  {
    given: "a file as standard input that is rewritten while it is sent",
    first: "truncate -s 20M run.raw",
    steps: [
      {
        type: whileSending("dync --limit 8MB/s --json -k a:b -n watched.raw $SERVER < run.raw", secretly),
        stdout: ["exit 4"],
        stderr: [jsonError("The standard input changed while it was sent: it was written to")],
      },
    ],
    after: async ({ lab }) => lab.expectNothingStored("watched"),
  },
  {
    given: "a file as standard input of which somebody read the beginning already",
    files: { "lines.txt": "first\nsecond\n" },
    steps: [
      {
        type: "{ read -r line; dync -q -k a:b -n rest.txt $SERVER; } < lines.txt; cat $STORED/rest.txt",
        stdout: ["second"],
      },
    ],
  },
  {
    given: "a file whose size the system does not tell",
    steps: [
      {
        type: "dync -k a:b -n version.txt $SERVER /proc/version; cmp /proc/version $STORED/version.txt",
        stdout: [/^[0-9a-f]{64} {2}version\.txt$/],
        stderr: ['Stored "version.txt": ... B in ...'],
      },
    ],
    unless: process.platform === "linux" ? null : "needs /proc",
  },
  {
    given: "a file of which the system tells too many bytes",
    steps: [
      {
        type: "dync -k a:b -n enabled.txt $SERVER /sys/kernel/mm/transparent_hugepage/enabled",
        stderr: [
          "dync: error: The file ended at ... bytes, it had 4096",
          "dync: hint: where the system tells a wrong size, pipe it in: cat FILE | dync -k KEY:VALUE -n NAME SERVER",
        ],
        exit: 4,
      },
    ],
    unless: process.platform === "linux" ? null : "needs /sys",
  },
  {
    given: "a file that cannot be read for a moment, as on a network drive that is away",
    files: { "eio.raw": 30_000_000 },
    steps: [
      {
        type: "strace -f -o trace -P $PWD/eio.raw -e inject=pread64:error=EIO:when=40+ dync -k a:b $SERVER eio.raw",
        stderr: [
          'dync: error: Cannot read "eio.raw": the disk reports an error',
          /^dync: hint: "dync resume [0-9a-f]{8}" goes on with it, "dync cancel [0-9a-f]{8}" drops it$/,
        ],
        exit: 4,
      },
      {
        type: "dync -k a:b $SERVER eio.raw; cmp eio.raw $STORED/eio.raw; dync uploads",
        stdout: [/^[0-9a-f]{64} {2}eio\.raw$/],
        stderr: [
          'Going on with the upload of "eio.raw" that was begun at ...',
          'Stored "eio.raw": 29 MiB in ...',
          "Nothing is unfinished",
        ],
      },
    ],
    server: ["--chunk", "64KiB", "--window", "4"],
    unless: straceMissing,
    after: async ({ lab }) => void (await lab.server.line(/"Upload resumed".*"eio\.raw"/)),
  },
  {
    given: "a state of an upload that a newer version wrote",
    first: `mkdir $DYNC_HOME/uploads; echo '{"schema":99,"identity":"x"}' > $DYNC_HOME/uploads/aa.json`,
    steps: [
      {
        type: "dync uploads",
        stderr: [
          "dync: warning: .../uploads/aa.json was written by a newer dync",
          "dync: hint: go on with that upload with the newer one",
          "Nothing is unfinished",
        ],
      },
    ],
  },
  {
    given: "a key file that was named from another folder",
    files: { "elsewhere.raw": 30_000_000 },
    server: ["--chunk", "64KiB", "--window", "4"],
    first: "cp $DYNC_HOME/server.key lab.key; rm $DYNC_HOME/server.key; mkdir other",
    steps: [
      {
        type: "strace -f -o trace -P $PWD/elsewhere.raw -e inject=pread64:error=EIO:when=40+ dync -q -k a:b --server-key lab.key $SERVER elsewhere.raw",
        stderr: ['dync: error: Cannot read "elsewhere.raw": the disk reports an error', "dync: hint: ..."],
        exit: 4,
      },
      { type: "cd other; dync resume -q; cmp ../elsewhere.raw $STORED/elsewhere.raw" },
    ],
    unless: straceMissing,
  },
  {
    given: "an installer that was not built for an address",
    steps: [
      {
        type: `env -u DYNC_BASE_URL sh ${join(import.meta.dir, "../../../install.sh")}`,
        stderr: [
          "install.sh: set DYNC_BASE_URL to where the release is, such as https://HOST/dync (see --help)",
        ],
        exit: 2,
      },
    ],
  },
  {
    given: "a folder that was deleted under the shell",
    steps: [
      {
        type: 'mkdir gone; cd gone; rmdir ../gone; dync --version; echo "$?"; dync-server --version',
        stdout: ["1"],
        stderr: [
          "dync: error: The current folder was deleted",
          /^dync: hint: change to one that is there, and give the command again *$/,
          "dync-server: error: The current folder was deleted",
          /^dync-server: hint: change to one that is there, and give the command again *$/,
        ],
        exit: 1,
      },
    ],
    unless: process.platform === "linux" ? null : "only Linux's executables say this",
  },
  {
    given: "a home folder that takes nothing",
    files: { "unsaved.raw": "data" },
    // As where the disk is full or read-only; root may write to everything else.
    first: "touch $DYNC_HOME/uploads",
    steps: [
      {
        type: "dync -q -k a:b $SERVER unsaved.raw",
        stderr: [
          "dync: warning: Cannot read .../uploads: not a directory",
          "dync: hint: the file is sent all the same; if that is interrupted, it has to be sent from its beginning",
        ],
      },
    ],
  },
  ...(
    [
      ["full", "ENOSPC", "no space left on device"],
      ["read-only", "EROFS", "read-only file system"],
    ] as const
  ).map(
    ([what, error, said]): Row => ({
      given: `a home folder on a disk that is ${what}`,
      files: { [`home-${what}.raw`]: "data" },
      steps: [
        {
          type: `strace -f -o trace -P $DYNC_HOME/uploads -e inject=mkdir,mkdirat:error=${error} dync -k a:b $SERVER home-${what}.raw`,
          stdout: [/^[0-9a-f]{64} {2}home-/],
          stderr: [
            `dync: warning: Cannot write to .../uploads: ${said}`,
            "dync: hint: the file is sent all the same; if that is interrupted, it has to be sent from its beginning",
            `Stored "home-${what}.raw": 4 B in ...`,
          ],
        },
      ],
      unless: straceMissing,
    }),
  ),
  {
    given: "the check of what is stored, as doc/operations.md has it",
    files: { "check-1.raw": "data", "check 2.raw": "data" },
    first: 'dync -q -k a:b $SERVER check-1.raw && dync -q -k a:b $SERVER "check 2.raw"',
    steps: [
      { type: `cd $STORED && ${checkStored}` },
      {
        type: `cd $STORED && echo damaged > "check 2.raw" && ${checkStored}`,
        stdout: ["check 2.raw: FAILED"],
        stderr: ["sha256sum: WARNING: 1 computed checksum did NOT match"],
        exit: 1,
      },
    ],
    ownServer: true,
  },
];
