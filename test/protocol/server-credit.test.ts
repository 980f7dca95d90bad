// Who may send when: the server's machine after a restart, and when credit is taken back or comes too late.

import { describe, expect, test } from "bun:test";
import { limits } from "../../src/protocol/limits.ts";
import type { ServerAction, ServerInput } from "../../src/protocol/server/server-events.ts";
import { ServerUpload } from "../../src/protocol/server/server-upload.ts";
import type { PostFile } from "../../src/protocol/wire/message.ts";
import {
  admitted,
  chunk,
  givesBack,
  hears,
  info,
  late,
  open,
  options,
  post,
  query,
  report,
  says,
  used,
  wants,
  write,
} from "./server-script.ts";

describe("an upload that is taken up", () => {
  test("asks for credit when its client is back, and tells it with the position", () => {
    const machine = new ServerUpload(options);
    const admission = { uploadId: "u1", offset: 8 };
    expect(machine.step({ type: "restored", post, admission, hashed: true }, 0)).toEqual([]);
    expect(machine.step(query, 1)).toEqual([report(8, 0), wants(8)]);
    expect(machine.step({ type: "granted", amount: 5 }, 1)).toEqual([report(8, 5)]);
  });

  test("forgives what was sent with the credit of an earlier process", () => {
    const machine = new ServerUpload(options);
    machine.step({ type: "restored", post, admission: { uploadId: "u1", offset: 8 }, hashed: true }, 0);
    expect(machine.step(chunk(8, 4), 1)).toEqual([late, report(8, 0), wants(8)]);
    expect(machine.step(chunk(12, 4), 1)).toEqual([]);
  });

  test("tells its chunk size to a client that goes by another one", () => {
    const machine = new ServerUpload(options);
    machine.step({ type: "restored", post, admission: { uploadId: "u1", offset: 8 }, hashed: true }, 0);
    expect(machine.step(chunk(8, 5), 1)).toEqual([
      says({ type: "upload-approved", credit: 0, chunkBytes: 4, maxQueue: 8, info }),
      report(8, 0),
      wants(8),
    ]);
  });

  test("tells a client that asks with a tag what it has to keep, until that goes on", () => {
    const machine = new ServerUpload(options);
    machine.step({ type: "restored", post, admission: { uploadId: "u1", offset: 8 }, hashed: true }, 0);
    const ask = (tag: number) => hears({ type: "query-status", seek: 8, tag });
    const terms = says({ type: "upload-approved", credit: 0, chunkBytes: 4, maxQueue: 8, info });
    const answer = (seek: number, credit: number, tag: number) =>
      says({ type: "status-report", seek, credit, tag });
    expect(machine.step(ask(1), 1)).toEqual([terms, answer(8, 0, 1), wants(8)]);
    machine.step({ type: "granted", amount: 2 }, 1);
    expect(machine.step(ask(2), 1)).toEqual([terms, answer(8, 2, 2)]);
    machine.step(chunk(8, 4), 1);
    expect(machine.step(ask(3), 1)).toEqual([answer(12, 1, 3)]);
  });

  test("has no credit before its bytes are hashed", () => {
    const machine = new ServerUpload(options);
    machine.step(hears(post), 0);
    machine.step({ type: "granted", amount: 4 }, 0);
    const admission = { uploadId: "u1", offset: 8 };
    expect(machine.step({ type: "admitted", admission, hashed: false }, 0)).toEqual([
      givesBack(4),
      says({ type: "upload-approved", credit: 0, chunkBytes: 4, maxQueue: 8, info }),
      report(8, 0),
      wants(0),
    ]);
    expect(machine.step(chunk(8, 4), 0)).toEqual([]);
    expect(machine.step({ type: "hash-ready" }, 0)).toEqual([wants(8)]);
    expect(machine.step({ type: "granted", amount: 2 }, 0)).toEqual([report(8, 2)]);
  });
});

