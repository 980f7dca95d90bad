// What a client hears in each phase of an upload's life: the cells of the table in doc/protocol.md, section 5, that are
// decided before and after the upload is active; and what is held while the server is busy with it.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { AssertionError } from "../../src/base/assert.ts";
import {
  type LifeAction,
  type LifeInput,
  type LifePhase,
  lifeTransitions,
  type RecordedUpload,
  UploadLife,
} from "../../src/protocol/server/upload-life.ts";
import type { PostFile } from "../../src/protocol/wire/message.ts";
import { admitted, chunk, hears, options, post, query } from "./server-script.ts";

const record = (change: Partial<RecordedUpload>): RecordedUpload => ({
  id: "u1",
  state: "open",
  errorCode: null,
  reason: null,
  isSame: (it) => it.name === post.name,
  ...change,
});
const found = (change: Partial<RecordedUpload>): LifeInput => ({ type: "found", record: record(change) });
const unknown: LifeInput = { type: "found", record: null };
const cancel = hears({ type: "error", code: 499, text: "Cancelled" });
const back = hears({ type: "error", code: 503, text: "Back soon" });
const garbage: LifeInput = { type: "malformed", text: "Unknown command" };
const last = chunk(0, 0, true);
const other = hears({ ...post, name: "other" });
const restored: LifeInput = {
  type: "restored",
  post,
  admission: { uploadId: "u1", offset: 4 },
  hashed: true,
};

/** Feeds `inputs`; returns what the last one led to. */
function lead(life: UploadLife, ...inputs: readonly LifeInput[]): readonly LifeAction[] {
  return inputs.map((input) => life.step(input, 0)).at(-1) ?? [];
}

const question: PostFile = { ...post, info: { ask: true } };
const asks = hears(question);
const inquire: LifeAction = { type: "inquire", post: question };
const nothing: LifeInput = { type: "refused", code: 404, text: "Nothing" };
const answered: LifeAction = {
  type: "send",
  message: { type: "error", code: 404, text: "Nothing", info: { ask: true } },
};

const error = (code: number, text: string): LifeAction => ({
  type: "send",
  message: { type: "error", code, text },
});
const finished: LifeAction = { type: "send", message: { type: "upload-finished", uploadId: "u1" } };
const over: LifeAction = { type: "over" };
const gone = { state: "failed", errorCode: 404, reason: "The stored bytes are gone" } as const;
const failed = { state: "failed", errorCode: 460, reason: "Checksum mismatch" } as const;

describe("the answer to", () => {
  const cells: readonly (readonly [string, LifeInput, string, LifeInput, readonly LifeAction[]])[] = [
    ["a chunk", chunk(0, 4), "unknown", unknown, [error(404, "No such upload"), over]],
    ["a question", query, "unknown", unknown, [error(404, "No such upload"), over]],
    ["an error", cancel, "unknown", unknown, [error(404, "No such upload"), over]],
    ["a post-file", hears(post), "finished", found({ state: "finished" }), [finished, over]],
    [
      "another post-file",
      other,
      "finished",
      found({ state: "finished" }),
      [error(409, "This upload identity was used for another file"), over],
    ],
    ["a chunk", chunk(0, 4), "finished", found({ state: "finished" }), [over]],
    ["the last chunk", last, "finished", found({ state: "finished" }), [finished, over]],
    ["a question", query, "finished", found({ state: "finished" }), [finished, over]],
    ["an error", cancel, "finished", found({ state: "finished" }), [finished, over]],
    ["a post-file", hears(post), "failed", found(failed), [error(460, "Checksum mismatch"), over]],
    ["a chunk", chunk(0, 4), "failed", found(failed), [over]],
    ["the last chunk", last, "failed", found(failed), [error(460, "Checksum mismatch"), over]],
    ["a question", query, "failed", found(failed), [error(460, "Checksum mismatch"), over]],
    ["an error", cancel, "failed", found(failed), [error(460, "Checksum mismatch"), over]],
    ["a question", query, "without bytes", found(gone), [error(404, "The stored bytes are gone"), over]],
    [
      "a post-file",
      hears(post),
      "publishing",
      found({ state: "publishing" }),
      [{ type: "publish", question: "post-file" }],
    ],
    [
      "a question",
      query,
      "publishing",
      found({ state: "publishing" }),
      [{ type: "publish", question: "query-status" }],
    ],
    [
      "a chunk",
      chunk(0, 4),
      "publishing",
      found({ state: "publishing" }),
      [{ type: "publish", question: "chunk" }],
    ],
    ["a post-file", hears(post), "suspended", found({}), [{ type: "restore", needsPlace: true }]],
    ["a chunk", chunk(0, 4), "suspended", found({}), [{ type: "restore", needsPlace: true }]],
    ["a question", query, "suspended", found({}), [{ type: "restore", needsPlace: true }]],
    ["an error that gives it up", cancel, "suspended", found({}), [{ type: "restore", needsPlace: false }]],
    ["an error that means to come back", back, "suspended", found({}), [error(503, "Back soon"), over]],
  ];

  test.each(cells)("%s, where the upload is %s", (_what, said, _state, answer, actions) => {
    const life = new UploadLife(options);
    expect(lead(life, said)).toEqual([{ type: "look-up" }]);
    expect(lead(life, answer)).toEqual([...actions]);
  });

  test("who wants a receipt has it with the confirmation of what finished, and nobody else", () => {
    const state = { state: "finished", receipt: () => "a.b.c" } as const;
    const confirmed = { type: "upload-finished", uploadId: "u1" } as const;
    const signed: LifeAction = { type: "send", message: { ...confirmed, receipt: "a.b.c" } };
    const wanting = hears({ ...post, info: { receipt: true } });
    const answers: readonly (readonly [LifeInput, LifeInput, LifeAction])[] = [
      [query, found(state), finished],
      [hears(post), found(state), finished],
      [wanting, found(state), signed],
      [wanting, found({ ...state, receipt: () => null }), finished],
      [query, found({ ...state, wantsReceipt: true }), signed],
      [last, found({ ...state, wantsReceipt: true }), signed],
      [cancel, found({ ...state, wantsReceipt: true }), signed],
    ];
    for (const [said, answer, action] of answers)
      expect(lead(new UploadLife(options), said, answer)).toEqual([action, over]);
  });

  test("a post-file begins an upload that is unknown, and one whose stored bytes are gone", () => {
    for (const answer of [unknown, found(gone)]) {
      const life = new UploadLife(options);
      expect(lead(life, hears(post), answer)[0]).toEqual({ type: "admit", post });
      expect(life.phase).toBe("active");
    }
  });

  test("what is complete is that its client shall come back, or why it was not published", () => {
    const life = new UploadLife(options);
    expect(lead(life, query, found({ state: "publishing" }), { type: "publishing" })).toEqual([
      error(503, "The stored bytes are being checked and published"),
      over,
    ]);
    const refused = new UploadLife(options);
    const why: LifeInput = { type: "refused", code: 507, text: "No room" };
    expect(lead(refused, query, found({ state: "publishing" }), why)).toEqual([error(507, "No room"), over]);
  });
});

