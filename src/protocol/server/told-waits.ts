// What a server says beside messages that give no credit: why the upload waits, to a client that wants to know. Pure; whoever
// drives a machine of an upload puts its messages through this, since only that knows what is short.

import type { Wait } from "../wait.ts";
import type { ServerMessage } from "../wire/message.ts";

/** `message` with what its upload waits for, where it is one that can say so; `find` is not called for others. */
export function withWait(message: ServerMessage, find: () => Wait | null): ServerMessage {
  if (!canTell(message)) return message;
  const wait = find();
  if (wait === null) return message;
  const { cause: waits, ahead } = wait;
  return { ...message, info: { ...message.info, waits, ...(ahead === undefined ? {} : { ahead }) } };
}

type Teller = Extract<ServerMessage, { type: "transfer-credit" | "status-report" }>;

function canTell(message: ServerMessage): message is Teller {
  if (message.type === "transfer-credit") return message.amount === 0;
  // Behind the tag: one that nobody asked for has none.
  return message.type === "status-report" && message.credit === 0 && message.tag !== undefined;
}
