// Uploads that a client wants unpacked, as the server sees them: their names and forms, what is answered, and what becomes of
// one whose content is refused. What unpacking is, is the storage's: this one stores the tar.

import { describe, expect, test } from "bun:test";
import { DyncError } from "../../src/base/error.ts";
import type { UploadApproved } from "../../src/protocol/wire/message.ts";
import { defaultTerms } from "../../src/rules/upload-rules.ts";
import { idOf } from "../storage/contract.ts";
import { postOf, ServerWorld } from "./server-world.ts";

const tar = postOf({ name: "run.tar", info: { unpack: "tar" } });
const content = "the content";

describe("a dataset", () => {
  test.each([
    ["plain", {}],
    ["bagit", { names: "bagit" }],
  ] as const)(
    "has the name without the ending of the tar, and the form that is set: %s",
    async (datasets, more) => {
      const world = new ServerWorld();
      await world.start({ datasets });
      const client = await world.connect();
      const approved = (await client.ask(tar)) as UploadApproved;
      expect(approved.info).toMatchObject({ unpack: true, removes: true, ...more });
      expect("names" in approved.info).toBe(datasets === "bagit");
      expect(world.catalogue.peek(idOf(1))).toMatchObject({ name: "run", form: datasets });
      client.chunk(0, content);
      client.end(content);
      expect(await client.hear()).toEqual({ type: "upload-finished", uploadId: idOf(1) });
      expect(world.published()).toEqual(["anna/run"]);
      // The same once more, and a file of the name that it has.
      expect(await client.ask(tar)).toEqual({ type: "upload-finished", uploadId: idOf(1) });
      expect(await client.ask(postOf({ name: "run" }))).toMatchObject({ type: "error", code: 409 });
      const other = await world.connect(2);
      expect(await other.upload("x", postOf({ name: "RUN" }))).toMatchObject({ type: "error", code: 409 });
      expect(await other.upload("x", postOf({ name: "run.tar" }))).toMatchObject({ type: "upload-finished" });
    },
  );

  test("keeps its form and its terms when the server starts anew with others", async () => {
    const world = new ServerWorld();
    await world.start({ datasets: "bagit" });
    const client = await world.connect();
    await client.ask(tar);
    client.chunk(0, content);
    await client.whereToGoOn();
    await world.server.stop();
    await world.start({ datasets: "plain" });
    const again = await world.connect();
    const approved = (await again.ask(tar)) as UploadApproved;
    expect(approved).toMatchObject({ type: "upload-approved", info: { unpack: true, names: "bagit" } });
    expect(world.catalogue.peek(idOf(1))).toMatchObject({ form: "bagit", state: "open" });
  });

  test("that was sent as a file, with metadata that want it unpacked, is one for its client after a restart", async () => {
    const world = new ServerWorld();
    const uploads = [{ name: "box", terms: { ...defaultTerms, layout: "openbis", untar: true } } as const];
    const post = postOf({ name: "run.tar", metadataText: '{"untar":"True"}' });
    await world.start({ uploads });
    const client = await world.connect();
    // A client that knows nothing of it is told nothing.
    const first = (await client.ask(post)) as UploadApproved;
    expect([first.type, "removes" in first.info]).toEqual(["upload-approved", false]);
    const place = { folder: "anna", name: "run", manner: { untar: "run" } };
    expect(world.catalogue.peek(idOf(1))).toMatchObject({ name: "run.tar", form: "plain", place });
    client.chunk(0, content);
    await client.whereToGoOn();
    await world.server.stop();
    // Not even where nothing of the kind is unpacked any more.
    await world.start();
    const again = await world.connect();
    const approved = (await again.ask(post)) as UploadApproved;
    expect(approved.type).toBe("upload-approved");
    expect("unpack" in approved.info).toBe(false);
    expect(await again.whereToGoOn()).toBe(content.length);
    again.end(content);
    expect(await again.hear()).toMatchObject({ type: "upload-finished" });
    expect(world.published()).toEqual(["anna/run"]);
    expect(await again.ask(post)).toEqual({ type: "upload-finished", uploadId: idOf(1) });
    expect(await again.ask({ ...post, info: { unpack: "tar" } })).toMatchObject({ type: "error", code: 409 });
  });

  test.each([
    ["the rule does not unpack", { untar: false }, '{"untar":"True"}'],
    ["the metadata do not want it", { untar: true }, '{"untar":"true"}'],
    ["the metadata want something else", { untar: true }, '{"untar":true}'],
  ])("a tar stays one where %s", async (_what, terms, metadataText) => {
    const world = new ServerWorld();
    await world.start({ uploads: [{ name: "box", terms: { ...defaultTerms, ...terms } }] });
    const client = await world.connect();
    await client.ask(postOf({ name: "run.tar", metadataText }));
    expect(world.catalogue.peek(idOf(1))).toMatchObject({ name: "run.tar", form: "file", place: null });
  });

  test("is judged by the name that it gets", async () => {
    const world = new ServerWorld();
    await world.start();
    const client = await world.connect();
    const refused = await client.ask({ ...tar, name: ".tar" });
    expect(refused).toMatchObject({ type: "error", code: 403, text: "The file name is empty" });
    const reserved = await world.connect(2);
    expect(await reserved.ask({ ...tar, name: "con.tar" })).toMatchObject({ type: "error", code: 403 });
    const long = await world.connect(3);
    expect(await long.ask({ ...tar, name: `${"n".repeat(236)}.tar` })).toMatchObject({
      type: "upload-approved",
    });
  });

  test("whose name a file under way has waits, and the other way round", async () => {
    const world = new ServerWorld();
    await world.start();
    const [first, second] = [await world.connect(1), await world.connect(2, "bert")];
    await first.ask(postOf({ name: "run" }));
    await second.ask(tar);
    expect(await (await world.connect(3)).ask(tar)).toMatchObject({ type: "error", code: 503 });
    expect(await (await world.connect(4, "bert")).ask(postOf({ name: "RUN" }))).toMatchObject({
      type: "error",
      code: 503,
    });
  });
});

