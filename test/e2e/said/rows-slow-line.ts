// What dync says while it sends: progress on a slow line, how long it keeps trying, and Ctrl-C.

import { writeFile } from "node:fs/promises";
import { startFaultyProxy } from "../../support/faulty-proxy.ts";
import { type Place, type Row, someSent, whenSaid } from "./row.ts";

const slowServer = ["--chunk", "16KiB", "--window", "1"];
const sizeBytes = 10_000_000;
const pollMs = 20;
const passedBytes = 3_000_000;

/**
 * A line of 8 Mbit/s before the server that dies after `passedBytes`: its address is in the file `line`, and the fifo
 * `dead` can be read when it is almost dead.
 */
async function dyingLine({ lab, folder, defer }: Place): Promise<void> {
  const up = { bytesPerSecond: 1_000_000, stallAfter: passedBytes };
  const proxy = await startFaultyProxy({ targetPort: lab.port, faults: { up } });
  defer(async () => await proxy[Symbol.asyncDispose]());
  await writeFile(folder.file("line"), `127.0.0.1:${proxy.port}`);
  await Bun.$`mkfifo ${folder.file("dead")}`.quiet();
  let isOver = false;
  const dead = (async () => {
    while (!isOver && proxy.counters.bytes.up < 0.9 * passedBytes) await Bun.sleep(pollMs);
    if (!isOver) await writeFile(folder.file("dead"), "dead\n", { flag: "r+" });
  })();
  defer(async () => {
    isOver = true;
    await dead;
  });
}

/** Kills the server as soon as somebody sends. */
async function doomedServer({ lab, defer }: Place): Promise<void> {
  const killed = lab.server.line(/"Upload started"/).then(() => lab.server.kill());
  defer(async () => void (await killed.catch(() => {})));
}

export const rows: readonly Row[] = [
  // Progress, and times.
  {
    given: "a line that dies: progress counts what the server has, and apart from that what is under way",
    files: { "dies.raw": sizeBytes },
    before: dyingLine,
    steps: [
      {
        // Until nothing moved for a second, since the line died: before that a busy machine may stand still as long.
        type: [
          "{ read -r line < dead; : > over; } & mkfifo said; last=; dync --json -k a:b $(cat line) dies.raw > said 2>&1 &",
          `while read -r line; do sent=\${line#*'"sent":'}; sent=\${sent%%,*}; case $sent in`,
          '  0) ;; "$last") [ -e once ] || [ ! -e over ] || { : > once; echo "$line"; kill -INT $!; } ;;',
          "esac; last=$sent; done < said",
          "wait $! 2> /dev/null",
        ].join("\n"),
        stdout: [
          /^\{"schema":1,"type":"status","name":"dies.raw","sent":[12]\d{6},"underWay":\d{5,6},"total":10000000,/,
        ],
        exit: 130,
      },
      { type: "dync uploads", stdout: [/^[0-9a-f]{8} .* old {2}2\.\d MiB of 9\.5 MiB /] },
    ],
  },
  {
    given: "a line that dies, before a terminal",
    files: { "dark.raw": sizeBytes },
    before: dyingLine,
    terminal: true,
    steps: [
      {
        type: "dync -k a:b $(cat line) dark.raw & read -r line < dead; { kill -9 $!; wait $!; } 2> /dev/null",
        stdout: [/^dark\.raw {2}\[#+=*-{9,}\] {3}[12]\d %/],
        exit: 137,
      },
    ],
  },
  {
    given: "times of uploads in two places of the world",
    files: { "times.raw": 100_000_000 },
    server: slowServer,
    first: `${whenSaid("dync --json -k sample:S-17 $SERVER times.raw", someSent, "kill -9 $!")}; true`,
    steps: [
      {
        type: "hour() { TZ=$1 dync uploads | cut -c 22-23; }; echo $(((10#$(hour Asia/Tokyo) - 10#$(hour UTC) + 24) % 24))",
        stdout: ["9"],
      },
    ],
  },

  // How long it tries.
  {
    given: "a server that goes away while a script sends",
    files: { "left.raw": 100_000_000 },
    server: slowServer,
    ownServer: true,
    before: doomedServer,
    steps: [
      {
        type: whenSaid("dync -k a:b $SERVER left.raw", "*trying*", 'echo "$line"; kill -INT $!'),
        stdout: [/^Nothing listens at 127\.0\.0\.1:\d+: trying again for 15 min at most \(--retry-for\)$/],
        exit: 130,
      },
    ],
  },
  {
    given: "a server that goes away while somebody sends who gives it some seconds",
    files: { "given-up.raw": 100_000_000 },
    server: slowServer,
    ownServer: true,
    before: doomedServer,
    steps: [
      {
        type: "dync --retry-for 3s -k a:b $SERVER given-up.raw",
        stderr: [
          /^Nothing listens at 127\.0\.0\.1:\d+: trying again for 3 s at most \(--retry-for\)$/,
          /^dync: error: Nothing listens at 127\.0\.0\.1:\d+; gave up after trying for \d s$/,
          "dync: hint: ...",
        ],
        exit: 5,
      },
    ],
  },

  // Ctrl-C.
  {
    given: "Ctrl-C in a loop of a shell",
    files: { "loop.raw": 100_000_000 },
    server: slowServer,
    steps: [
      {
        // As a terminal does it: to the shell and to everything that it started. The outer shell would tell of its job.
        type: `set -m; exec 2> /dev/null; ${whenSaid(
          `bash -c 'for n in 1 2; do echo "file $n"; dync --json -k a:b -n loop-$n.raw $SERVER loop.raw; done; echo went on'`,
          `file* | went*) echo "$line" ;; ${someSent}`,
          "kill -INT -$!",
        )}`,
        stdout: ["file 1"],
        exit: 130,
      },
    ],
  },

  // Metadata that is corrected.
  {
    given: "metadata that was corrected after an upload was stopped",
    files: { "corrected-late.raw": 60_000_000 },
    server: slowServer,
    first: `${whenSaid("dync --json -k sample:S-17 $SERVER corrected-late.raw", someSent, "kill -9 $!")}; true`,
    steps: [
      {
        type: "dync -k sample:S-18 $SERVER corrected-late.raw",
        stdout: [/^[0-9a-f]{64} {2}corrected-late\.raw$/],
        stderr: [
          "The metadata is not the same as when its upload was begun at ...: starting anew",
          { anyNumberOf: /^corrected-late\.raw: \d+ %, .* of 57 MiB, .*\/s, ETA \d+:\d\d$/ },
          'Stored "corrected-late.raw": 57 MiB in ...',
        ],
      },
      { type: "dync uploads", stderr: ["Nothing is unfinished"] },
      { type: "grep sample $STORED/corrected-late.raw.meta.json", stdout: ['  "sample": "S-18",'] },
    ],
  },
  {
    given: "metadata that is corrected while another process sends",
    files: { "corrected-now.raw": 100_000_000 },
    server: slowServer,
    steps: [
      {
        type: whenSaid(
          "dync --json -k sample:S-17 $SERVER corrected-now.raw",
          someSent,
          'dync -k sample:S-18 $SERVER corrected-now.raw; echo "exit $?"; kill -INT $!',
        ),
        stdout: ["exit 1"],
        stderr: [
          'dync: error: Another dync process is sending ".../corrected-now.raw" already',
          "dync: hint: wait for it, or stop it and give this command again",
        ],
        exit: 130,
      },
    ],
  },
];
