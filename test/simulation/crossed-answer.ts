// When a report excuses another window that is sent twice; the same at both levels of the simulation.

import type { StatusReport } from "../../src/protocol/wire/message.ts";

/** What the checks know of a client's place in its file. */
export interface Traveller {
  /** End of the chunk that it sent last. */
  readonly position: number;
  /** Where a report that it had not asked for took it back to last. */
  backTo: number | null;
  disturbances: number;
}

/** What takes a client back unasked, for a fault, may cross a question whose answer, from further on, takes it back as well. */
export function noteCrossedAnswer(client: Traveller, { seek, tag }: StatusReport): void {
  if (seek >= client.position) return;
  if (tag === undefined) client.backTo = seek;
  else if (client.backTo !== null && seek > client.backTo) client.disturbances++;
}