describe("a content that cannot be stored", () => {
  const refusal = new DyncError(
    "content-rejected",
    '"a" is a symbolic link: a dataset has files and folders',
  );

  test("ends the upload for good, with the reason, and frees the name", async () => {
    const world = new ServerWorld();
    world.before = ({ type }) => {
      if (type === "append") throw refusal;
    };
    await world.start();
    const client = await world.connect();
    await client.ask(tar);
    client.chunk(0, content);
    const answer = { type: "error", code: 415, text: refusal.message };
    expect(await client.hear()).toMatchObject(answer);
    await world.settle();
    expect(world.catalogue.peek(idOf(1))).toMatchObject({ state: "failed", errorCode: 415 });
    expect(await Array.fromAsync(world.storage.ids())).toEqual([]);
    // Whoever missed it hears it again.
    expect(await client.ask({ type: "query-status" })).toMatchObject(answer);
    world.before = () => {};
    const other = await world.connect(2);
    expect(await other.upload(content, tar)).toMatchObject({ type: "upload-finished" });
  });

  test("is no trouble of the storage: nothing is tried again, and what comes behind it is dropped", async () => {
    const world = new ServerWorld();
    const appended: string[] = [];
    world.before = ({ type }) => {
      appended.push(type);
      if (type === "append")
        throw new DyncError("too-large", "The dataset has more than 1 files and folders");
    };
    await world.start();
    const client = await world.connect();
    await client.ask(tar);
    client.chunk(0, "one");
    client.chunk(3, "two");
    client.end("onetwo");
    expect(await client.hear()).toMatchObject({ type: "error", code: 413 });
    await world.settle();
    expect(appended.filter((type) => type === "append")).toHaveLength(1);
    expect(appended).not.toContain("truncate");
    expect(world.log.map(({ message }) => message)).not.toContain("Writing failed");
  });
});
