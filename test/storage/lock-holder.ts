// Run by faults.test.ts as a program of its own, to be killed: opens a data folder and keeps it.

import { systemClock } from "../../src/base/clock.ts";
import { FilesystemStorage } from "../../src/storage/filesystem.ts";
import { silentLogger } from "../support/silent-logger.ts";
import { sinkOptions } from "./contract.ts";

const storage = await FilesystemStorage.open({
  folder: process.argv[2] as string,
  clock: systemClock,
  log: silentLogger,
  ...sinkOptions,
});
process.stdout.write("open\n");
process.stdin.on("end", () => void storage.close());
process.stdin.resume();
