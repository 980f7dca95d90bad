// The reckoning in doc/performance.md of what a server passes that has enough cores: done again from the table that stands there, so that
// figures and text cannot drift apart.

import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ceilingOf, cellsOf, rowsIn, type ThreadRow } from "../../bench/reckoning.ts";
import { align } from "../../bench/table.ts";

const text = readFileSync(join(import.meta.dir, "../../doc/performance.md"), "utf8");
const counts = [1, 8, 64];
// From here on a server with enough cores passes 4 GB/s: 2^30 / 0.25 s for what stays one, and 0.95 s for what there can be many of.
const passing = { mainMax: 0.15, busiestMax: 0.95, gigabytesPerSecond: 4 };

const rows = rowsIn(text);
const tableMissing = rows.length === 0 ? "no table there" : null;

describe.skipIf(tableMissing !== null)(
  `the table of threads in doc/performance.md (${tableMissing ?? "measured"})`,
  () => {
    const serverWith = (count: number): ThreadRow => {
      const row = rows.find(({ side, atOnce }) => side === "server" && atOnce === count);
      if (row === undefined) throw new Error(`No row of a server with ${count} at once`);
      return row;
    };

    test("has both sides with 1, 8 and 64 uploads at once", () => {
      const found = rows.map(({ side, atOnce }) => `${side} ${atOnce}`);
      expect(found).toEqual(counts.flatMap((it) => [`server ${it}`, `client ${it}`]));
    });

    test("has sums that are those of its threads", () => {
      for (const { side, atOnce, kinds } of rows) {
        const [, sum, busiest] =
          new RegExp(`${side}, ${atOnce} at once +\\d+ +([\\d.]+) +([\\d.]+) `).exec(text) ?? [];
        const all = kinds.reduce((it, { perGib }) => it + perGib, 0);
        // What is below a hundredth is left out of the names.
        expect(Math.abs(all - Number(sum)), `${side} ${atOnce}`).toBeLessThan(0.06);
        expect(Math.max(...kinds.map((it) => it.busiestPerGib))).toBe(Number(busiest));
      }
    });

    test.each(counts)("leads to what the text says of a server with enough cores and %d at once", (count) => {
      const { gigabytesPerSecond, by } = ceilingOf(serverWith(count));
      expect(text).toContain(
        `${count} at once: with enough cores ${gigabytesPerSecond.toFixed(1)} GB/s, by ${by}`,
      );
    });

    test("says that 4 GB/s are passed where its figures do, and does not say so else", () => {
      const row = serverWith(8);
      const main = row.kinds.find(({ name }) => name === "main")?.perGib ?? 0;
      const busiest = Math.max(...row.kinds.map((it) => it.busiestPerGib));
      const isPassed =
        main <= passing.mainMax &&
        busiest <= passing.busiestMax &&
        ceilingOf(row).gigabytesPerSecond >= passing.gigabytesPerSecond;
      expect(text.includes("a server with enough cores passes 4 GB/s")).toBe(isPassed);
    });
  },
);

describe("the reckoning", () => {
  const main = { name: "main", busy: 1, perGib: 0.15, busiestPerGib: 0.15 };
  const worker = { name: "Worker", busy: 2, perGib: 1.5, busiestPerGib: 0.8 };
  const io = { name: "libzmq", busy: 1, perGib: 0.95, busiestPerGib: 0.95 };

  test("threads that share their work can be more with more cores, one that has it alone stays one", () => {
    expect(ceilingOf({ kinds: [worker, main] })).toEqual({
      gigabytesPerSecond: expect.closeTo(7.158, 3),
      by: "main",
    });
    expect(ceilingOf({ kinds: [worker, io, main] })).toEqual({
      gigabytesPerSecond: expect.closeTo(1.13, 2),
      by: "libzmq",
    });
  });

  test("a printed row is read as it was", () => {
    const row: ThreadRow = { side: "server", atOnce: 8, megabytesPerSecond: 412, kinds: [worker, io, main] };
    const printed = align([["", "MB/s", "all", "busiest", ""], cellsOf(row)]).join("\n");
    expect(rowsIn(printed)).toEqual([row]);
  });
});
