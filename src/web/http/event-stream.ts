// Server-sent events to one reader: nothing piles up for who does not read, and who reads nothing for long is let go.

import type { ServerResponse } from "node:http";
import type { Clock } from "../../base/clock.ts";
import type { EventSink } from "./http-message.ts";

// A laptop that sleeps comes back with a connection of its own.
const patienceMs = 30_000;

export function eventSink(response: ServerResponse, clock: Clock): EventSink {
  const gone = new AbortController();
  let cancel: (() => void) | null = null;
  const taken = (): void => {
    cancel?.();
    cancel = null;
  };
  response.on("drain", taken);
  response.on("close", () => {
    taken();
    gone.abort();
  });
  return {
    gone: gone.signal,
    // What its reader did not take is lost to it: it may hear nothing more.
    end: () => void (cancel === null ? response.end() : response.destroy()),
    send(event, data) {
      if (gone.signal.aborted || cancel !== null) return false;
      if (!response.write(`event: ${event}\ndata: ${data}\n\n`))
        cancel = clock.after(patienceMs, () => response.destroy());
      return true;
    },
  };
}
