// What one damaged frame header costs, as scripts against both machines: a message that is none counts as lost, a chunk
// whose data looks like the next message has to come twice, and a client doubts its first 400.

import { describe, expect, test } from "bun:test";
import type { ClientInput } from "../../src/protocol/client/client-events.ts";
import { ClientUpload } from "../../src/protocol/client/client-upload.ts";
import type { ServerInput } from "../../src/protocol/server/server-events.ts";
import { ServerUpload } from "../../src/protocol/server/server-upload.ts";
import {
  chunk,
  hears,
  info,
  open,
  options,
  post,
  query,
  report,
  says,
  sized,
  used,
} from "./server-script.ts";

const garbage: ServerInput = { type: "malformed", text: "Unknown command" };
const broken = [
  says({ type: "error", code: 400, text: "Unknown command" }),
  { type: "done", outcome: "failed", code: 400, text: "Unknown command" },
];

function named(seek: number, name: string): ServerInput {
  return hears({ type: "post-chunk", seek, data: new TextEncoder().encode(name), checksum: null });
}

describe("frames that are no message", () => {
  test("count as a lost message once", () => {
    const machine = open(post, 3);
    machine.step(chunk(0, 4), 0);
    expect(machine.step(garbage, 0)).toEqual([report(4, 2)]);
    expect(machine.step(garbage, 0).slice(-2)).toEqual(broken as never);
  });

  test("count as lost again when a chunk was accepted in between", () => {
    const machine = open(post, 3);
    for (let seek = 0; seek < 12; seek += 4) {
      expect(machine.step(garbage, 0)).toEqual([report(seek, 3 - seek / 4)]);
      // What was under way says nothing new.
      expect(machine.step(chunk(seek + 4, 4), 0)).toEqual([]);
      machine.step(chunk(seek, 4), 0);
    }
  });

  test("are reported also where a gap was: the chunk that was awaited may be what is lost", () => {
    const machine = open(post, 3);
    expect(machine.step(chunk(4, 4), 0)).toEqual([report(0, 3)]);
    expect(machine.step(garbage, 0)).toEqual([report(0, 3)]);
  });

  test("while the upload is being checked are answered with patience", () => {
    const machine = new ServerUpload(options);
    machine.step(hears(post), 0);
    expect(machine.step(garbage, 0)).toEqual([says({ type: "transfer-credit", amount: 0 })]);
    expect(machine.step(garbage, 0).slice(0, 2)).toEqual(broken as never);
  });

  test("do not stop what is being published", () => {
    const machine = open(post, 1);
    machine.step(chunk(0, 0, true), 0);
    expect(machine.step(garbage, 0)).toEqual([report(0, 0)]);
    expect(machine.step(garbage, 0)).toEqual([says({ type: "error", code: 400, text: "Unknown command" })]);
    expect(machine.state).toBe("finishing");
  });
});

describe("a chunk whose data is the name of a command", () => {
  test.each(["error", "post-chunk", "post-file", "query-status"])("%s has to come twice", (name) => {
    const machine = new ServerUpload({ ...options, chunkBytes: 16 });
    machine.step(hears(post), 0);
    machine.step({ type: "granted", amount: 2 }, 0);
    machine.step({ type: "admitted", admission: { uploadId: "u1", offset: 0 }, hashed: true }, 0);
    expect(machine.step(named(0, name), 0)).toEqual([report(0, 2)]);
    expect(machine.step(named(0, name), 0)).toMatchObject([used, { type: "write", offset: 0 }]);
    expect(machine.step(named(name.length, name), 0)).toEqual([report(name.length, 1)]);
  });

  test("gives way to what the client sends instead", () => {
    const machine = open(post, 3);
    expect(machine.step(named(0, "post-chunk"), 0)).toEqual([report(0, 3)]);
    expect(machine.step(chunk(8, 4), 0)).toEqual([]);
    expect(machine.step(chunk(0, 4), 0)).toMatchObject([used, { type: "write", offset: 0 }]);
  });

  test("has to come twice again when the place comes again", () => {
    const machine = open(post, 3);
    machine.step(named(0, "post-chunk"), 0);
    machine.step(chunk(0, 4), 0);
    machine.step({ type: "rewound", offset: 0 }, 0);
    expect(machine.step(named(0, "post-chunk"), 0)).toEqual([report(0, 3)]);
  });

  test("is not taken for more data than was announced", () => {
    const machine = open(sized, 3);
    machine.step(chunk(0, 4), 0);
    machine.step(chunk(4, 4), 0);
    expect(machine.step(named(8, "post-chunk"), 0)).toEqual([report(8, 1)]);
  });
});

describe("a chunk of the size that an earlier process allowed", () => {
  function restored(): ServerUpload {
    const machine = new ServerUpload(options);
    const admission = { uploadId: "u1", offset: 0 };
    machine.step({ type: "restored", post, admission, hashed: true }, 0);
    machine.step(query, 0);
    machine.step({ type: "granted", amount: 2 }, 0);
    return machine;
  }
  const approval = says({ type: "upload-approved", credit: 0, chunkBytes: 4, maxQueue: 8, info });

  test("is answered with the new one, again when that was lost", () => {
    const machine = restored();
    for (let round = 0; round < 3; round++) {
      expect(machine.step(chunk(0, 8), 0)).toEqual([approval, report(0, 2)]);
      expect(machine.step(chunk(8, 8), 0)).toEqual([]);
    }
    expect(machine.step(chunk(0, 4), 0)).toMatchObject([used, { type: "write", offset: 0 }]);
  });

  test("ends the upload in the end", () => {
    const machine = restored();
    for (let round = 0; round < 16; round++) machine.step(chunk(0, 8), 0);
    const text = "Chunk of 8 bytes, at most 4 are allowed";
    expect(machine.step(chunk(0, 8), 0)).toContainEqual(says({ type: "error", code: 400, text }));
  });
});

describe("a client that hears 400", () => {
  const task = { name: "a", metadataText: '{"a":1}', size: 8, canSeek: true, client: "c", resume: false };
  const refused: ClientInput = { type: "message", message: { type: "error", code: 400, text: "Nonsense" } };
  const approved: ClientInput = {
    type: "message",
    message: { type: "upload-approved", credit: 0, chunkBytes: 4, maxQueue: 4, info: {} },
  };

  function reported(seek: number): ClientInput {
    return { type: "message", message: { type: "status-report", seek, credit: 1 } };
  }

  /** What the machine does with 400 on a connection of its own, after `inputs`. */
  function refuse(machine: ClientUpload, ...inputs: readonly ClientInput[]): string | undefined {
    for (const input of [{ type: "link-up" } as const, ...inputs]) machine.step(input, 0);
    return machine.step(refused, 0)[0]?.type;
  }

  test("asks again on another connection, and believes it there", () => {
    const machine = new ClientUpload(task);
    expect(refuse(machine)).toBe("reconnect");
    expect(refuse(machine)).toBe("done");
  });

  test("doubts it again once the server had moved on", () => {
    const machine = new ClientUpload({ ...task, resume: true });
    expect(refuse(machine)).toBe("reconnect");
    expect(refuse(machine, approved)).toBe("reconnect");
    expect(refuse(machine, reported(4))).toBe("reconnect");
    expect(refuse(machine, reported(4))).toBe("done");
  });
});
