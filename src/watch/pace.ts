// When the next look is due. Looks come as often as the time for which an entry has to be quiet is worth, and the more rarely the more
// work one is, so that a watcher of a huge folder is nobody's burden.

import type { Clock } from "../base/clock.ts";

/** What a look cost, in ms. */
export interface LookCost {
  readonly wallMs: number;
  readonly cpuMs: number;
}

const looksPerSettle = 6;
const pauseMsMin = 200;
const pauseMsMax = 30_000;
// Less than 1 % of a core while nothing happens.
const idleTimes = 120;
// When the system says that something happened, and a look is little work: with the usual time for which an entry has to be quiet that is
// 1 % as well.
const hurriedTimes = 20;
const hurriedCpuMsMax = 100;
const wallTimes = 2;

/** How long to pause after a look that cost so much, in ms; `isHurried`: something is known to have changed. */
export function pauseAfter({ wallMs, cpuMs }: LookCost, settleMs: number, isHurried: boolean): number {
  const wanted = Math.min(pauseMsMax, Math.max(pauseMsMin, settleMs / looksPerSettle));
  const times = isHurried && cpuMs <= hurriedCpuMsMax ? hurriedTimes : idleTimes;
  return Math.max(wanted, cpuMs * times, wallMs * wallTimes);
}

/** What `work` costs, all that goes on beside it included. */
export async function costOf(clock: Clock, work: () => Promise<void>): Promise<LookCost> {
  const [startedAt, cpu] = [clock.now(), process.cpuUsage()];
  await work();
  const { user, system } = process.cpuUsage(cpu);
  return { wallMs: clock.now() - startedAt, cpuMs: (user + system) / 1000 };
}
