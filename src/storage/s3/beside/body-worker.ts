// The code of a thread for bodies of requests to an object store. What it does is in body-desk.ts.

import { messageOf } from "../../../base/error.ts";
import { openSavedSha256 } from "../../sha256/open-saved-sha256.ts";
import { BodyDesk } from "./body-desk.ts";
import type { FromThread, ToThread } from "./said.ts";

declare const self: Worker;

const post = (message: FromThread): void => postMessage(message);

self.onmessage = ({ data }: MessageEvent) => {
  // What comes before it is ready.
  const early: ToThread[] = [];
  self.onmessage = (event: MessageEvent) => void early.push(event.data as ToThread);
  start(data as ToThread).then(
    (desk) => {
      self.onmessage = (event: MessageEvent) => desk.hear(event.data as ToThread);
      post({ type: "ready" });
      for (const message of early) desk.hear(message);
    },
    (error) => post({ type: "broken", reason: messageOf(error) }),
  );
};

async function start(message: ToThread): Promise<BodyDesk> {
  if (message.type !== "start") throw new Error("it was asked before it was started");
  const desk = new BodyDesk(message.options, { sha256: await openSavedSha256(), post });
  const broken = (error: unknown): void => post({ type: "broken", reason: messageOf(error) });
  process.on("uncaughtException", broken);
  process.on("unhandledRejection", broken);
  return desk;
}
