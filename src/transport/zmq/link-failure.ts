// From monitor events to the one reason why a connection attempt failed. Pure; dealer-link.ts feeds it, and asks
// the network (probe.ts) where the events alone do not say.

import type { LinkFailure } from "../transport.ts";
import { monitorEvent, zapStatus } from "./constants.ts";
import { errnoSymbol } from "./error.ts";
import type { MonitorEvent } from "./monitor.ts";

/** How far an attempt has come. */
export interface AttemptState {
  readonly isConnected: boolean;
  readonly isUp: boolean;
}

export const attemptStart: AttemptState = { isConnected: false, isUp: false };

/**
 * What an event means: progress, a failure, or a failure whose reason only the network knows
 * (`probe-connect`: TCP did not connect; `probe-handshake`: the peer broke the handshake off).
 */
export type Step =
  | { readonly type: "progress"; readonly state: AttemptState }
  | { readonly type: "failed"; readonly failure: LinkFailure }
  | { readonly type: "probe-connect" }
  | { readonly type: "probe-handshake" };

export function stepOf(state: AttemptState, { event, value }: MonitorEvent): Step {
  switch (event) {
    case monitorEvent.connected:
      return { type: "progress", state: { ...state, isConnected: true } };
    case monitorEvent.handshakeSucceeded:
      return { type: "progress", state: { isConnected: true, isUp: true } };
    case monitorEvent.closed:
      return state.isConnected ? { type: "progress", state } : { type: "probe-connect" };
    case monitorEvent.handshakeFailedAuth:
      return { type: "failed", failure: value === zapStatus.refused ? "key-refused" : "server-error" };
    case monitorEvent.handshakeFailedNoDetail:
      return isTimeout(value)
        ? { type: "failed", failure: "handshake-timeout" }
        : { type: "probe-handshake" };
    case monitorEvent.disconnected:
      // Before the handshake's end, and without an event of its own: the peer speaks something else.
      return { type: "failed", failure: state.isUp ? "lost" : "not-dync" };
    default:
      return { type: "progress", state };
  }
}

/** libzmq reports its handshake timer as EAGAIN. */
function isTimeout(errno: number): boolean {
  return ["EAGAIN", "ETIMEDOUT"].includes(errnoSymbol(errno));
}
