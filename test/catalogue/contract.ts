// What every catalogue has to do. Each implementation's test calls this with its own way to make one.

import { describe, expect, test } from "bun:test";
import { jsonDigest } from "../../src/base/json-digest.ts";
import {
  type Catalogue,
  type Hold,
  metadataBytesKept,
  type NewUpload,
  type Owner,
  type UploadRecord,
  type UploadState,
} from "../../src/catalogue/catalogue.ts";
import { amendContract } from "./amend-contract.ts";
import { leaseContract } from "./lease-contract.ts";
import { quotaContract } from "./quota-contract.ts";
import { timesContract } from "./times-contract.ts";

export function newUpload(number: number, change: Partial<NewUpload> = {}): NewUpload {
  return {
    id: number.toString(16).padStart(32, "0"),
    identity: "aa",
    user: "anna",
    origin: "key-1",
    name: `run-${number}.raw`,
    place: null,
    held: null,
    form: "file",
    metadataText: '{"sample":"A1"}',
    size: 1000,
    modified: null,
    client: "dync 1",
    createdAt: timeOf(number),
    mark: "boot-1",
    ...change,
  };
}

export const noBounds = { uploads: Number.MAX_SAFE_INTEGER, metadataBytes: Number.MAX_SAFE_INTEGER };

export const owner: Owner = { id: "server-1", leaseMs: 0 };

/** Adds an upload that nothing is in the way of. */
export async function admit(catalogue: Catalogue, upload: NewUpload, bounds = noBounds): Promise<Hold> {
  const admitted = await catalogue.admit(upload, owner, bounds);
  if (admitted.type !== "admitted") throw new Error(`the upload is let in, not ${admitted.type}`);
  return admitted.hold;
}

/** Brings an upload that was just added into `state`, at `seconds`. */
export async function bring(
  catalogue: Catalogue,
  hold: Hold,
  state: Exclude<UploadState, "open">,
  seconds: number,
): Promise<void> {
  const at = timeOf(seconds);
  const isComplete = state !== "failed";
  if (isComplete)
    await catalogue.change(hold, { verb: "begin-publish", sha256: "ab", content: "ab", receivedAt: at, at });
  if (state === "finished") await catalogue.change(hold, { verb: "finish", at });
  if (state === "failed")
    await catalogue.change(hold, { verb: "fail", errorCode: 507, reason: "No space", at });
}

/** Names of all uploads in one of `states`, those first that changed the longest ago. */
export async function namesIn(
  catalogue: Catalogue,
  states: readonly UploadState[],
): Promise<readonly string[]> {
  const pages = await Promise.all(states.map((state) => catalogue.unchanged(state, null, null, 10_000)));
  return pages.flat().map(({ name }) => name);
}

/** ISO 8601, `seconds` after a fixed point. */
export function timeOf(seconds: number): string {
  return new Date(Date.UTC(2026, 0, 1, 0, 0, seconds)).toISOString();
}

