// Server-sent events to one reader: nothing piles up for who does not read, here or in the system, and who reads nothing for long is let go.

import type { ServerResponse } from "node:http";
import type { TLSSocket } from "node:tls";
import type { Clock } from "../../base/clock.ts";
import type { EventSink } from "./http-message.ts";

// A laptop that sleeps comes back with a connection of its own.
const patienceMs = 30_000;
// The system takes 4 MB for a reader that reads nothing, and says so to nobody. Who has read so much asks again, and that proves it.
const bytesMax = 256 * 1024;
// The last event of a stream: whoever hears it closes this one, and opens another.
const again = "event: again\ndata:\n\n";

export function eventSink(response: ServerResponse, clock: Clock): EventSink {
  const gone = new AbortController();
  let cancel: (() => void) | null = null;
  let bytes = 0;
  const taken = (): void => {
    cancel?.();
    cancel = null;
  };
  const isOver = (): boolean => bytes >= bytesMax;
  response.on("drain", () => {
    if (!isOver()) taken();
  });
  response.on("close", () => {
    taken();
    gone.abort();
  });
  return {
    gone: gone.signal,
    // What its reader did not take is lost to it: it may hear nothing more.
    end: () => void (cancel === null ? response.end() : reset(response)),
    send(event, data) {
      if (gone.signal.aborted || cancel !== null) return false;
      const text = `event: ${event}\ndata: ${data}\n\n`;
      bytes += Buffer.byteLength(text);
      const isTaken = response.write(isOver() ? text + again : text);
      if (!isTaken || isOver()) cancel = clock.after(patienceMs, () => reset(response));
      return true;
    },
  };
}

/** Ends the connection, with what the system still keeps for its reader: that would stay there for minutes behind a common end. */
function reset(response: ServerResponse): void {
  const { socket } = response;
  // With TLS there is no such end; what is kept is bounded all the same.
  if (socket === null || (socket as TLSSocket).encrypted) return void response.destroy();
  socket.resetAndDestroy();
}
