// The polling thread under Bun: waits for a command, blocks in zmq_poll until a descriptor is readable, says so,
// and starts again. It touches descriptors only, never a socket: sockets belong to the main thread.

import { dlopen, type Pointer } from "bun:ffi";
import { type PollWorkerData, pollCommand } from "./poll-command.ts";

declare const self: Worker;

self.onmessage = (event: MessageEvent) => {
  self.onmessage = null;
  try {
    run(event.data as PollWorkerData);
    postMessage("ended");
  } catch (error) {
    postMessage(error instanceof Error ? error.message : String(error));
  }
};

function run({ libraryPath, command, items }: PollWorkerData): void {
  const { symbols } = dlopen(libraryPath, { zmq_poll: { args: ["ptr", "i32", "i64"], returns: "i32" } });
  for (;;) {
    Atomics.wait(command, 0, pollCommand.none);
    if (Atomics.load(command, 0) === pollCommand.end) return;
    // An interrupted wait (-1, EINTR) is reported as ready as well: the main thread looks and finds nothing.
    symbols.zmq_poll(items as Pointer, command[1] as number, -1);
    // Before the message, so that the answer to it is never overwritten.
    Atomics.store(command, 0, pollCommand.none);
    postMessage("ready");
  }
}
