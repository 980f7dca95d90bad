// `dync join` with the compiled programs: a new computer asks, and is let in.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { executablesMissing } from "../support/executables.ts";
import { type Lab, openLab } from "../support/lab.ts";

describe.skipIf(executablesMissing !== null)(`dync join (${executablesMissing ?? "compiled"})`, () => {
  let lab: Lab;
  let at: string;
  beforeAll(async () => {
    lab = await openLab({ inMemory: true });
    at = `127.0.0.1:${lab.port}`;
  });
  afterAll(async () => await lab[Symbol.asyncDispose]());

  /** The environment of a computer with keys of its own, that knows the server by `key`. */
  async function computer(name: string, key = join(lab.homes.server, "server.key")) {
    const home = lab.folder.file(name);
    await mkdir(home);
    const env = { DYNC_HOME: home };
    expect(await lab.dync(["keygen"], { env })).toMatchObject({ code: 0 });
    expect(await lab.dync(["trust", at, key], { env })).toMatchObject({ code: 0 });
    return { env };
  }

  async function pending(): Promise<readonly { readonly fingerprint: string }[]> {
    const { stdout } = await lab.dyncServer(["clients", "pending", "--json"]);
    return (JSON.parse(stdout) as { readonly pending: readonly { readonly fingerprint: string }[] }).pending;
  }

  test("tells who is let in as whom", async () => {
    expect(await lab.dync(["join", at])).toMatchObject({
      ...{ code: 0, stderr: "" },
      stdout: `The server ${at} lets you in as alice\n`,
    });
  });

  test("a new key is there for approval, by the fingerprint that its owner reads, and is let in while it waits", async () => {
    const asNew = await computer("new-pc");
    const asked = await lab.dync(["join", at], asNew);
    expect(asked).toMatchObject({ code: 7, stderr: "" });
    const [, fingerprint = "none"] = /^Your fingerprint: {2}(SHA256:\S{43})$/m.exec(asked.stdout) ?? [];
    expect((await pending()).map((it) => it.fingerprint)).toContain(fingerprint);
    await using waiting = lab.startDync(["join", "--wait", "2m", at], asNew);
    await waiting.line(/Waiting for that, for 2m at most/);
    const approved = await lab.dyncServer(["clients", "approve", fingerprint, "--user", "nova"]);
    expect(approved).toMatchObject({ code: 0 });
    expect((await waiting.ended()).code).toBe(0);
    expect(await lab.send(["-q", await lab.file("first.raw", 10)], asNew)).toMatchObject({ code: 0 });
    await lab.expectStored(lab.folder.file("files", "first.raw"), "first.raw", "nova");
  });

  test("waits no longer than it was told", async () => {
    const asOther = await computer("patient");
    const waited = await lab.dync(["join", "--wait", "1s", at], asOther);
    expect(waited).toMatchObject({ code: 7, stderr: "Waiting for that, for 1s at most\n" });
  });

  test("a server with another key is not asked, and nobody waits for one that is not there", async () => {
    const asLost = await computer("lost", join(lab.homes.client, "client.key"));
    expect(await lab.dync(["join", at], asLost)).toMatchObject({ code: 7 });
    const wrong = await lab.dync(["join", "--json", at], asLost);
    expect(JSON.parse(wrong.stdout.trim())).toMatchObject({ isIn: false, error: { code: "wrong-server" } });
    const gone = await lab.dync(["join", "--wait", "2m", "127.0.0.1:1"]);
    expect(gone).toMatchObject({ code: 5 });
    expect(gone.stderr).toStartWith("dync: error: Nothing listens at 127.0.0.1:1\n");
    expect((await lab.dync(["join", "--wait", "soon", at])).stderr).toContain(
      'needs a duration, found "soon"',
    );
  });
});
