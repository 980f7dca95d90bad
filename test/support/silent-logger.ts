// For what has to be given a log and is not tested by what it says there.

export { silentLogger } from "../../src/base/log.ts";