describe("what is said while", () => {
  test("the catalogue is asked is answered in order, of several questions the newest", () => {
    const life = new UploadLife(options);
    const asked = hears({ type: "query-status", seek: 4, tag: 7 });
    lead(life, query, asked, hears(post), chunk(0, 4), chunk(4, 4));
    const actions = lead(life, found({ state: "finished" }));
    expect(actions).toEqual([finished, finished, over]);
  });

  test("the storage is opened is answered when it is open: a chunk by where to go on", () => {
    const life = new UploadLife(options);
    lead(life, chunk(4, 4), found({}), hears({ type: "query-status", seek: 4, tag: 7 }));
    const reports = lead(life, restored).filter(({ type }) => type === "send");
    expect(reports).toMatchObject([
      { message: { type: "status-report", seek: 4 } },
      { message: { type: "upload-approved" } },
      { message: { type: "status-report", seek: 4, tag: 7 } },
    ]);
  });

  test("it is put away is looked up again", () => {
    const life = new UploadLife(options);
    lead(life, hears(post), unknown, { type: "granted", amount: 1 }, admitted, last, { type: "finished" });
    expect(life.phase).toBe("ending");
    expect(lead(life, query)).toEqual([]);
    expect(lead(life, { type: "put-away" })).toEqual([{ type: "look-up" }]);
    expect(lead(life, found({ state: "finished" }))).toEqual([finished, over]);
  });

  test("it was still being checked changes nothing any more, whether it is let in or not", () => {
    for (const late of [admitted, { type: "refused", code: 507, text: "No room" } as const]) {
      const life = new UploadLife(options);
      lead(life, hears(post), unknown, cancel);
      expect(lead(life, late)).toEqual([]);
      expect(lead(life, { type: "put-away" })).toEqual([over]);
    }
  });

  test("it is put away is nothing: then it is over, and nothing counts any more", () => {
    const life = new UploadLife(options);
    lead(life, hears(post), unknown, cancel);
    expect(lead(life, { type: "put-away" })).toEqual([over]);
    expect(lead(life, query)).toEqual([]);
  });

  test("the server cannot look it up is refused once", () => {
    const life = new UploadLife(options);
    expect(lead(life, query, hears(post), { type: "refused", code: 503, text: "Busy" })).toEqual([
      error(503, "Busy"),
      over,
    ]);
  });
});

