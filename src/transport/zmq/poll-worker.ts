// The polling thread under Bun: waits for a command, blocks in zmq_poll until a descriptor is readable, says so,
// and starts again. It touches descriptors only, never a socket: sockets belong to the main thread.

import { dlopen, type Pointer } from "bun:ffi";
import { type PollWorkerData, pollCommand, pollState, pollWord } from "./poll-command.ts";

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
    rest(command);
    Atomics.wait(command, pollWord.command, pollCommand.none);
    if (Atomics.load(command, pollWord.command) === pollCommand.end) return;
    // An interrupted wait (-1, EINTR) is reported as ready as well: the main thread looks and finds nothing.
    symbols.zmq_poll(items as Pointer, command[pollWord.count] as number, -1);
    const state = command[pollWord.restMs] === 0 ? pollState.sleeping : pollState.resting;
    Atomics.store(command, pollWord.state, state);
    // Before the message, so that the answer to it is never overwritten.
    Atomics.store(command, pollWord.command, pollCommand.none);
    postMessage("ready");
  }
}

/** Lets so much come together as comes while it rests; what ends the thread, or is not to wait, wakes it. */
function rest(command: Int32Array): void {
  if (Atomics.load(command, pollWord.state) !== pollState.resting) return;
  // On a word that changes only when the rest is to end: that a command is there ends none.
  Atomics.wait(command, pollWord.state, pollState.resting, command[pollWord.restMs]);
  // Before the command is looked at: who tells it after this wakes the thread.
  Atomics.store(command, pollWord.state, pollState.sleeping);
}
