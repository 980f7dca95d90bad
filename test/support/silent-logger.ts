// For what has to be given a log and is not tested by what it says there.

import type { Logger } from "../../src/base/log.ts";

export const silentLogger: Logger = { log() {} };
