// Hooks that are asked before an upload begins: what they may do to it, and what becomes of it when they fail. On a whole server.

import { describe, expect, test } from "bun:test";
import { errorMeanings } from "../../src/base/error.ts";
import type { UserRules } from "../../src/config/server-settings.ts";
import type { Hook } from "../../src/hooks/hook.ts";
import type { HookCall, HookOutcome } from "../../src/hooks/runner.ts";
import { MetadataSchema } from "../../src/rules/metadata-schema.ts";
import { defaultTerms } from "../../src/rules/upload-rules.ts";
import { idOf } from "../storage/contract.ts";
import { postOf, ServerWorld } from "./server-world.ts";

function hook(name: string, change: Partial<Hook> = {}): Hook {
  return {
    ...{
      name,
      event: "before",
      target: { type: "program", command: ["/bin/check"] },
      timeoutMs: 10_000,
      atOnce: 4,
      onFailure: "refuse",
    },
    ...change,
  };
}

const answer = (text: string): HookOutcome => ({ type: "done", output: Buffer.from(text) });
const crash: HookOutcome = { type: "failed", reason: "ended with status 1: no database" };

/** A server with hooks, each of which answers what the test says. */
async function worldWith(
  hooks: readonly Hook[],
  run: (call: HookCall) => Promise<HookOutcome>,
  rules: Partial<UserRules> = {},
) {
  const world = new ServerWorld();
  const calls: HookCall[] = [];
  world.hooks = {
    hooksOf: () => hooks,
    run: (call) => {
      calls.push(call);
      return run(call);
    },
    random: () => 1,
  };
  await world.start(rules);
  return { world, calls };
}

const storedMetadata = ({ storage }: ServerWorld) =>
  storage.published().map(({ metadataText }) => JSON.parse(metadataText) as Record<string, unknown>);

