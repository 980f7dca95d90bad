// What the links of one transport share. Made by zmq-transport.ts.

import type { Clock } from "../../base/clock.ts";
import type { ZmqContext } from "./context.ts";
import type { LinkQueues, LinkTimes, StrangerLimits } from "./options.ts";
import type { Poller } from "./poller.ts";
import type { Ways } from "./ways.ts";

export interface ZmqParts {
  readonly context: ZmqContext;
  readonly poller: Poller;
  readonly clock: Clock;
  readonly ways: Ways;
  readonly times: LinkTimes;
  readonly clientQueues: LinkQueues;
  readonly serverQueues: LinkQueues;
  readonly strangers: StrangerLimits;
  readonly ioThreads: number;
  /** A number that no other part has: for the names of inproc endpoints. */
  nextNumber(): number;
}
