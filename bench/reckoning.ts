// What follows from the table of threads (`bun bench/bench.ts --threads`) for a machine with more cores than it was measured on. Pure:
// test/bench/reckoning.test.ts does it again with the table in doc/performance.md.

/** Threads of one name on one side, in processor seconds for each GiB of all uploads together. */
export interface ThreadKind {
  readonly name: string;
  /** How many of them had work: at least a fifth of what the busiest had. */
  readonly busy: number;
  readonly perGib: number;
  /** Of the busiest of them. */
  readonly busiestPerGib: number;
}

export interface ThreadRow {
  readonly side: "server" | "client";
  readonly atOnce: number;
  readonly megabytesPerSecond: number;
  /** The busiest first. */
  readonly kinds: readonly ThreadKind[];
}

const gibInGigabytes = 2 ** 30 / 1e9;

/** Columns of a line of the table. */
export function cellsOf({ side, atOnce, megabytesPerSecond, kinds }: ThreadRow): readonly string[] {
  const total = kinds.reduce((sum, { perGib }) => sum + perGib, 0);
  const busiest = Math.max(...kinds.map(({ busiestPerGib }) => busiestPerGib));
  const texts = kinds
    .filter(({ perGib }) => perGib >= 0.005)
    .map((it) => `${it.name} ${it.perGib.toFixed(2)} ×${it.busy} (${it.busiestPerGib.toFixed(2)})`);
  const numbers = [total, busiest].map((it) => it.toFixed(2));
  return [`${side}, ${atOnce} at once`, megabytesPerSecond.toFixed(0), ...numbers, texts.join(", ")];
}

const line = /^(server|client), (\d+) at once +(\d+) +[\d.]+ +[\d.]+ +(.*)$/;
const kindText = /(?:^|, )(.*?) ([\d.]+) ×(\d+) \(([\d.]+)\)/g;

/** Rows of a table that was printed, wherever it stands in `text`. */
export function rowsIn(text: string): readonly ThreadRow[] {
  return text.split("\n").flatMap((it) => {
    const [, side, atOnce, speed, rest = ""] = line.exec(it) ?? [];
    if (side === undefined) return [];
    const kinds = [...rest.matchAll(kindText)].map(([, name = "", perGib, busy, busiest]) => {
      return { name, busy: Number(busy), perGib: Number(perGib), busiestPerGib: Number(busiest) };
    });
    const [count, megabytesPerSecond] = [Number(atOnce), Number(speed)];
    return [{ side: side as ThreadRow["side"], atOnce: count, megabytesPerSecond, kinds }];
  });
}

/** How fast something can be by one thing. */
export interface Ceiling {
  /** 10^9 bytes per second. */
  readonly gigabytesPerSecond: number;
  /** The thread that ends it. */
  readonly by: string;
}

/**
 * What one side passes at most where no thread waits for a core: threads of a kind of which one alone had work stay one; of those that
 * shared theirs there can be as many as there are cores.
 */
export function ceilingOf({ kinds }: Pick<ThreadRow, "kinds">): Ceiling {
  const single = kinds.filter(({ busy, perGib }) => busy === 1 && perGib > 0);
  const ceilings = single.map(({ name, perGib }) => ({
    gigabytesPerSecond: gibInGigabytes / perGib,
    by: name,
  }));
  const [least] = ceilings.toSorted((a, b) => a.gigabytesPerSecond - b.gigabytesPerSecond);
  return least ?? { gigabytesPerSecond: Number.POSITIVE_INFINITY, by: "nothing" };
}