export function catalogueContract(name: string, make: () => Promise<Catalogue & AsyncDisposable>): void {
  describe(name, () => {
    quotaContract(make);

    test("a new upload is open, with nothing durable, and held by who added it", async () => {
      await using catalogue = await make();
      const upload = newUpload(1, { size: null, mark: null });
      const hold = await admit(catalogue, upload);
      expect(hold).toEqual({ id: upload.id, fence: 1, owner });
      const { metadataText, ...rest } = upload;
      expect(await catalogue.metadataOf(upload.id)).toBe(metadataText);
      expect(await catalogue.get(upload.id)).toEqual({
        ...rest,
        added: null,
        wantsReceipt: false,
        metadataDigest: null,
        state: "open",
        durable: 0,
        bytes: 0,
        sha256: null,
        content: null,
        receivedAt: null,
        storedAt: null,
        releasedAt: null,
        amendedAt: null,
        resumes: 0,
        resumedAt: null,
        errorCode: null,
        reason: null,
        owner: owner.id,
        fence: 1,
        leaseUntil: expect.any(Number),
        updatedAt: upload.createdAt,
      });
    });

    test("a place is held by whoever wants it first, whatever the upload is called and whose it is", async () => {
      await using catalogue = await make();
      const place = { folder: "lab/2026", name: "a.raw" };
      const first = await admit(catalogue, newUpload(1, { place }));
      expect((await catalogue.get(first.id))?.place).toEqual(place);
      const holdersOf = async (change: Partial<NewUpload>) => {
        const result = await catalogue.admit(newUpload(2, change), owner, noBounds);
        if (result.type === "admitted") await catalogue.withdraw(result.hold);
        return result.type === "name-taken" ? result.holders.map(({ id }) => id) : [];
      };
      expect(await holdersOf({ user: "bert", place: { folder: "lab/2026", name: "A.RAW" } })).toEqual([
        first.id,
      ]);
      expect(await holdersOf({ place: { folder: "lab/2026", name: "a.raw.sha256" } })).toEqual([first.id]);
      expect(await holdersOf({ place: { folder: "lab/2027", name: "a.raw" } })).toEqual([]);
      // What is to be a file, or a dataset, is nobody's folder.
      expect(await holdersOf({ place: { folder: "lab/2026/a.raw/b", name: "c" } })).toEqual([first.id]);
      expect(await holdersOf({ place: { folder: "lab/2026/a", name: "c" } })).toEqual([]);
      // Without a place it is the user's folder, also for who names that.
      const second = await admit(catalogue, newUpload(3, { name: "b.raw" }));
      expect(await holdersOf({ user: "bert", place: { folder: "anna", name: "b.raw" } })).toEqual([
        second.id,
      ]);
    });

    amendContract(make);

    test("what is not there is null", async () => {
      await using catalogue = await make();
      expect(await catalogue.get("00")).toBeNull();
      expect(await catalogue.find("aa", "anna", "key-1")).toBeNull();
      expect(await catalogue.metadataOf("00")).toBeNull();
      expect(await catalogue.unchanged("open", null, null, 10)).toEqual([]);
      expect(await catalogue.emptyOf("anna", null, 10)).toEqual([]);
      expect(await catalogue.users(null, 10)).toEqual([]);
      expect(await catalogue.take("00", owner)).toEqual({ type: "ended" });
      expect(await catalogue.change({ id: "00", fence: 0, owner }, { verb: "finish", at: timeOf(1) })).toBe(
        false,
      );
    });

    test("a change changes what it names and nothing else", async () => {
      await using catalogue = await make();
      const hold = await admit(catalogue, newUpload(1));
      const before = await catalogue.get(hold.id);
      const progress = { verb: "progress", durable: 2 ** 52, mark: "boot-2", at: timeOf(5) } as const;
      expect(await catalogue.change(hold, progress)).toBe(true);
      const then = { ...before, durable: 2 ** 52, mark: "boot-2", updatedAt: timeOf(5) };
      expect(withoutLease(await catalogue.get(hold.id))).toEqual(withoutLease(then));
      const complete = { sha256: "ab", content: "cd", receivedAt: timeOf(6) };
      await catalogue.change(hold, { verb: "begin-publish", ...complete, at: timeOf(7) });
      const published = { ...then, ...complete, state: "publishing", updatedAt: timeOf(7) };
      expect(withoutLease(await catalogue.get(hold.id))).toEqual(withoutLease(published));
      await catalogue.change(hold, { verb: "reopen", durable: 7, at: timeOf(8) });
      expect(await catalogue.get(hold.id)).toMatchObject({
        state: "open",
        durable: 7,
        sha256: null,
        content: null,
      });
      await catalogue.change(hold, { verb: "fail", errorCode: 507, reason: "No space", at: timeOf(9) });
      expect(await catalogue.get(hold.id)).toMatchObject({
        state: "failed",
        errorCode: 507,
        reason: "No space",
        updatedAt: timeOf(9),
      });
    });

    timesContract(make);

    test("what may not happen in a state does not; what happened already may happen again", async () => {
      await using catalogue = await make();
      const hold = await admit(catalogue, newUpload(1));
      const [finish, progress] = [
        { verb: "finish", at: timeOf(9) },
        { verb: "progress", durable: 5, mark: null, at: timeOf(9) },
      ] as const;
      expect(await catalogue.change(hold, finish)).toBe(false);
      expect(await catalogue.change(hold, { verb: "reopen", durable: 1, at: timeOf(9) })).toBe(false);
      await bring(catalogue, hold, "finished", 9);
      expect(await catalogue.change(hold, finish)).toBe(true);
      expect(await catalogue.change(hold, progress)).toBe(false);
      expect(await catalogue.change(hold, { verb: "fail", errorCode: 1, reason: "", at: timeOf(9) })).toBe(
        false,
      );
      expect((await catalogue.get(hold.id))?.state).toBe("finished");
      expect(await catalogue.take(hold.id, owner)).toEqual({ type: "ended" });
    });

    leaseContract(make);

    test("a withdrawn upload leaves no trace", async () => {
      await using catalogue = await make();
      await catalogue.withdraw(await admit(catalogue, newUpload(1)));
      expect(await catalogue.get(newUpload(1).id)).toBeNull();
      expect(await catalogue.metadataOf(newUpload(1).id)).toBeNull();
      await admit(catalogue, newUpload(2, { name: newUpload(1).name }), { uploads: 1, metadataBytes: 100 });
    });

    test("texts come back as they were, whatever is in them", async () => {
      await using catalogue = await make();
      const odd = "caf\u00e9 \u{1f9ec} \u0000 ' \" \\ \n";
      await admit(catalogue, newUpload(1, { user: odd, name: odd, metadataText: odd }));
      expect(await catalogue.find("aa", odd, "key-1")).toMatchObject({
        user: odd,
        name: odd,
      });
      expect(await catalogue.metadataOf(newUpload(1).id)).toBe(odd);
    });

    test("find gives the newest upload of this identity and this user", async () => {
      await using catalogue = await make();
      await admit(catalogue, newUpload(1));
      await admit(catalogue, newUpload(2, { user: "bert" }));
      await admit(catalogue, newUpload(3, { createdAt: timeOf(0) }));
      await admit(catalogue, newUpload(4, { identity: "bb" }));
      expect((await catalogue.find("aa", "anna", "key-1"))?.name).toBe("run-3.raw");
      expect((await catalogue.find("aa", "bert", "key-1"))?.name).toBe("run-2.raw");
      expect(await catalogue.find("bb", "bert", "key-1")).toBeNull();
    });

    test("find passes by what another key began, and knows what no known key began", async () => {
      await using catalogue = await make();
      await admit(catalogue, newUpload(1, { origin: null }));
      expect((await catalogue.find("aa", "anna", "key-1"))?.name).toBe("run-1.raw");
      await admit(catalogue, newUpload(2));
      await admit(catalogue, newUpload(3, { origin: "key-2" }));
      expect((await catalogue.find("aa", "anna", "key-1"))?.name).toBe("run-2.raw");
      expect((await catalogue.find("aa", "anna", "key-2"))?.name).toBe("run-3.raw");
      expect((await catalogue.find("aa", "anna", "key-3"))?.name).toBe("run-1.raw");
    });

    test("what finished is found by its content, that with the same metadata first, then the newest", async () => {
      await using catalogue = await make();
      const add = async (number: number, content: string, change: Partial<NewUpload> = {}): Promise<Hold> => {
        const hold = await admit(catalogue, newUpload(number, change));
        const at = timeOf(number);
        const complete = { sha256: `${number}`, content, receivedAt: at };
        await catalogue.change(hold, { verb: "begin-publish", ...complete, at });
        return hold;
      };
      const finish = async (hold: Hold) => await catalogue.change(hold, { verb: "finish", at: timeOf(50) });
      await finish(await add(1, "cd"));
      await finish(await add(2, "cd", { metadataText: '{"sample":"B"}' }));
      await finish(await add(3, "cd", { metadataText: '{ "sample" : "A1" }', form: "plain" }));
      await finish(await add(4, "ef"));
      await finish(await add(5, "cd", { user: "bert" }));
      await add(6, "cd");
      const hold = await add(7, "cd");
      await catalogue.change(hold, { verb: "fail", errorCode: 460, reason: "Mismatch", at: timeOf(51) });
      const found = async (metadataText: string, limit = 10) =>
        (await catalogue.withContent("anna", "cd", jsonDigest(metadataText) as string, limit)).map(
          ({ name }) => name,
        );
      expect(await found('{"sample":"A1"}')).toEqual(["run-3.raw", "run-1.raw", "run-2.raw"]);
      expect(await found('{"sample":"B"}')).toEqual(["run-2.raw", "run-3.raw", "run-1.raw"]);
      expect(await found("{}")).toEqual(["run-3.raw", "run-2.raw", "run-1.raw"]);
      expect(await found('{"sample":"B"}', 1)).toEqual(["run-2.raw"]);
      expect(await catalogue.withContent("anna", "00", "", 10)).toEqual([]);
    });

    test("of an upload that ends large metadata goes, and its digest stays", async () => {
      await using catalogue = await make();
      const large = (bytes: number) => JSON.stringify({ a: "x".repeat(bytes - '{"a":""}'.length) });
      for (const number of [1, 2, 3])
        await admit(catalogue, newUpload(number, { metadataText: large(metadataBytesKept + 1) }));
      await admit(catalogue, newUpload(4, { metadataText: large(metadataBytesKept) }));
      const texts = () => Promise.all([1, 2, 3].map((it) => catalogue.metadataOf(newUpload(it).id)));
      const metadataText = large(metadataBytesKept + 1);
      await bring(catalogue, holdOf(1), "publishing", 9);
      expect(await texts()).toEqual([metadataText, metadataText, metadataText]);
      await bring(catalogue, holdOf(1), "finished", 9);
      await bring(catalogue, holdOf(2), "failed", 9);
      expect(await texts()).toEqual([null, null, metadataText]);
      expect((await catalogue.get(newUpload(2).id))?.metadataDigest).toBeNull();
      expect((await catalogue.get(newUpload(1).id))?.metadataDigest).toBe(
        jsonDigest(` ${metadataText}`) as string,
      );
      for (const state of ["publishing", "finished"] as const) await bring(catalogue, holdOf(4), state, 9);
      expect(await catalogue.metadataOf(newUpload(4).id)).toBe(large(metadataBytesKept));
    });

    test("metadata that is kept goes with its record", async () => {
      await using catalogue = await make();
      for (const number of [1, 2, 3]) await admit(catalogue, newUpload(number));
      await bring(catalogue, holdOf(1), "finished", 10);
      await bring(catalogue, holdOf(2), "failed", 20);
      await bring(catalogue, holdOf(3), "finished", 30);
      const texts = () => Promise.all([1, 2, 3].map((it) => catalogue.metadataOf(newUpload(it).id)));
      const { metadataText } = newUpload(1);
      expect(await texts()).toEqual([metadataText, metadataText, metadataText]);
      expect(await catalogue.forget(timeOf(25), 9)).toBe(2);
      expect(await texts()).toEqual([null, null, metadataText]);
      expect(await catalogue.trim("anna", "finished", 0, 9)).toBe(1);
      expect(await texts()).toEqual([null, null, null]);
    });

    test("an upload that would pass a bound of its user is not added", async () => {
      await using catalogue = await make();
      const bounds = { uploads: 2, metadataBytes: 40 };
      const add = async (upload: NewUpload) => (await catalogue.admit(upload, owner, bounds)).type;
      expect(await add(newUpload(1))).toBe("admitted");
      expect(await add(newUpload(2, { metadataText: "x".repeat(26) }))).toBe("too-much-metadata");
      expect(await add(newUpload(2, { metadataText: "\u00e9".repeat(12) }))).toBe("admitted");
      expect(await add(newUpload(3, { metadataText: "" }))).toBe("too-many-uploads");
      expect(await add(newUpload(3, { user: "bert" }))).toBe("admitted");
      expect((await catalogue.get(newUpload(3).id))?.user).toBe("bert");
      await bring(catalogue, holdOf(1), "publishing", 9);
      expect(await add(newUpload(4, { metadataText: "" }))).toBe("too-many-uploads");
      await bring(catalogue, holdOf(1), "failed", 9);
      expect(await add(newUpload(4))).toBe("admitted");
    });

    test("a name is one upload's of its user until that ends, with all that would lie beside it", async () => {
      await using catalogue = await make();
      const taken = async (name: string, user = "anna") => {
        const result = await catalogue.admit(newUpload(9, { name, user }), owner, noBounds);
        if (result.type === "admitted") await catalogue.withdraw(result.hold);
        return result.type === "name-taken" ? result.holders.map((it) => it.name).sort() : result.type;
      };
      await admit(catalogue, newUpload(1, { name: "Run.RAW" }));
      await admit(catalogue, newUpload(2, { name: "other.sha256" }));
      for (const name of ["run.raw", "RUN.raw.sha256", "run.raw.meta.json"])
        expect(await taken(name)).toEqual(["Run.RAW"]);
      expect(await taken("other")).toEqual(["other.sha256"]);
      expect(await taken("run.raw", "bert")).toBe("admitted");
      await bring(catalogue, holdOf(1), "publishing", 9);
      expect(await taken("run.raw")).toEqual(["Run.RAW"]);
      await bring(catalogue, holdOf(1), "finished", 9);
      expect(await taken("run.raw")).toBe("admitted");
      await bring(catalogue, holdOf(2), "failed", 9);
      expect(await taken("other")).toBe("admitted");
    });

    test("of many uploads of one name that come at once one gets it", async () => {
      await using catalogue = await make();
      const all = [1, 2, 3, 4, 5].map((it) => catalogue.admit(newUpload(it, { name: "a" }), owner, noBounds));
      const types = (await Promise.all(all)).map(({ type }) => type);
      expect(types).toEqual(["admitted", "name-taken", "name-taken", "name-taken", "name-taken"]);
    });

    test("uploads in a state come in pages, those first that changed the longest ago", async () => {
      await using catalogue = await make();
      for (const number of [5, 3, 1, 2, 4]) await admit(catalogue, newUpload(number));
      for (const number of [1, 2]) await note(catalogue, number, 0, 3);
      const first = await catalogue.unchanged("open", null, null, 2);
      expect(first.map(({ name }) => name)).toEqual(["run-1.raw", "run-2.raw"]);
      const second = await catalogue.unchanged("open", null, first[1] as UploadRecord, 10);
      expect(second.map(({ name }) => name)).toEqual(["run-3.raw", "run-4.raw", "run-5.raw"]);
      expect(await catalogue.unchanged("open", null, second[2] as UploadRecord, 10)).toEqual([]);
      expect(await catalogue.unchanged("open", timeOf(4), null, 10)).toHaveLength(3);
      expect(await catalogue.unchanged("publishing", null, null, 10)).toEqual([]);
    });

    test("a user's uploads without a durable byte come in pages, oldest first", async () => {
      await using catalogue = await make();
      for (const number of [3, 1, 2, 4]) await admit(catalogue, newUpload(number));
      await admit(catalogue, newUpload(5, { user: "bert" }));
      await note(catalogue, 1, 1, 9);
      await bring(catalogue, holdOf(4), "publishing", 9);
      const [first] = await catalogue.emptyOf("anna", null, 1);
      expect(first?.name).toBe("run-3.raw");
      const rest = await catalogue.emptyOf("anna", first?.id ?? "", 9);
      expect(rest.map(({ name }) => name)).toEqual(["run-2.raw"]);
    });

    test("users of uploads that ended come in pages, and their oldest records are trimmed", async () => {
      await using catalogue = await make();
      for (const number of [1, 2, 3, 4]) await admit(catalogue, newUpload(number));
      for (const [number, user] of [
        [5, "bert"],
        [6, "carl"],
      ] as const) {
        await admit(catalogue, newUpload(number, { user }));
      }
      for (const number of [1, 2, 3, 5]) {
        await bring(catalogue, holdOf(number), "failed", 20 - number);
      }
      await bring(catalogue, holdOf(4), "finished", 1);
      expect(await catalogue.users(null, 1)).toEqual(["anna"]);
      expect(await catalogue.users("anna", 9)).toEqual(["bert"]);
      expect(await catalogue.trim("anna", "failed", 1, 1)).toBe(1);
      expect(await namesIn(catalogue, ["failed"])).toHaveLength(3);
      expect(await catalogue.trim("anna", "failed", 1, 9)).toBe(1);
      expect(await catalogue.trim("anna", "failed", 1, 9)).toBe(0);
      expect(await catalogue.trim("bert", "finished", 0, 9)).toBe(0);
      expect(await namesIn(catalogue, ["failed", "finished"])).toEqual([
        "run-5.raw",
        "run-1.raw",
        "run-4.raw",
      ]);
    });

    test("forget removes what ended before the date, and nothing that is unfinished", async () => {
      await using catalogue = await make();
      for (const number of [1, 2, 3, 4, 5]) await admit(catalogue, newUpload(number));
      await bring(catalogue, holdOf(2), "finished", 10);
      await bring(catalogue, holdOf(3), "failed", 11);
      await bring(catalogue, holdOf(4), "finished", 12);
      await bring(catalogue, holdOf(5), "publishing", 1);
      expect(await catalogue.forget(timeOf(12), 1)).toBe(1);
      expect(await catalogue.forget(timeOf(12), 9)).toBe(1);
      expect(await catalogue.forget(timeOf(12), 9)).toBe(0);
      const states = ["open", "finished", "publishing", "failed"] as const;
      expect(await namesIn(catalogue, states)).toEqual(["run-1.raw", "run-4.raw", "run-5.raw"]);
    });

    test("what was asked for in one turn takes effect in its order, and what fails fails alone", async () => {
      await using catalogue = await make();
      const [first, second] = [newUpload(1), newUpload(2)];
      const [, twice, kept, change, found, text] = await Promise.allSettled([
        admit(catalogue, first),
        admit(catalogue, { ...first, name: "again" }),
        admit(catalogue, second),
        note(catalogue, 2, 7, 9),
        catalogue.find("aa", "anna", "key-1"),
        catalogue.metadataOf(second.id),
      ]);
      expect(twice.status).toBe("rejected");
      expect(kept.status).toBe("fulfilled");
      expect(change).toMatchObject({ value: true });
      expect(found).toMatchObject({ value: { id: second.id, durable: 7 } });
      expect(text).toMatchObject({ value: second.metadataText });
      expect(await namesIn(catalogue, ["open"])).toEqual(["run-1.raw", "run-2.raw"]);
    });

    test("an upload is added once", async () => {
      await using catalogue = await make();
      await admit(catalogue, newUpload(1, { name: "a" }));
      await expect(admit(catalogue, newUpload(1, { name: "b" }))).rejects.toThrow("an upload is added once");
      await admit(catalogue, newUpload(2, { name: "b" }));
    });
  });
}

/** Who added the upload with this number holds it. */
export function holdOf(number: number): Hold {
  return { id: newUpload(number).id, fence: 1, owner };
}

function note(catalogue: Catalogue, number: number, durable: number, seconds: number): Promise<boolean> {
  return catalogue.change(holdOf(number), { verb: "progress", durable, mark: null, at: timeOf(seconds) });
}

export function withoutLease(record: object | null): object {
  return { ...record, leaseUntil: 0 };
}
