// The code of a storage worker: a thread that hashes and stores what uploads bring. What it does is in desk.ts.

import { assert } from "../../base/assert.ts";
import { systemClock } from "../../base/clock.ts";
import { messageOf } from "../../base/error.ts";
import { openMemory } from "../../base/memory/open-memory.ts";
import { countStages, Stages } from "../../base/stages.ts";
import { openSha256 } from "../sha256/open-sha256.ts";
import { Desk } from "./desk.ts";
import type { FromWorker, ToWorker } from "./said.ts";
import { WorkerStorage } from "./worker-storage.ts";

// Views of messages count as memory of this thread, whose heap is small: it would be searched for garbage every few of them. A block that is
// never touched, and so takes no memory, makes it look larger.
const ballast = new ArrayBuffer(64 * 1024 * 1024);

declare const self: Worker;

const post = (message: FromWorker): void => postMessage(message);

self.onmessage = ({ data }: MessageEvent) => {
  // What comes before it is ready.
  const early: ToWorker[] = [];
  self.onmessage = (event: MessageEvent) => void early.push(event.data as ToWorker);
  start(data as ToWorker).then(
    (desk) => {
      self.onmessage = (event: MessageEvent) => desk.hear(event.data as ToWorker);
      post({ type: "ready" });
      for (const message of early) desk.hear(message);
    },
    (error) => {
      post({ type: "dying", reason: messageOf(error) });
      post({ type: "ended", notes: [] });
    },
  );
};

async function start(message: ToWorker): Promise<Desk> {
  assert(ballast.byteLength > 0, "the ballast is there as long as the thread");
  const memory = await openMemory();
  if (message.type !== "start" || memory === null)
    throw new Error("This runtime shares no memory by address");
  if (message.stages !== null) countStages(new Stages(systemClock, message.stages));
  const { options } = message;
  const sha256 = await openSha256();
  const desk = new Desk({
    memory,
    clock: systemClock,
    storage: (elsewhere) => new WorkerStorage(options, sha256, elsewhere),
    post,
    afterTurn: (callback) => void setImmediate(callback),
  });
  process.on("uncaughtException", (error) => desk.fail(error));
  process.on("unhandledRejection", (error) => desk.fail(error));
  return desk;
}
