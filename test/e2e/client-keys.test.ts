// Who may send is what lies in the server's clients folder, now: adding and removing a key needs no restart.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { copyFile, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { executablesMissing } from "../support/executables.ts";
import { type Lab, openLab } from "../support/lab.ts";

describe.skipIf(executablesMissing !== null)(`client keys (${executablesMissing ?? "compiled"})`, () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await openLab({ inMemory: true });
  });
  afterAll(async () => await lab[Symbol.asyncDispose]());

  /** A user with keys that the server does not know yet. */
  async function newUser(user: string, args: readonly string[] = []) {
    const home = lab.folder.file(`${user}-home`);
    await mkdir(home, { mode: 0o700 });
    const env = { DYNC_HOME: home };
    expect(await lab.dync(["keygen", ...args], { env })).toMatchObject({ code: 0 });
    await copyFile(`${lab.homes.server}/server.key`, `${home}/server.key`);
    return { env, key: `${home}/client.key`, authorised: `${lab.homes.server}/clients/${user}.key` };
  }

  /** Lets a user in, and waits until the server has noticed. */
  async function authorise({ key, authorised }: { readonly key: string; readonly authorised: string }) {
    await copyFile(key, authorised);
    await noticed("Key authorised", authorised.split("/").at(-1)?.replace(".key", "") as string);
  }

  async function noticed(message: string, user: string): Promise<void> {
    await lab.server.line(new RegExp(`"${message}","user":"${user}"`), 5000);
  }

  test("a key that is added lets its user in", async () => {
    const dora = await newUser("dora");
    const path = await lab.file("of-dora.raw", 1000);
    expect(await lab.send([path], dora)).toMatchObject({ code: 7 });
    await authorise(dora);
    expect(await lab.send([path], dora)).toMatchObject({ code: 0 });
    await lab.expectStored(path, "of-dora.raw", "dora");
  });

  test("a key that is removed ends its upload, and its user is refused from then on", async () => {
    const erik = await newUser("erik");
    const { env, authorised } = erik;
    await authorise(erik);
    await using program = lab.startSend(["-n", "of-erik.raw"], { env, stdin: "pipe" });
    await lab.server.line(/"Upload started".*of-erik/);
    await rm(authorised);
    const end = await program.ended(10_000);
    expect(end).toMatchObject({ code: 7, stderr: expect.stringContaining("not authorised") });
    lab.expectNothingStored("of-erik");
    const path = await lab.file("again.raw", 10);
    expect(await lab.send([path], { env })).toMatchObject({
      code: 7,
      stderr: expect.stringContaining("does not accept the key"),
    });
    await lab.expectAlive();
  });

  test("a key moved to another file belongs to that user", async () => {
    const frida = await newUser("frida");
    const { env, authorised } = frida;
    await authorise(frida);
    const path = await lab.file("moving.raw", 10);
    expect(await lab.send([path], { env })).toMatchObject({ code: 0 });
    await rename(authorised, authorised.replace("frida", "greta"));
    await noticed("Key authorised", "greta");
    expect(await lab.send([path], { env })).toMatchObject({ code: 0 });
    await lab.expectStored(path, "moving.raw", "frida");
    await lab.expectStored(path, "moving.raw", "greta");
  });

  test("the user id in a key counts more than the name of its file", async () => {
    const { env, key, authorised } = await newUser("hans", ["--user-id", "h.meyer"]);
    await copyFile(key, authorised);
    await noticed("Key authorised", "h.meyer");
    const path = await lab.file("user-id.raw", 10);
    expect(await lab.send([path], { env })).toMatchObject({ code: 0 });
    await lab.expectStored(path, "user-id.raw", "h.meyer");
  });

  test("a broken key file is named in the log, and locks nobody else out", async () => {
    await writeFile(`${lab.homes.server}/clients/broken.key`, "nonsense");
    await lab.expectAlive();
    await lab.server.line(/"warn".*broken\.key/);
  });

  test("the key of a server under its host's name goes before the general one", async () => {
    const ida = await newUser("ida");
    const { env, key } = ida;
    await authorise(ida);
    const home = env.DYNC_HOME;
    await mkdir(`${home}/servers`);
    await rename(`${home}/server.key`, `${home}/servers/127.0.0.1.key`);
    await copyFile(key, `${home}/server.key`);
    const path = await lab.file("host-key.raw", 10);
    expect(await lab.send([path], { env })).toMatchObject({ code: 0 });
    await copyFile(key, `${home}/servers/127.0.0.1_${lab.port}.key`);
    expect(await lab.send([path, "-n", "other.raw"], { env })).toMatchObject({ code: 7 });
    expect(await readFile(lab.stored("host-key.raw", "ida"))).toHaveLength(10);
  });
});
