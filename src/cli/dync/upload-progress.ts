// From what an upload says about itself to what the progress display shows. Used by `send-file.ts`.

import { unreachable } from "../../base/assert.ts";
import type { UploadProgress } from "../../client/upload.ts";
import type { ProgressState } from "../progress.ts";

/** The display's state for `progress`. */
export function progressState(progress: UploadProgress): ProgressState {
  const { taken, sent, total, waiting, pause } = progress;
  const isStill =
    waiting === "connection" || waiting === "approval" || waiting === "comparison" || waiting === "pause";
  // What a connection that is gone carried is not under way any more.
  const underWay = isStill ? 0 : Math.max(0, sent - taken);
  return { taken, underWay, total, isStill, waiting: waitingText(progress), nextTryAt: pause?.until ?? null };
}

function waitingText({ waiting, pause }: UploadProgress): string | null {
  switch (waiting) {
    case null:
      return null;
    case "connection":
      return "connecting";
    case "approval":
    case "credit":
      return "waiting for the server";
    case "confirmation":
      return "waiting for the server's confirmation";
    case "comparison":
      return "comparing it with what is stored";
    case "pause":
      return pause?.reason ?? "connection lost";
    default:
      return unreachable(waiting);
  }
}
