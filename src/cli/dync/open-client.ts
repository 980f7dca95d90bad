// Puts the real parts of a client together for one command.

import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { Client, type ClientOptions } from "../../client/client.ts";
import { dyncHome } from "../../keys/key-files.ts";
import type { LastWays } from "../../transport/zmq/ways.ts";
import type { CommandContext } from "../command.ts";
import type { Output } from "../output.ts";
import { version } from "../version.ts";
import type { FeedOptions } from "./live-feeds.ts";
import { fileSystemWriter } from "./write-all.ts";

/** What the clients of one command know together: "dync watch" opens one after the other. */
interface CommandMemory {
  readonly lastWays: LastWays;
  readonly strangers: Set<string>;
}

const perCommand = new WeakMap<Output, CommandMemory>();

/**
 * The client of this command, which disposes of it. `rate` says how fast, and `budget` how fast together with other clients, it may send;
 * `feeds` says how runs are followed that are sent while they are written.
 */
export function openClient(
  context: CommandContext,
  {
    rate,
    budget,
    feeds,
    onWarning,
  }: Pick<ClientOptions, "rate" | "budget" | "onWarning"> & { readonly feeds?: FeedOptions } = {},
): Client {
  const { environment, clock, output } = context;
  const command = perCommand.get(output) ?? { lastWays: new Map(), strangers: new Set() };
  perCommand.set(output, command);
  return new Client({
    home: resolve(dyncHome(environment)),
    name: `dync ${version}`,
    openTransport: async () => {
      // The network code comes in only here: --help and what is done without a server need none of it.
      const { ioThreadsOf, openZmqTransport } = await import("../../transport/zmq/zmq-transport.ts");
      const ioThreads = ioThreadsOf(availableParallelism());
      return await openZmqTransport({ clock, ioThreads, lastWays: command.lastWays });
    },
    clock,
    random: Math.random,
    writeAll: fileSystemWriter(),
    rate,
    budget,
    onWarning: onWarning ?? ((text, hint) => output.warn(text, hint)),
    strangers: command.strangers,
    openFeed: async (run, ...others) => {
      // Nor does what is no run need what looks at one.
      const { openLiveFeed } = await import("./live-feeds.ts");
      return await openLiveFeed(context, feeds)(run, ...others);
    },
  });
}