describe("a post-file that only asks", () => {
  test("is looked into at once, and answered; then nothing is left", () => {
    const life = new UploadLife(options);
    expect(lead(life, asks)).toEqual([inquire]);
    expect(lead(life, nothing)).toEqual([answered, over]);
  });

  test("again while it is looked into is looked into next", () => {
    const life = new UploadLife(options);
    lead(life, asks, asks);
    expect(lead(life, nothing)).toEqual([answered, inquire]);
    expect(lead(life, nothing)).toEqual([answered, over]);
  });

  test.each([["finished"], ["failed"], ["publishing"]] as const)(
    "is behind what else is said, and not about the upload, which %s",
    (state) => {
      const life = new UploadLife(options);
      expect(lead(life, query, asks)).toEqual([]);
      const actions = lead(life, found({ state }), { type: "publishing" });
      expect([...actions, inquire]).toContainEqual(inquire);
      expect(life.phase).toBe("arriving");
      expect(lead(life, nothing)).toEqual([answered, over]);
    },
  );

  test("may be followed by an upload", () => {
    const life = new UploadLife(options);
    lead(life, asks, hears(post));
    expect(lead(life, nothing)).toEqual([answered, { type: "look-up" }]);
    expect(lead(life, unknown)[0]).toEqual({ type: "admit", post });
  });

  test("while the upload is active is refused, and changes nothing", () => {
    const life = new UploadLife(options);
    lead(life, hears(post), unknown, { type: "granted", amount: 1 }, admitted);
    expect(lead(life, asks)).toMatchObject([{ message: { type: "error", code: 409, info: { ask: true } } }]);
    expect(life.phase).toBe("active");
  });

  test("while it is put away is answered afterwards", () => {
    const life = new UploadLife(options);
    lead(life, hears(post), unknown, cancel, asks);
    expect(lead(life, { type: "put-away" })).toEqual([inquire]);
  });

  test("of a server that stops gets that for an answer", () => {
    const life = new UploadLife(options);
    const stop: LifeInput = { type: "stop", code: 503, text: "Going down", keep: true };
    lead(life, asks, asks, stop);
    expect(lead(life, nothing)).toEqual([answered, error(503, "Going down"), over]);
  });
});

describe("a server that stops", () => {
  const stop: LifeInput = { type: "stop", code: 503, text: "Going down", keep: true };

  test("answers who waits for the catalogue", () => {
    expect(lead(new UploadLife(options), query, stop, found({}))).toEqual([error(503, "Going down"), over]);
  });

  test("puts away what was just being opened", () => {
    const life = new UploadLife(options);
    const actions = lead(life, query, found({}), stop, restored);
    expect(actions).toContainEqual({ type: "done", outcome: "suspended", code: 503, text: "Going down" });
    expect(life.phase).toBe("ending");
    expect(lead(life, { type: "put-away" })).toEqual([error(503, "Going down"), over]);
  });
});

test("an answer to what nobody asked is a fault of ours", () => {
  const answers: readonly LifeInput[] = [unknown, restored, { type: "publishing" }, { type: "put-away" }];
  for (const answer of answers) expect(() => new UploadLife(options).step(answer, 0)).toThrow(AssertionError);
});

test("whatever is said in whatever order: one thing is done at a time, and what waits is waited for", () => {
  const said = fc.constantFrom<LifeInput>(
    hears(post),
    other,
    asks,
    chunk(0, 4),
    last,
    query,
    cancel,
    back,
    garbage,
  );
  const refused: LifeInput = { type: "refused", code: 503, text: "" };
  const answers: Readonly<Record<string, readonly LifeInput[]>> = {
    "look-up": [
      unknown,
      found({}),
      found({ state: "finished" }),
      found(failed),
      found({ state: "publishing" }),
      refused,
    ],
    restore: [restored, refused],
    publish: [{ type: "publishing" }, refused],
    admit: [admitted, refused],
    inquire: [refused],
    done: [{ type: "put-away" }],
  };
  const step = fc.record({ said: fc.array(said, { maxLength: 70 }), answer: fc.nat() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      const life = new UploadLife(options);
      let order: string | null = null;
      const feed = (input: LifeInput): void => {
        for (const { type } of life.step(input, 0)) {
          // An upload may end while it is still being checked: then both are done.
          if (type in answers) expect([null, "admit"]).toContain(order);
          if (type in answers) order = type;
        }
        if (order === null) expect(["new", "active", "over"]).toContain(life.phase);
      };
      for (const { said: words, answer } of steps) {
        // Frames that are no message are only given to what there is.
        for (const word of words) if (life.phase !== "new" || word.type === "message") feed(word);
        const possible: readonly LifeInput[] = order === null ? [] : (answers[order] ?? []);
        const chosen = possible[answer % Math.max(1, possible.length)];
        order = null;
        if (chosen !== undefined) feed(chosen);
      }
    }),
  );
});

test("each phase but the last can be left, and only the first is entered by nothing", () => {
  const phases = Object.keys(lifeTransitions) as LifePhase[];
  const entered = new Set(phases.flatMap((phase) => Object.values(lifeTransitions[phase]).flat()));
  expect(phases.filter((phase) => !entered.has(phase))).toEqual(["new"]);
  expect(phases.filter((phase) => Object.keys(lifeTransitions[phase]).length === 0)).toEqual(["over"]);
});
