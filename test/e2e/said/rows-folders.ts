// What dync says of folders: their files one by one, lists of files, and a folder as one upload.

import type { Row } from "./row.ts";

const sum = (name: string): RegExp => new RegExp(`^[0-9a-f]{64} {2}${name}$`);

export const rows: readonly Row[] = [
  {
    given: "the files of a folder, one by one",
    first:
      "mkdir -p run/deep run/tmp; cd run; touch .DS_Store Thumbs.db tmp/r3.raw; echo data | tee r1.raw > deep/r2.raw; ln -s r1.raw link; mkfifo pipe",
    steps: [
      {
        type: "dync -k sample:S-17 -r --exclude tmp/ --jobs 1 $SERVER run",
        stdout: [sum("r2\\.raw"), sum("r1\\.raw")],
        stderr: [
          'Left out of "run": "link", a symbolic link',
          'Left out of "run": "pipe", a named pipe',
          'Left out of "run": 2 files of the system, such as ".DS_Store" (--all keeps them)',
          /^Stored "r2\.raw": 5 B in/,
          /^Stored "r1\.raw": 5 B in/,
          /^2 files: 2 stored \(10 B in/,
        ],
      },
      {
        type: "dync -k sample:S-17 -r --include deep --include r3.raw --jobs 1 $SERVER run",
        stdout: [sum("r2\\.raw"), sum("r3\\.raw")],
        stderr: [
          'Stored already: "r2.raw", ...',
          /^Stored "r3\.raw": 0 B in/,
          /^2 files: 1 stored .*, 1 stored already$/,
        ],
      },
      {
        type: "dync -k sample:S-17 -r --links fail $SERVER run",
        stderr: [
          'dync: error: "run/link" is a symbolic link',
          "dync: hint: --links skip leaves them out, --links follow sends what they lead to",
        ],
        exit: 4,
      },
    ],
  },
  {
    given: "a list of files",
    files: { "l1.raw": "data", "l 2.raw": "data", "list.txt": "l1.raw\r\n\r\ngone.raw\r\n" },
    steps: [
      {
        type: "printf '%s\\0' *.raw | dync -k sample:S-17 -0 --files-from - --jobs 1 $SERVER",
        stdout: [sum("l 2\\.raw"), sum("l1\\.raw")],
        stderr: [/^Stored "l 2\.raw"/, /^Stored "l1\.raw"/, /^2 files: 2 stored/],
      },
      {
        type: "dync -k sample:S-17 --files-from list.txt --jobs 1 $SERVER 'l 2.raw'",
        stdout: [sum("l 2\\.raw"), sum("l1\\.raw")],
        stderr: [
          'Stored already: "l 2.raw", ...',
          'Stored already: "l1.raw", ...',
          'dync: error: Cannot read "gone.raw": there is no such file',
          "3 files: 2 stored already, 1 failed",
          '  "gone.raw": Cannot read "gone.raw": there is no such file',
          '"dync resume" goes on with the one that is left, "dync cancel ..." drops it',
        ],
        exit: 3,
      },
    ],
  },
  {
    given: "names in a folder that no system, or not every one, can store",
    first: "mkdir run; cd run; touch CON.txt 'a:b.raw' A.raw a.raw fine.raw",
    steps: [
      {
        type: "dync -k sample:S-17 --dataset $SERVER run",
        stderr: [
          'dync: error: "run/CON.txt" cannot be sent: its path is reserved by Windows',
          'dync: error: "run/a:b.raw" cannot be sent: its path contains ":"',
          'dync: error: "run/a.raw" cannot be sent: its path counts as the same as "A.raw"',
          'dync: error: 3 names in "run" cannot be sent',
          "dync: hint: rename them, or leave them out with --exclude; nothing was sent",
        ],
        exit: 2,
      },
      {
        type: "dync -k sample:S-17 --dataset $SERVER run --json 2>&1 >/dev/null | tail -n 1; ls $STORED/run* 2>/dev/null",
        stdout: [
          '{"schema":1,"type":"error","code":"usage","message":"3 names in \\"run\\" cannot be sent","hint":"rename them...","exit":2}',
        ],
        exit: 2,
      },
    ],
  },
  {
    given: "what would be sent, and what could not be (--dry-run)",
    first:
      "mkdir -p run/deep; cd run; touch .DS_Store deep/2.raw; head -c 2048 /dev/zero > 1.raw; ln -s 1.raw link; cd ..; mkdir bad; touch bad/CON; echo '{\"run\":7}' > run/1.raw.meta.json",
    steps: [
      {
        type: "dync --dry-run -k sample:S-17 -r --sidecars --name-template '{parent}-{stem}{ext}' $SERVER run gone.raw bad",
        stdout: [
          'Metadata: {"sample":"S-17","run":7}',
          '  2.0 KiB  run/1.raw as "run-1.raw"',
          'Metadata: {"sample":"S-17"}',
          '      0 B  run/deep/2.raw as "deep-2.raw"',
          '      0 B  bad/CON as "bad-CON"',
        ],
        stderr: [
          'Left out of "run": "link", a symbolic link',
          'Left out of "run": 1 file of the system, such as ".DS_Store" (--all keeps them)',
          'dync: error: Cannot read "gone.raw": there is no such file',
          /^Nothing was sent: 3 uploads, 2\.0 KiB would go to 127\.0\.0\.1:\d+; 1 cannot be sent$/,
        ],
        exit: 3,
      },
      {
        type: "dync --dry-run -k sample:S-17 --dataset --exclude '*.json' --exclude link $SERVER run bad",
        stdout: [
          'Metadata: {"sample":"S-17"}',
          "  2.0 KiB  run, a dataset of 2 files",
          "  2.0 KiB    run/1.raw",
          "             run/deep/",
          "      0 B    run/deep/2.raw",
        ],
        stderr: [
          'Left out of "run": 1 file of the system, ...',
          'dync: error: "bad/CON" cannot be sent: its path is reserved by Windows',
          "dync: hint: rename them, or leave them out with --exclude; nothing was sent",
          /^Nothing was sent: 1 upload, 2\.0 KiB would go to 127\.0\.0\.1:\d+; 1 cannot be sent$/,
        ],
        exit: 3,
      },
      {
        type: "dync --dry-run --json -k sample:S-17 --dataset --include 1.raw $SERVER run",
        stdout: [
          '{"schema":1,"type":"file","path":"run","name":"run.tar","outcome":"planned","bytes":2048,"files":1,"metadata":{"sample":"S-17"}}',
          '{"schema":1,"type":"member","dataset":"run.tar","path":"1.raw","bytes":2048}',
          '{"schema":1,"type":"summary","ok":true,"exit":0,"planned":1,"failed":0,"bytes":2048}',
        ],
      },
      {
        type: "dync --dry-run -k sample:S-17 $SERVER run/.DS_Store",
        stderr: [
          'dync: error: ".DS_Store" would be refused: The file name starts with a dot',
          "dync: hint: send it under another name: -n DS_Store",
        ],
        exit: 7,
      },
      // Nobody heard of it, and nothing is to be gone on with.
      { type: "ls $DYNC_HOME $STORED 2>/dev/null | grep -e uploads -e batches -e run", exit: 1 },
    ],
  },
];
