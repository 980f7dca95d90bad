// The server's machine as scripts: an input, then exactly the actions it leads to.

import { describe, expect, test } from "bun:test";
import { limits } from "../../src/protocol/limits.ts";
import type { ServerAction } from "../../src/protocol/server/server-events.ts";
import { ServerUpload } from "../../src/protocol/server/server-upload.ts";
import {
  admitted,
  checksum,
  chunk,
  givesBack,
  hears,
  info,
  open,
  options,
  post,
  query,
  report,
  says,
  sized,
  undone,
  used,
  wants,
  write,
  wrote,
} from "./server-script.ts";

test("an upload from the first message to the last", () => {
  const machine = new ServerUpload(options);
  expect(machine.step(hears(sized), 0)).toEqual([{ type: "admit", post: sized }, wants(4)]);
  expect(machine.step({ type: "granted", amount: 2 }, 0)).toEqual([]);
  expect(machine.step(admitted, 1)).toEqual([
    says({ type: "upload-approved", credit: 2, chunkBytes: 4, maxQueue: 8, info }),
  ]);
  expect(machine.step(chunk(0, 4), 2)).toEqual([used, write(0, 4)]);
  expect(machine.step(chunk(4, 4), 3)).toEqual([used, write(4, 4)]);
  expect(machine.step({ type: "stored", offset: 4 }, 4)).toEqual([wrote]);
  expect(machine.step({ type: "granted", amount: 3 }, 4)).toEqual([
    says({ type: "transfer-credit", amount: 3 }),
    // Two chunks are missing: more credit would be of no use.
    wants(0),
  ]);
  expect(machine.step(chunk(8, 2), 5)).toEqual([used, write(8, 2)]);
  expect(machine.step(chunk(10, 0, true), 6)).toEqual([used, givesBack(1)]);
  expect(machine.step({ type: "stored", offset: 8 }, 7)).toEqual([wrote]);
  expect(machine.step({ type: "stored", offset: 10 }, 8)).toEqual([
    wrote,
    wrote,
    { type: "finish", size: 10, checksum },
  ]);
  expect(machine.step({ type: "finished" }, 9)).toEqual([
    says({ type: "upload-finished", uploadId: "u1" }),
    { type: "done", outcome: "finished", code: 200, text: "" },
  ]);
  expect(machine.state).toBe("ended");
});

describe("a receipt", () => {
  const wanting = { ...post, info: { receipt: true } } as const;
  const end = [chunk(0, 0, true), { type: "finished", receipt: "a.b.c" }] as const;

  test("is wanted by who says so when it begins, and by who says so later", () => {
    const asked = [
      open(wanting, 2),
      (() => {
        const machine = open(post, 2);
        machine.step(hears(wanting), 1);
        return machine;
      })(),
      (() => {
        const machine = new ServerUpload(options);
        machine.step({ ...admitted, type: "restored", post: wanting }, 0);
        machine.step(query, 0);
        machine.step({ type: "granted", amount: 2 }, 0);
        return machine;
      })(),
    ];
    for (const machine of asked) {
      expect(machine.step(end[0], 2)).toContainEqual({
        type: "finish",
        size: 0,
        checksum,
        wantsReceipt: true,
      });
      expect(machine.step(end[1], 3)[0]).toEqual(
        says({ type: "upload-finished", uploadId: "u1", receipt: "a.b.c" }),
      );
    }
  });

  test("is not asked for where nobody wants it, nor sent where none can be given", () => {
    const machine = open(post, 2);
    expect(machine.step(end[0], 2)).toContainEqual({ type: "finish", size: 0, checksum });
    expect(machine.step({ type: "finished" }, 3)[0]).toEqual(
      says({ type: "upload-finished", uploadId: "u1" }),
    );
  });
});

describe("a dataset", () => {
  const tar = { ...post, name: "run.tar", info: { unpack: "tar" } } as const;
  const approved = (layout: "plain" | "bagit") => {
    const machine = new ServerUpload(options);
    machine.step(hears(tar), 0);
    machine.step({ ...admitted, admission: { uploadId: "u1", offset: 0, layout } }, 0);
    return machine;
  };

  test.each([
    ["plain", { unpack: true, removes: true }],
    ["bagit", { unpack: true, names: "bagit", removes: true }],
  ] as const)("is approved with what becomes of it, also to who asks again: %s", (layout, more) => {
    expect(approved(layout).step(hears(tar), 1)).toContainEqual(
      says({ type: "upload-approved", credit: 0, chunkBytes: 4, maxQueue: 8, info: { ...info, ...more } }),
    );
  });

  test("is no file of that name, and no file is a dataset", () => {
    const text = 'This connection uploads "run" already, with metadata of its own';
    for (const other of [
      { ...tar, info: {} },
      { ...post, name: "run" },
    ])
      expect(approved("plain").step(hears(other), 1)).toEqual([says({ type: "error", code: 409, text })]);
    expect(open(post, 0).step(hears({ ...post, info: { unpack: "tar" } }), 1)).toEqual([
      says({ type: "error", code: 409, text: text.replace("run", "run.raw") }),
    ]);
  });
});

