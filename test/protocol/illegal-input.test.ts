// Every input in every state: what the tables allow leads where they say, what they do not name is our own fault,
// and an upload that is over takes no notice of anything.

import { describe, expect, test } from "bun:test";
import { AssertionError } from "../../src/base/assert.ts";
import type { ClientInput, ClientUploadTask } from "../../src/protocol/client/client-events.ts";
import {
  type ClientEvent,
  type ClientState,
  clientTransitions,
} from "../../src/protocol/client/client-states.ts";
import { ClientUpload } from "../../src/protocol/client/client-upload.ts";
import type { ServerInput } from "../../src/protocol/server/server-events.ts";
import {
  type ServerEvent,
  type ServerState,
  serverTransitions,
} from "../../src/protocol/server/server-states.ts";
import { ServerUpload } from "../../src/protocol/server/server-upload.ts";
import { admitted, chunk, hears, options, post, query } from "./server-script.ts";

const serverInputs: Readonly<Record<ServerEvent, ServerInput>> = {
  "post-file": hears(post),
  "post-chunk": chunk(0, 4),
  "query-status": query,
  error: hears({ type: "error", code: 499, text: "" }),
  malformed: { type: "malformed", text: "" },
  admitted,
  restored: { type: "restored", post, admission: { uploadId: "u", offset: 0 }, hashed: true },
  refused: { type: "refused", code: 403, text: "" },
  "hash-ready": { type: "hash-ready" },
  granted: { type: "granted", amount: 1 },
  reclaim: { type: "reclaim" },
  unreachable: { type: "unreachable" },
  stored: { type: "stored", offset: 4 },
  rewound: { type: "rewound", offset: 0 },
  "storage-failed": { type: "storage-failed", code: 507, text: "", keep: true },
  finished: { type: "finished" },
  stop: { type: "stop", code: 503, text: "", keep: true },
  tick: { type: "tick" },
};

const serverPaths: Readonly<Record<ServerState, readonly ServerInput[]>> = {
  new: [],
  admitting: [hears(post)],
  hashing: [hears(post), { ...admitted, hashed: false }],
  receiving: [
    hears(post),
    serverInputs.granted,
    serverInputs.granted,
    serverInputs.granted,
    admitted,
    chunk(0, 4),
  ],
  draining: [
    hears(post),
    serverInputs.granted,
    serverInputs.granted,
    admitted,
    chunk(0, 4),
    chunk(4, 4, true),
  ],
  finishing: [hears(post), serverInputs.granted, admitted, chunk(0, 0, true)],
  ended: [hears(post), serverInputs.refused],
};

const task: ClientUploadTask = {
  name: "a",
  metadataText: '{"a":1}',
  size: 8,
  canSeek: true,
  client: "c",
  resume: false,
};
const approved: ClientInput = {
  type: "message",
  message: { type: "upload-approved", credit: 9, chunkBytes: 4, maxQueue: 4, info: {} },
};

const clientInputs: Readonly<Record<ClientEvent, ClientInput>> = {
  "link-up": { type: "link-up" },
  "link-lost": { type: "link-lost" },
  "upload-approved": approved,
  "transfer-credit": { type: "message", message: { type: "transfer-credit", amount: 1 } },
  "status-report": { type: "message", message: { type: "status-report", seek: 0, credit: 1 } },
  "upload-finished": { type: "message", message: { type: "upload-finished", uploadId: "u" } },
  error: { type: "message", message: { type: "error", code: 500, text: "" } },
  malformed: { type: "malformed", text: "" },
  "chunk-sent": { type: "chunk-sent", offset: 0, length: 4, isLast: false, wasHeld: false },
  "give-up": { type: "give-up", code: "source", text: "", keep: false },
  tick: { type: "tick" },
};

const clientPaths: Readonly<Record<ClientState, readonly ClientInput[]>> = {
  offline: [],
  posting: [clientInputs["link-up"]],
  asking: [clientInputs["link-up"], approved, clientInputs["link-lost"], clientInputs["link-up"]],
  sending: [clientInputs["link-up"], approved],
  confirming: [
    clientInputs["link-up"],
    approved,
    clientInputs["chunk-sent"],
    { type: "chunk-sent", offset: 4, length: 4, isLast: false, wasHeld: false },
    { type: "chunk-sent", offset: 8, length: 0, isLast: true, wasHeld: false },
  ],
  ended: [clientInputs["give-up"]],
};

function keysOf<Key extends string>(record: Readonly<Record<Key, unknown>>): Key[] {
  return Object.keys(record) as Key[];
}

describe("server", () => {
  const pairs = keysOf(serverPaths).flatMap((state) =>
    keysOf(serverInputs).map((event) => [state, event] as const),
  );

  test.each(pairs)("%s, %s", (state, event) => {
    const machine = new ServerUpload(options);
    for (const input of serverPaths[state]) machine.step(input, 0);
    expect(machine.state).toBe(state);
    const next = serverTransitions[state][event];
    if (state === "ended") expect(machine.step(serverInputs[event], 0)).toEqual([]);
    else if (next === undefined) expect(() => machine.step(serverInputs[event], 0)).toThrow(AssertionError);
    else machine.step(serverInputs[event], 0);
    expect(next ?? [state]).toContain(machine.state);
  });

  test("whatever a client may say is foreseen in every state", () => {
    const said = ["post-file", "post-chunk", "query-status", "error", "malformed"] as const;
    for (const state of keysOf(serverPaths).filter((one) => one !== "new" && one !== "ended")) {
      for (const event of said) expect(serverTransitions[state][event]).toBeDefined();
    }
  });
});

describe("client", () => {
  const pairs = keysOf(clientPaths).flatMap((state) =>
    keysOf(clientInputs).map((event) => [state, event] as const),
  );

  test.each(pairs)("%s, %s", (state, event) => {
    const machine = new ClientUpload(task);
    for (const input of clientPaths[state]) machine.step(input, 0);
    expect(machine.state).toBe(state);
    const next = clientTransitions[state][event];
    if (state === "ended") expect(machine.step(clientInputs[event], 0)).toEqual([]);
    else if (next === undefined) expect(() => machine.step(clientInputs[event], 0)).toThrow(AssertionError);
    else machine.step(clientInputs[event], 0);
    expect(next ?? [state]).toContain(machine.state);
  });

  test("whatever a server may say is foreseen in every state", () => {
    const said = [
      "upload-approved",
      "transfer-credit",
      "status-report",
      "upload-finished",
      "error",
      "malformed",
    ] as const;
    for (const state of keysOf(clientPaths).filter((one) => one !== "ended")) {
      for (const event of said) expect(clientTransitions[state][event]).toBeDefined();
    }
  });
});
