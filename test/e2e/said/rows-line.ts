// What dync says of a server that is away, of uploads that are unfinished, and of output that cannot be written.

import { type Row, someSent, whenSaid } from "./row.ts";

// So slow that a command is stopped in the midst of it.
const slow = ["--chunk", "16KiB", "--window", "1"];

/** Starts a send in the background, and waits until it is there. */
function beside(name: string, command: string): string {
  return [
    `dync -q -k a:b $SERVER ${name} 2> /dev/null & sender=$!`,
    `until dync uploads 2> /dev/null | grep -q ${name}; do :; done`,
    `${command}; echo "exit $?"`,
    "kill $sender; wait $sender 2> /dev/null; true",
  ].join("\n");
}

export const rows: readonly Row[] = [
  {
    given: "a server that does not come back within --retry-for",
    files: { "away.raw": "data" },
    steps: [
      {
        type: "dync --retry-for 2s -k a:b 127.0.0.1:1 away.raw",
        stderr: [
          "Nothing listens at 127.0.0.1:1: trying again for 2 s at most (--retry-for)",
          /^dync: error: Nothing listens at 127\.0\.0\.1:1; gave up after trying for \d s$/,
          "dync: hint: check the port (-p) and that dync-server runs there",
        ],
        exit: 5,
      },
    ],
  },
  {
    given: "an upload that was stopped",
    server: slow,
    files: { "stopped.raw": 200_000_000 },
    first: `${whenSaid("dync --json -k a:b $SERVER stopped.raw", someSent, "kill -TERM $!")}; true`,
    steps: [
      {
        type: "dync uploads",
        stdout: [
          /^[0-9a-f]{8} {2}\d{4}-\d\d-\d\d \d\d:\d\d {2}\d+ s old {2}[\d.]+ [KM]iB of 191 MiB {2}".*\/stopped\.raw" to 127\.0\.0\.1:\d+$/,
        ],
      },
      {
        type: "dync uploads --json",
        stdout: [
          /^\{"schema":1,"type":"summary","ok":true,"exit":0,"uploads":\[\{.*"sent":[1-9]\d+,.*\}\],"batches":\[\]\}$/,
        ],
      },
      {
        type: "rm stopped.raw; dync resume --json",
        stdout: [
          /^\{"schema":1,"type":"summary","ok":false,"exit":4,"uploads":\[\{"id":"[0-9a-f]{32}","name":"stopped\.raw","ok":false,"outcome":"failed","code":"source"\}\],"error":\{"code":"source","message":.*\}\}$/,
        ],
        stderr: ['{"schema":1,"type":"error","code":"source",...}'],
        exit: 4,
      },
      {
        type: "dync cancel --json $(dync uploads | cut -c1-8)",
        stdout: [
          /^\{"schema":1,"type":"summary","ok":true,"exit":0,"uploads":\[\{"id":"[0-9a-f]{32}","name":"stopped\.raw","ok":true,"outcome":"dropped"\}\]\}$/,
        ],
      },
      { type: "dync uploads", stderr: ["Nothing is unfinished"] },
    ],
  },
  {
    given: "results that go to a disk that is full",
    files: { "full.raw": "data" },
    steps: ["dync uploads --json", "dync --version", "dync -q -k a:b --json $SERVER full.raw"].map(
      (command) => ({
        type: `${command} > /dev/full`,
        stderr: [/Standard output cannot be written: ENOSPC/],
        exit: 1,
      }),
    ),
    unless: process.platform === "linux" ? null : "needs /dev/full",
  },
  {
    given: "resume beside a process that is sending the same upload",
    server: slow,
    files: { "busy.raw": 200_000_000 },
    steps: [
      {
        type: beside("busy.raw", "dync resume"),
        stdout: ["exit 3"],
        stderr: [/^Skipped ".*\/busy\.raw" to 127\.0\.0\.1:\d+: another dync process is sending it$/],
      },
      { type: "dync cancel $(dync uploads | cut -c1-8)", stderr: ["Dropped ..."] },
      {
        type: beside("busy.raw", "dync resume --json"),
        stdout: [
          /^\{.*"ok":false,"exit":3,"uploads":\[\{.*"name":"busy\.raw","ok":false,"outcome":"skipped"\}\]\}$/,
          "exit 3",
        ],
      },
    ],
  },
];
