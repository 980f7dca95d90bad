// A run of several servers, in which clients come by lanes, and what each upload cost is noted.

import { expect } from "bun:test";
import { systemClock } from "../../src/base/clock.ts";
import type { ProgramEnd } from "../support/programs.ts";
import type { SendOptions } from "../support/server-pair.ts";
import type { MadeOnce } from "./made-once.ts";
import type { Course } from "./sent-again.ts";
import { ownFolder, type Sender } from "./sent-to-store.ts";

/** How something is sent. */
export interface Sending extends SendOptions {
  /** By which way its client comes to the servers. */
  readonly lane: number;
  /** Of `dync`, behind the server's. */
  readonly args: readonly string[];
}

/** What is sent, and where. */
export interface Run extends Pick<Sender, "pair" | "sent"> {
  readonly course: Course;
  readonly made: MadeOnce;
  readonly random: () => number;
  /** The lane of clients that want a name that others want. */
  readonly rivalLane: number;
  readonly send: (sending: Sending) => Promise<ProgramEnd>;
  /** How many bytes clients have sent by a lane. */
  readonly bytesIn: (lane: number) => Promise<number>;
}

/** Who sends by `lane`: what an upload cost is noted, and that its object was made. */
export function senderBy(run: Run, lane: number): Sender {
  const { course, made, pair, sent } = run;
  return {
    pair,
    sent,
    confirm: async ({ name, kind, bytes, ...sending }) => {
      const [from, before] = [systemClock.now(), await run.bytesIn(lane)];
      expect(await run.send({ lane, ...sending })).toMatchObject({ code: 0 });
      const to = systemClock.now();
      const wireBytes = (await run.bytesIn(lane)) - before;
      course.uploads.push({ name, kind, bytes, wireBytes, from, to });
      await made.look(pair, `${ownFolder}/${name}`);
    },
  };
}