describe("credit", () => {
  test("is given back for a client that is gone, and told anew when it is back", () => {
    const machine = open(post, 4);
    expect(machine.step({ type: "reclaim" }, 0)).toEqual([givesBack(4), report(0, 0), wants(0)]);
    // Was under way when the credit was taken.
    expect(machine.step(chunk(0, 4), 1)).toEqual([late, report(0, 0), wants(8)]);
    expect(machine.step({ type: "granted", amount: 1 }, 1)).toEqual([report(0, 1)]);
    expect(machine.step(chunk(0, 4), 2)).toEqual([used, write(0, 4)]);
  });

  test("is given back for a client that has no connection", () => {
    const machine = open(post, 4);
    const gone: ServerInput = { type: "unreachable" };
    expect(machine.step(gone, 0)).toEqual([givesBack(4), report(0, 0), wants(0)]);
    expect(machine.wakeAt).toBe(limits.goneMs);
    machine.step(query, 1000);
    expect(machine.wakeAt).toBe(1000 + limits.pokeMs);
  });

  test("that nobody wants any more goes back at once", () => {
    const machine = open(post, 1);
    machine.step(chunk(0, 0, true), 0);
    expect(machine.step({ type: "granted", amount: 3 }, 0)).toEqual([givesBack(3)]);
  });

  test("each time that the upload goes back or credit is taken back, one window more is forgiven", () => {
    const machine = open(post, 1);
    for (let turn = 0; turn < 3; turn += 1) {
      machine.step(chunk(0, 4), 0);
      machine.step({ type: "rewound", offset: 0 }, 0);
    }
    machine.step({ type: "reclaim" }, 0);
    expect(excessOf(machine, 0)).toBe(4 * options.maxQueue);
  });

  test("but not without end: a client that sends without credit meets its end in bounded time", () => {
    const machine = open(post, 1);
    for (let turn = 0; turn < 100; turn += 1) {
      machine.step(chunk(0, 4), 0);
      machine.step({ type: "rewound", offset: 0 }, 0);
    }
    machine.step({ type: "reclaim" }, 0);
    expect(excessOf(machine, 0)).toBe(limits.forgivenWindowsMax * options.maxQueue);
  });

  test("a chunk under way that comes twice after its credit was taken back is forgiven with a window of one", () => {
    const machine = new ServerUpload({ ...options, maxQueue: 1 });
    machine.step(hears(post), 0);
    machine.step({ type: "granted", amount: 1 }, 0);
    machine.step({ type: "admitted", admission: { uploadId: "u1", offset: 0 }, hashed: true }, 0);
    machine.step({ type: "reclaim" }, 2000);
    expect(excessOf(machine, 0)).toBe(2);
  });

  test("forgiveness ends after one window", () => {
    const machine = open(post, 1);
    machine.step(query, 0);
    machine.step(chunk(0, 4), 0);
    for (let excess = 0; excess < options.maxQueue; excess += 1) {
      expect(machine.step(chunk(4, 4), 0)).toEqual(excess === 0 ? [late, report(4, 0)] : [late]);
    }
    expect(machine.step(chunk(4, 4), 0).at(-1)).toMatchObject({ type: "done", outcome: "failed", code: 400 });
  });
});

describe("a long line", () => {
  const long = { ...options, longQueue: 64 };
  const capable = { ...post, info: { window: 40 * options.chunkBytes } };

  /** A machine whose client needs 100 ms for each answer, after so many round trips; and the window that was told last, and wanted. */
  function sendOver(machine: ServerUpload, posted: PostFile, roundTrips: number) {
    const seen: ServerAction[] = [...machine.step(hears(posted), 0)];
    let outstanding = 0;
    const grant = (amount: number, now: number) => {
      outstanding += amount;
      seen.push(...machine.step({ type: "granted", amount }, now));
    };
    grant(options.maxQueue, 0);
    seen.push(...machine.step(admitted, 0));
    let at = 0;
    for (let trip = 1; trip <= roundTrips; trip += 1) {
      for (let left = outstanding; left > 0; left -= 1) {
        at += 4;
        outstanding -= 1;
        seen.push(...machine.step(chunk(at - 4, 4), 100 * trip));
        machine.step({ type: "stored", offset: at }, 100 * trip);
      }
      grant(windowIn(seen), 100 * trip);
    }
    return { seen, at };
  }

  function windowIn(actions: readonly ServerAction[]): number {
    const wanted = actions.flatMap((it) =>
      it.type === "credit" && it.report.kind === "want" ? [it.report.window] : [],
    );
    return wanted.at(-1) ?? 0;
  }

  function toldIn(actions: readonly ServerAction[]): readonly number[] {
    return actions.flatMap((it) =>
      it.type === "send" && it.message.type === "upload-approved" ? [it.message.maxQueue] : [],
    );
  }

  test("is given what it takes, up to what its client can send again, which is told first", () => {
    const { seen } = sendOver(new ServerUpload(long), capable, 6);
    expect(windowIn(seen)).toBeWithin(32, 41);
    const told = toldIn(seen);
    expect(told).toEqual(told.toSorted((a, b) => a - b));
    expect([told[0], told.at(-1)]).toEqual([8, windowIn(seen)]);
    let most = 0;
    for (const action of seen) {
      if (action.type === "send" && action.message.type === "upload-approved") most = action.message.maxQueue;
      if (action.type === "credit" && action.report.kind === "want")
        expect(action.report.window).toBeLessThanOrEqual(most || 8);
    }
  });

  test("is no reason for more where the client did not say that it can", () => {
    const { seen } = sendOver(new ServerUpload(long), post, 6);
    expect([windowIn(seen), toldIn(seen)]).toEqual([8, [8]]);
  });

  test("of a client that may not have heard how much it is to keep is told again before the answer", () => {
    const machine = new ServerUpload(long);
    const { at, seen } = sendOver(machine, capable, 6);
    const question = { type: "query-status", seek: at, tag: 7, info: { window: 160 } } as const;
    const [terms, answer] = machine.step(hears(question), 700);
    expect(terms).toMatchObject({
      message: { type: "upload-approved", credit: 0, maxQueue: windowIn(seen) },
    });
    expect(answer).toMatchObject({ message: { type: "status-report", seek: at, tag: 7 } });
    const [other] = machine.step(hears({ type: "query-status", seek: at, tag: 8 }), 700);
    expect(other).toMatchObject({ message: { type: "status-report", tag: 8 } });
  });
});

