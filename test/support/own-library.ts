// Whether the executables of this machine have a libzmq of our own, with its patches. Tests of what only the patches
// promise are skipped by name where `patchesMissing` gives a reason.

import { findOwnLibrary } from "../../build/own-library.ts";
import { hostTarget } from "../../src/transport/zmq/target.ts";

/** Why there are no patches, or `null` when there are. */
export const patchesMissing: string | null =
  findOwnLibrary(hostTarget()) === null ? "libzmq of the npm package: see `sh build/libzmq.sh`" : null;