test("an empty file is one empty last chunk", () => {
  const machine = open(post, 1);
  expect(machine.step(chunk(0, 0, true), 0)).toEqual([
    used,
    wrote,
    { type: "finish", size: 0, checksum },
    wants(0),
  ]);
});

test("a storage that holds several chunks answers for all of them at once", () => {
  const machine = open(post, 3);
  for (const seek of [0, 4, 8]) machine.step(chunk(seek, 4), 0);
  // Part of the third as well: its memory is still used.
  expect(machine.step({ type: "stored", offset: 10 }, 0)).toEqual([wrote, wrote]);
  expect(machine.step({ type: "stored", offset: 12 }, 0)).toEqual([wrote]);
  expect(() => machine.step({ type: "stored", offset: 12 }, 0)).toThrow("what was not accepted");
});

test("data in a last chunk is accepted", () => {
  const machine = open(post, 1);
  expect(machine.step(chunk(0, 3, true), 0)).toEqual([used, write(0, 3), wants(0)]);
  expect(machine.step({ type: "stored", offset: 3 }, 0)).toEqual([
    wrote,
    { type: "finish", size: 3, checksum },
  ]);
});

describe("what is out of sequence", () => {
  test("a duplicate is discarded in silence and costs nothing", () => {
    const machine = open(post, 2);
    machine.step(chunk(0, 4), 0);
    expect(machine.step(chunk(0, 4), 0)).toEqual([]);
    expect(machine.step(query, 0)).toEqual([report(4, 1)]);
  });

  test("a gap is reported once, and what follows is discarded until the client went back", () => {
    const machine = open(post, 8);
    expect(machine.step(chunk(0, 4), 0)).toEqual([used, write(0, 4)]);
    expect(machine.step(chunk(8, 4), 0)).toEqual([report(4, 7)]);
    expect(machine.step(chunk(12, 4), 0)).toEqual([]);
    expect(machine.step(chunk(4, 4), 0)).toEqual([used, write(4, 4)]);
    expect(machine.step(chunk(8, 4), 0)).toEqual([used, write(8, 4)]);
    expect(machine.step(chunk(16, 4), 0)).toEqual([report(12, 5)]);
  });

  test("a chunk that overlaps the position is a gap", () => {
    const machine = open(post, 8);
    machine.step(chunk(0, 4), 0);
    expect(machine.step(chunk(2, 4), 0)).toEqual([report(4, 7)]);
  });

  test("credit that comes before the client went back is told afterwards", () => {
    const machine = open(post, 4);
    machine.step(chunk(4, 4), 0);
    expect(machine.step({ type: "granted", amount: 3 }, 0)).toEqual([]);
    expect(machine.step(chunk(0, 4), 0)).toEqual([
      used,
      says({ type: "transfer-credit", amount: 3 }),
      write(0, 4),
    ]);
  });

  test("a query's tag comes back, and one from behind a gap is told of it once", () => {
    const machine = open(post, 8);
    const ask = (seek: number, tag: number) => hears({ type: "query-status", seek, tag });
    const answer = (seek: number, credit: number, tag: number) =>
      says({ type: "status-report", seek, credit, tag });
    expect(machine.step(ask(0, 5), 0)).toEqual([answer(0, 8, 5)]);
    expect(machine.step(chunk(4, 4), 0)).toEqual([report(0, 8)]);
    machine.step(chunk(0, 4), 0);
    expect(machine.step(ask(8, 6), 0)).toEqual([answer(4, 7, 6)]);
    expect(machine.step(chunk(8, 4), 0)).toEqual([]);
    expect(machine.step(chunk(4, 4), 0)).toEqual([used, write(4, 4)]);
    expect(machine.step(chunk(12, 4), 0)).toEqual([report(8, 6)]);
  });

  test("a query is always answered", () => {
    const machine = open(post, 4);
    machine.step(chunk(4, 4), 0);
    expect(machine.step(query, 0)).toEqual([report(0, 4)]);
    expect(machine.step(query, 0)).toEqual([report(0, 4)]);
  });
});

