// The storage of a folder, as tests open it.

import { systemClock } from "../../src/base/clock.ts";
import { FilesystemStorage, type FilesystemStorageOptions } from "../../src/storage/filesystem.ts";
import { silentLogger } from "../support/silent-logger.ts";
import { sinkOptions } from "./contract.ts";

/** The storage in `folder`, with `more` options. */
export function openStorage(
  folder: string,
  more: Partial<FilesystemStorageOptions> = {},
): Promise<FilesystemStorage> {
  return FilesystemStorage.open({ folder, clock: systemClock, log: silentLogger, ...sinkOptions, ...more });
}