describe("a hook before an upload", () => {
  test("that has no objection is told of it once, and it goes on", async () => {
    const { world, calls } = await worldWith([hook("check")], async () => answer(""));
    const client = await world.connect();
    expect(await client.upload("content")).toMatchObject({ type: "upload-finished" });
    expect(calls).toHaveLength(1);
    expect(JSON.parse(calls[0]?.text ?? "")).toEqual({
      ...{ schema: 1, event: "before", hook: "check", attempt: 1, idempotencyKey: `${idOf(1)}:check` },
      upload: {
        ...{ id: idOf(1), user: "anna", key: expect.stringMatching(/^SHA256:/), name: "a.raw", form: "file" },
        ...{ size: null, modified: null, client: null, startedAt: expect.any(String) },
      },
      metadata: { sample: "A1" },
    });
  });

  test("may refuse it: its words reach the client, and nothing is left", async () => {
    const refuse = '{"refuse":"Sample A1 is unknown to the LIMS","code":422}';
    const { world } = await worldWith([hook("check"), hook("later")], async ({ hook: { name } }) => {
      if (name === "later") throw new Error("nobody asks further");
      return answer(refuse);
    });
    const client = await world.connect();
    expect(await client.ask(postOf())).toMatchObject({
      ...{ type: "error", code: 422, text: "Sample A1 is unknown to the LIMS" },
    });
    await world.settle();
    expect(world.catalogue.list(["open", "failed"])).toEqual([]);
  });

  test("may add to the metadata; who sends the same again hears that it is stored", async () => {
    let number = 0;
    const add = async ({ hook: { name } }: HookCall) => answer(`{"metadata":{"${name}":1.0e${++number}}}`);
    const { world, calls } = await worldWith([hook("a"), hook("b")], add);
    const client = await world.connect();
    const finished = await client.upload("content");
    const id = finished.type === "upload-finished" ? finished.uploadId : "";
    expect(world.storage.published()[0]?.metadataText).toContain('"a": 1.0e1,\n  "b": 1.0e2,');
    expect(storedMetadata(world)).toMatchObject([
      { sample: "A1", a: 10, b: 100, _dync: { added: ["a", "b"] } },
    ]);
    // The second was told what the first added.
    expect(JSON.parse(calls[1]?.text ?? "")).toMatchObject({ metadata: { sample: "A1", a: 10 } });
    // The same identity, and another one.
    expect(await client.ask(postOf())).toEqual(finished);
    const again = await world.connect(2);
    expect(await again.ask(postOf())).toMatchObject({ code: 409, info: { upload: id, metadata: "same" } });
    const other = postOf({ metadataText: '{"sample":"A1","a":10,"b":100}' });
    expect(await again.ask(other)).toMatchObject({ code: 409, info: { metadata: "different" } });
    expect(calls).toHaveLength(2);
  });

  test("is not asked again when the upload goes on after a restart, and what it added is stored", async () => {
    const { world, calls } = await worldWith([hook("a")], async () => answer('{"metadata":{"a":1}}'));
    const first = await world.connect();
    expect(await first.ask(postOf())).toMatchObject({ type: "upload-approved" });
    first.chunk(0, "con");
    await world.settle();
    await world.server.stop();
    await world.start();
    const client = await world.connect();
    expect(await client.ask(postOf())).toMatchObject({ type: "upload-approved" });
    const seek = await client.whereToGoOn();
    client.chunk(seek, "content".slice(seek));
    client.end("content");
    expect(await client.hear()).toMatchObject({ type: "upload-finished" });
    expect(storedMetadata(world)).toMatchObject([{ sample: "A1", a: 1, _dync: { added: ["a"] } }]);
    expect(calls).toHaveLength(1);
  });

  test("is not asked by who only asks, nor where something of that name is stored", async () => {
    const { world, calls } = await worldWith([hook("check")], async () => answer(""));
    const client = await world.connect();
    await client.upload("content");
    await (await world.connect(2)).ask(postOf({ info: { ask: true } }));
    await (await world.connect(3)).ask(postOf({ name: "b.raw", info: { ask: true } }));
    await (await world.connect(4)).ask(postOf({ metadataText: '{"sample":"A2"}' }));
    expect(calls).toHaveLength(1);
  });

  const failures: readonly (readonly [string, HookOutcome, string])[] = [
    ["crashes", crash, "no database"],
    ["answers nonsense", answer('{"refused":"x"}'), "gave an answer that is not"],
    ["adds what is there with another value", answer('{"metadata":{"sample":"B"}}'), "another value already"],
    ["adds what is the server's own", answer('{"metadata":{"_dync":1}}'), "the server's own"],
    ["adds too much", answer(`{"metadata":{"x":"${"x".repeat(300_000)}"}}`), "added too much"],
    ["adds the same twice", answer('{"metadata":{"x":1,"x":2}}'), "given twice"],
  ];
  test.each(failures)(
    "that %s is no refusal for good, and the log says why",
    async (_what, outcome, reason) => {
      const { world } = await worldWith([hook("check")], async () => outcome);
      const client = await world.connect();
      expect(await client.ask(postOf())).toMatchObject({
        ...{ type: "error", code: errorMeanings["not-ready"].wire },
        text: 'The check "check" of this server does not work just now',
      });
      const line = world.log.find(({ message }) => message.startsWith("Hook failed"));
      expect(line).toMatchObject({
        level: "error",
        message: "Hook failed, and the upload has to come again later",
      });
      expect(String(line?.fields.reason)).toContain(reason);
    },
  );

  test("that adds what a rule does not take has failed, also where the rule holds what it refuses", async () => {
    const schema = await MetadataSchema.read('{"properties":{"project":{"type":"string"}}}');
    for (const onRefusal of ["refuse", "hold"] as const) {
      const uploads = [{ name: "all", terms: { ...defaultTerms, onRefusal }, schema }];
      const { world } = await worldWith([hook("check")], async () => answer('{"metadata":{"project":7}}'), {
        uploads,
      });
      const client = await world.connect();
      expect(await client.ask(postOf())).toMatchObject({ type: "error", code: 503 });
      const line = world.log.find(({ message }) => message.startsWith("Hook failed"));
      expect(String(line?.fields.reason)).toStartWith("added what the rules refuse: Metadata");
    }
  });

  test("that fails is passed over where the steward has it so, without what it added", async () => {
    const hooks = [hook("a", { onFailure: "accept" }), hook("b", { onFailure: "accept" })];
    const { world } = await worldWith(hooks, async ({ hook: { name } }) =>
      name === "a" ? crash : answer('{"metadata":{"b":1,"sample":"X"}}'),
    );
    const client = await world.connect();
    expect(await client.upload("content")).toMatchObject({ type: "upload-finished" });
    expect(storedMetadata(world)[0]).toEqual({
      sample: "A1",
      _dync: expect.anything(),
    });
    expect(storedMetadata(world)[0]?._dync).not.toHaveProperty("added");
    expect(world.log.map(({ message }) => message)).toContain(
      "Hook failed, and the upload goes on without it",
    );
  });

  test("that the sender gives up is ended", async () => {
    const { world, calls } = await worldWith([hook("check")], ({ signal }) => {
      const { promise, reject } = Promise.withResolvers<HookOutcome>();
      signal.addEventListener("abort", () => reject(signal.reason));
      return promise;
    });
    const client = await world.connect();
    client.send(postOf());
    await world.settle();
    expect(calls[0]?.signal.aborted).toBe(false);
    client.send({ type: "error", code: errorMeanings.cancelled.wire, text: "Cancelled" });
    await world.settle();
    expect(calls[0]?.signal.aborted).toBe(true);
    expect(world.catalogue.list(["open"])).toEqual([]);
  });
});

test("of a hook so many run at once; who has no turn in time hears it, and other uploads wait for none of them", async () => {
  const answers: ((outcome: HookOutcome) => void)[] = [];
  const isAnna = { users: [(user: string) => user === "anna"] };
  const { world, calls } = await worldWith([hook("check", { atOnce: 2, ...isAnna })], () => {
    const { promise, resolve } = Promise.withResolvers<HookOutcome>();
    answers.push(resolve);
    return promise;
  });
  const clients = await Promise.all([1, 2, 3, 4].map((number) => world.connect(number)));
  for (const [index, client] of clients.entries()) client.send(postOf({ name: `${index}.raw` }));
  await world.settle();
  expect(calls).toHaveLength(2);
  // Bert's is not asked for.
  const bert = await world.connect(9, "bert");
  expect(await bert.upload("content", postOf({ name: "bert.raw" }))).toMatchObject({
    type: "upload-finished",
  });
  answers[0]?.(answer(""));
  await world.settle();
  expect(calls).toHaveLength(3);
  expect(await clients[0]?.hear()).toMatchObject({ type: "upload-approved" });
  world.clock.advance(10_000);
  expect(await clients[3]?.hear()).toMatchObject({ type: "error", code: errorMeanings["not-ready"].wire });
  expect(world.log.map(({ fields }) => fields.reason)).toContain(
    "has 2 at work, and had no turn for one more in time",
  );
  for (const it of answers) it(answer(""));
  expect(await clients[1]?.hear()).toMatchObject({ type: "upload-approved" });
  expect(await clients[2]?.hear()).toMatchObject({ type: "upload-approved" });
});
