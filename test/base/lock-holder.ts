// Run by file-lock.test.ts as a program of its own, to be killed: takes a lock and keeps it.

import { FileLock } from "../../src/base/file-lock.ts";

const lock = FileLock.tryAcquire(process.argv[2] as string);
process.stdout.write(lock === null ? "busy\n" : "held\n");
process.stdin.on("end", () => lock?.release());
process.stdin.resume();
