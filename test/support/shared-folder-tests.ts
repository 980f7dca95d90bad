// Two servers that share a catalogue and a folder: an upload goes on at the other one when its server is stopped, killed or frozen, from what
// is stored of it, and a frozen one that thaws changes nothing of it. Wherever the folder is.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { type FolderKind, FolderPair, folderPairMissing } from "./folder-pair.ts";
import { jsonLines, type Program } from "./programs.ts";
import { documented } from "./server-pair.ts";

const MiB = 1024 * 1024;
// So much is made durable at once.
const syncBytes = 8 * MiB;
// Of two that are sent at once the first is not over before a part of the second is durable, on a busy machine either.
const size = 48 * MiB;
const slow = ["--limit", "6MB/s"];
const takenMs = 60_000;

/** Something on its way. */
interface Sent {
  readonly path: string;
  readonly isDataset: boolean;
  readonly sending: Program;
}

export function sharedFolderTests(kind: FolderKind): void {
  const missing = folderPairMissing(kind);
  describe.skipIf(missing !== null)(
    `servers that share a folder of ${kind} (${missing ?? "compiled"})`,
    () => {
      let pair: FolderPair;

      beforeAll(async () => {
        pair = await FolderPair.start(kind);
      });
      afterAll(async () => {
        await pair?.[Symbol.asyncDispose]();
      });

      /** Sends a file slowly to server `to`, or the other one. */
      async function sendFile(name: string, to: string): Promise<Sent> {
        const path = await pair.file(name, size);
        return { path, isDataset: false, sending: pair.startSend(to, [...slow, path]) };
      }

      async function sendDataset(name: string, to: string): Promise<Sent> {
        const path = pair.parts.folder.file(name);
        mkdirSync(path);
        for (let number = 0; number < 6; number++) await pair.file(join(name, `${number}.raw`), size / 6);
        return { path, isDataset: true, sending: pair.startSend(to, [...slow, "--dataset", path]) };
      }

      /** Sends both at once, until some of each is durable. */
      async function bothUnderWay(name: string, to: string): Promise<readonly Sent[]> {
        const all = [await sendFile(`${name}.raw`, to), await sendDataset(`${name}-run`, to)];
        for (const { path, sending } of all) await pair.durable(basename(path), syncBytes, sending);
        return all;
      }

      /** It went on at `at` from what was durable. */
      async function resumed(at: number, { path }: Sent): Promise<void> {
        const line = new RegExp(`"Upload resumed".*"${basename(path)}(?:\\.tar)?".*"offset":(\\d+)`);
        const [, offset] = await pair.program(at).line(line, takenMs);
        expect(Number(offset)).toBeGreaterThanOrEqual(syncBytes);
      }

      /** It was published once, whole, and is seen on both machines. */
      async function expectPublished({ path, isDataset, sending }: Sent): Promise<void> {
        const name = basename(path);
        expect(await sending.ended(120_000)).toMatchObject({ code: 0 });
        for (const at of [0, 1])
          await (isDataset ? pair.expectDataset(path, name, at) : pair.expectStored(path, name, at));
        const rows = await pair.rows(`SELECT state FROM dync.uploads WHERE name = '${name}'`);
        expect(rows).toEqual([{ state: "finished" }]);
        expect(pair.published(name)).toBe(1);
      }

      test("an upload of a server that is stopped goes on at the other one at once", async () => {
        const sent = await sendFile("stopped.raw", pair.address(0, 1));
        await pair.durable("stopped.raw", syncBytes, sent.sending);
        expect(await pair.program(0).stop()).toMatchObject({ code: 0 });
        // Were it back before, its client would stay.
        await resumed(1, sent);
        await pair.again(0);
        await expectPublished(sent);
        await pair.expectNothingLeft(1);
      });

      test("what a server that is killed had goes on at the other one when its lease is over", async () => {
        const all = await bothUnderWay("killed", pair.address(0, 1));
        await pair.program(0).kill();
        for (const sent of all) await resumed(1, sent);
        await pair.again(0);
        for (const sent of all) await expectPublished(sent);
        await pair.expectNothingLeft(0);
      });

      test("a server that was frozen for longer than its lease changes nothing of what another one took", async () => {
        const all = await bothUnderWay("frozen", pair.address(0, 1));
        pair.program(0).signal("SIGSTOP");
        for (const sent of all) await resumed(1, sent);
        pair.program(0).signal("SIGCONT");
        for (const sent of all) await expectPublished(sent);
        // It goes on with what is new.
        const after = await pair.file("after.raw", MiB);
        expect(await pair.send(pair.address(0), [after])).toMatchObject({ code: 0, stderr: "" });
        await pair.expectStored(after, "after.raw", 1);
        await pair.expectNothingLeft(0);
      });

      test("who wants the folder alone does not start, nor who has another one or no database", async () => {
        const { storage, home } = pair.machine(0);
        const { folder, homes } = pair.parts;
        const [elsewhere, own] = [folder.file("elsewhere"), folder.file("data-c")];
        for (const path of [elsewhere, own]) mkdirSync(path);
        const alone = await pair.runServer(homes.server, ["--data", storage]);
        expect(alone).toMatchObject({ code: 5, stdout: "" });
        expect(alone.stderr).toContain(`Another dync-server uses the data folder ${storage}`);
        const other = await pair.runServer(home, ["--data", own, "--storage", elsewhere]);
        expect(other).toMatchObject({ code: 2, stdout: "" });
        expect(other.stderr).toContain("The catalogue in PostgreSQL belongs to another data folder");
        const without = await pair.runServer(homes.server, ["--data", own, "--storage", storage]);
        expect(without).toMatchObject({ code: 2, stdout: "" });
        expect(without.stderr).toContain('catalogue = "postgres://…" beside a folder');
        const unmounted = await pair.runServer(home, ["--data", own, "--storage", join(elsewhere, "away")]);
        expect(unmounted).toMatchObject({ code: 2, stdout: "" });
        expect(unmounted.stderr).toContain(`The storage ${join(elsewhere, "away")} does not exist`);
      });

      test("servers that are started with the shared.toml of the documentation, as it stands, go by it", async () => {
        const shared = await documented("shared.toml", {});
        for (const [at, text] of [shared, ""].entries()) {
          expect(await pair.program(at).stop()).toMatchObject({ code: 0 });
          writeFileSync(join(pair.machine(at).home, "shared.toml"), text);
        }
        for (const at of [0, 1]) await pair.again(at);
        expect(readFileSync(join(pair.machine(1).home, "shared.toml"), "utf8")).toBe(shared);
        for (const at of [0, 1]) {
          const { stdout } = await pair.dyncServer(at, ["config", "show", "--json"]);
          const settings = jsonLines(stdout).filter(
            ({ name }) => name === "expire" || name === "max-unfinished",
          );
          expect(settings).toMatchObject([
            { name: "max-unfinished", value: 5000 },
            { name: "expire", value: "14d" },
          ]);
        }
        const massSpec = await pair.user("ms-1");
        const [raw, text] = [await pair.file("by-rule.raw", MiB), await pair.file("by-rule.txt", 10)];
        const run = pair.parts.folder.file("run-7");
        mkdirSync(run);
        await pair.file(join("run-7", "a.raw"), MiB);
        for (const at of [0, 1]) {
          const to = pair.address(at);
          expect(await pair.send(to, [text])).toMatchObject({ code: 7 });
          expect(await pair.send(to, ["--dataset", run])).toMatchObject({ code: 7 });
          expect(await pair.send(to, ["-n", `by-rule-${at}.raw`, raw])).toMatchObject({
            code: 0,
            stderr: "",
          });
          await pair.expectStored(raw, `by-rule-${at}.raw`, 1 - at);
          const sent = await pair.send(to, ["-n", `run-${at}`, "--dataset", run], massSpec);
          expect(sent).toMatchObject({ code: 0, stderr: "" });
          expect(existsSync(join(pair.machine(1 - at).storage, "ms-1", `run-${at}`, "a.raw"))).toBe(true);
        }
        const { stdout } = await pair.dyncServer(1, ["users", "list", "--json"]);
        expect(jsonLines(stdout)).toContainEqual(
          expect.objectContaining({
            user: "ms-1",
            quota: 50 * 1024 ** 4,
          }),
        );
      });

      test.skipIf(kind !== "CephFS")(
        "a machine that the others gave up, with its server, writes nothing when it wakes up",
        async () => {
          const sent = await sendFile("evicted.raw", pair.address(0, 1));
          await pair.durable("evicted.raw", syncBytes, sent.sending);
          const { mount } = pair.machine(0);
          pair.program(0).signal("SIGSTOP");
          mount?.program.signal("SIGSTOP");
          try {
            await mount?.evict();
            await resumed(1, sent);
          } finally {
            mount?.program.signal("SIGCONT");
            pair.program(0).signal("SIGCONT");
          }
          expect(await sent.sending.ended(120_000)).toMatchObject({ code: 0 });
          await pair.expectStored(sent.path, "evicted.raw", 1);
          expect(pair.published("evicted.raw")).toBe(1);
          await pair.expectNothingLeft(1);
          // What comes to it waits, or goes to the other one.
          const later = await pair.file("later.raw", MiB);
          expect(await pair.send(pair.address(0), ["--retry-for", "0s", later])).toMatchObject({ code: 5 });
          expect(await pair.send(pair.address(1), [later])).toMatchObject({ code: 0 });
          expect(readFileSync(join(pair.machine(1).storage, "alice/later.raw")).length).toBe(MiB);
        },
      );
    },
  );
}