describe("what drops an upload", () => {
  const done = (code: number, text: string): ServerAction[] => [
    says({ type: "error", code, text }),
    { type: "done", outcome: "failed", code, text },
  ];

  test.each([
    ["a chunk without credit", post, 0, chunk(0, 4), 400, "Chunk at offset 0 was sent without credit"],
    ["a chunk that is too large", post, 1, chunk(0, 5), 400, "Chunk of 5 bytes, at most 4 are allowed"],
    [
      "a last chunk before the announced size",
      sized,
      1,
      chunk(0, 0, true),
      400,
      "Last chunk ends at offset 0, but 10 bytes were announced",
    ],
  ] as const)("%s", (_, posted, credit, input, code, text) => {
    expect(open(posted, credit).step(input, 0)).toEqual(done(code, text));
  });

  test("data beyond the announced size", () => {
    const machine = open({ ...post, info: { size: 6 } }, 3);
    machine.step(chunk(0, 4), 0);
    const text = "Data up to offset 8, but 6 bytes were announced";
    expect(machine.step(chunk(4, 4), 0)).toEqual(done(413, text));
  });

  test("an error of the client", () => {
    const actions = open(post, 1).step(hears({ type: "error", code: 499, text: "Cancelled" }), 0);
    // It is said back: so the client knows that it was heard.
    expect(actions).toEqual([
      says({ type: "error", code: 499, text: "Cancelled" }),
      { type: "done", outcome: "failed", code: 499, text: "Cancelled" },
    ]);
    const later = open(post, 1).step(hears({ type: "error", code: 503, text: "Back soon" }), 0);
    expect(later).toEqual([
      says({ type: "error", code: 503, text: "Back soon" }),
      { type: "done", outcome: "suspended", code: 503, text: "Back soon" },
    ]);
  });
});

describe("a second post-file", () => {
  test("is answered with approval and position", () => {
    const machine = open(post, 3);
    machine.step(chunk(0, 4), 0);
    const again = { ...post, metadataText: ` ${post.metadataText} ` };
    expect(machine.step(hears(again), 0)).toEqual([
      // No credit that could be spent at offset 0 before the report is read.
      says({ type: "upload-approved", credit: 0, chunkBytes: 4, maxQueue: 8, info }),
      report(4, 2),
    ]);
  });

  test("with other content is refused and changes nothing", () => {
    const machine = open(post, 3);
    for (const other of [
      { ...post, name: "other" },
      { ...post, metadataText: '{"sample":"BAR"}' },
    ]) {
      const text = 'This connection uploads "run.raw" already, with metadata of its own';
      expect(machine.step(hears(other), 0)).toEqual([says({ type: "error", code: 409, text })]);
    }
    expect(machine.step(query, 0)).toEqual([report(0, 3)]);
  });

  test("while the first is being checked is answered with patience", () => {
    const machine = new ServerUpload(options);
    machine.step(hears(post), 0);
    expect(machine.step(hears(post), 0)).toEqual([says({ type: "transfer-credit", amount: 0 })]);
  });
});

test("stored bytes that were lost are sent again, with the credit they had", () => {
  const machine = open(post, 3);
  machine.step(chunk(0, 4), 0);
  machine.step({ type: "stored", offset: 4 }, 0);
  machine.step(chunk(4, 4), 0);
  machine.step(chunk(8, 0, true), 0);
  expect(machine.state).toBe("draining");
  expect(machine.step({ type: "rewound", offset: 4 }, 0)).toEqual([undone, report(4, 2), wants(8)]);
  expect(machine.step(chunk(4, 4), 0)).toEqual([used, write(4, 4)]);
});

test("a silent client is poked ever more rarely, and gives up its place without a word in the end", () => {
  const machine = open(post, 4);
  const pokes: number[] = [];
  let now = 0;
  for (;;) {
    now = machine.wakeAt ?? 0;
    expect(machine.step({ type: "tick" }, now - 1)).toEqual([]);
    const actions = machine.step({ type: "tick" }, now);
    if (machine.state === "ended") {
      expect(actions).toMatchObject([{ type: "done", outcome: "suspended", code: 408 }]);
      break;
    }
    expect(actions).toEqual([says({ type: "transfer-credit", amount: 0 })]);
    pokes.push(now);
  }
  expect(pokes).toEqual([5_000, 15_000, 35_000]);
  expect(now).toBe(limits.idleMs);
});

test("a server that stops keeps what it is told to keep", () => {
  const stop = { type: "stop", code: 503, text: "Going down", keep: true } as const;
  expect(open(post, 1).step(stop, 0)).toEqual([
    says({ type: "error", code: 503, text: "Going down" }),
    { type: "done", outcome: "suspended", code: 503, text: "Going down" },
  ]);
});
