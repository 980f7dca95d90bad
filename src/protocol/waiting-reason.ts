// What an upload waits for, as its progress display shows it. Called by `client-upload.ts`.

import type { ClientAction } from "./client-events.ts";
import type { ClientState } from "./client-states.ts";

export type WaitingReason = Extract<ClientAction, { type: "waiting" }>["reason"];

/** `isAllSent`: also the last chunk, though a report may have taken the machine back to it. */
export function waitingReason(state: ClientState, credit: number, isAllSent: boolean): WaitingReason {
  if (state === "posting" || state === "asking") return "approval";
  if (state === "confirming") return "confirmation";
  if (state !== "sending" || credit > 0) return null;
  return isAllSent ? "confirmation" : "credit";
}