describe("what is stored", () => {
  const keeper: PostFile = { ...post, info: { stored: true } };

  function saidBy(machine: ServerUpload, input: ServerInput): readonly unknown[] {
    return machine.step(input, 0).flatMap((it) => (it.type === "send" ? [it.message] : []));
  }

  test("is told with credit and answers to a client that keeps what is not", () => {
    const machine = open(keeper, 4);
    machine.step(chunk(0, 4), 0);
    machine.step(chunk(4, 4), 0);
    machine.step({ type: "stored", offset: 4 }, 0);
    const grant = { type: "granted", amount: 2 } as const;
    expect(saidBy(machine, grant)).toEqual([{ type: "transfer-credit", amount: 2, info: { stored: 4 } }]);
    const question = hears({ type: "query-status", seek: 8, tag: 3 });
    const answer = { type: "status-report", seek: 8, credit: 4, tag: 3 };
    expect(saidBy(machine, question)).toEqual([{ ...answer, info: { stored: 4 } }]);
    // It stands behind a tag.
    expect(saidBy(machine, query)).toEqual([{ type: "status-report", seek: 8, credit: 4 }]);
    machine.step({ type: "rewound", offset: 0 }, 0);
    expect(saidBy(machine, question)).toMatchObject([{ seek: 0, info: { stored: 0 } }]);
    machine.step(hears({ type: "query-status", seek: 0, tag: 4, info: { waits: true } }), 0);
    expect(saidBy(machine, question)).toEqual([{ ...answer, seek: 0, credit: 5 }]);
  });

  test("is told with credit that waited for the client to go back", () => {
    const machine = open(keeper, 2);
    expect(saidBy(machine, chunk(4, 4))).toMatchObject([{ type: "status-report", seek: 0 }]);
    expect(saidBy(machine, { type: "granted", amount: 2 })).toEqual([]);
    const [credit] = saidBy(machine, chunk(0, 4));
    expect(credit).toEqual({ type: "transfer-credit", amount: 2, info: { stored: 0 } });
  });

  test("of an upload that is taken up is told when its client says again that it wants to know", () => {
    const machine = new ServerUpload(options);
    const admission = { uploadId: "u1", offset: 8 };
    machine.step({ type: "restored", post: keeper, admission, hashed: true }, 0);
    const question = { type: "query-status", seek: 12, tag: 1, info: { stored: true } } as const;
    expect(saidBy(machine, hears(question))).toMatchObject([
      { type: "upload-approved", info: { stored: true } },
      { type: "status-report", seek: 8, tag: 1, info: { stored: 8 } },
    ]);
  });
});

/** How many chunks at `offset`, for which there is no credit, are forgiven before the upload is dropped. */
function excessOf(machine: ServerUpload, offset: number): number {
  for (let count = 0; count < 10_000; count += 1) {
    const actions = machine.step(chunk(offset, 4), 0);
    if (actions.at(-1)?.type === "done") return count;
    expect(actions.filter(({ type }) => type === "write")).toEqual([]);
  }
  throw new Error("A client that sends without credit is never dropped");
}
