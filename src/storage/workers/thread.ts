// A storage worker as a thread of this process.

import { workerUrl } from "../../base/worker-url.ts";
import type { FromWorker, ToWorker } from "./said.ts";

/** Somebody who is spoken to, and speaks. */
export interface Thread {
  post(message: ToWorker): void;
  /** Ends it, where it stands. */
  terminate(): void;
}

export interface ThreadEvents {
  onMessage(message: FromWorker): void;
  /** It is gone, without a word. */
  onGone(reason: string): void;
}

export type StartThread = (events: ThreadEvents) => Thread;

/** Starts a thread with the code of storage-worker.ts. It keeps no process alive. */
export function startThread(events: ThreadEvents): Thread {
  const worker = new Worker(workerUrl("./storage-worker.ts", "src/storage/workers", import.meta.url), {
    type: "module",
  });
  worker.addEventListener("message", ({ data }: MessageEvent) => events.onMessage(data as FromWorker));
  worker.addEventListener("error", (event: ErrorEvent) => {
    // Else it is an error of the whole process, in Deno.
    event.preventDefault();
    events.onGone(event.message);
  });
  // Bun's alone.
  worker.addEventListener("close", () => events.onGone("the thread ended"));
  if ("unref" in worker) worker.unref();
  return { post: (message) => worker.postMessage(message), terminate: () => worker.terminate() };
}
