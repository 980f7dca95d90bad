// Who may send is what lies in the server's clients folder, now: adding and removing a key needs no restart.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { copyFile, mkdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { executablesMissing } from "../support/executables.ts";
import { type Lab, openLab } from "../support/lab.ts";
import type { Program } from "../support/programs.ts";

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

  /** Begins an upload that ends with the program's standard input. */
  async function begin(name: string, env: Readonly<Record<string, string>>) {
    const program = lab.startSend(["-q", "-n", name], { env, stdin: "pipe" });
    await lab.server.line(new RegExp(`"Upload started".*"${name}"`));
    return program;
  }

  async function expectGoesOn(program: Program, name: string, user: string): Promise<void> {
    const input = program.child.stdin as unknown as Bun.FileSink;
    input.write("all of it");
    await input.end();
    expect(await program.ended()).toMatchObject({ code: 0, stderr: "" });
    expect(await readFile(lab.stored(name, user), "utf8")).toBe("all of it");
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
    const end = await program.ended(20_000);
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

  test("the name of a key's file is the user, whatever the key says of itself", async () => {
    const hans = await newUser("hans", ["--user-id", "alice"]);
    await authorise(hans);
    await lab.server.line(
      /"warn".*user id inside a key file is ignored.*hans\.key","user":"hans","userId":"alice"/,
    );
    const path = await lab.file("user-id.raw", 10);
    expect(await lab.send([path], hans)).toMatchObject({ code: 0 });
    await lab.expectStored(path, "user-id.raw", "hans");
  });

  test("the user id in a key counts where the server is told to trust it", async () => {
    await using trusting = await openLab({ inMemory: true, server: ["--trust-user-ids"] });
    const home = trusting.folder.file("boss-home");
    const env = { DYNC_HOME: home };
    expect(await trusting.dync(["keygen", "--user-id", "h.meyer"], { env })).toMatchObject({ code: 0 });
    await copyFile(`${trusting.homes.server}/server.key`, `${home}/server.key`);
    await copyFile(`${home}/client.key`, `${trusting.homes.server}/clients/hans.key`);
    await trusting.server.line(/"Key authorised","user":"h.meyer"/);
    const path = await trusting.file("user-id.raw", 10);
    expect(await trusting.send([path], { env })).toMatchObject({ code: 0 });
    await trusting.expectStored(path, "user-id.raw", "h.meyer");
  });

  test("a copy of a key file under another name ends nothing and moves nobody", async () => {
    const jana = await newUser("jana");
    await authorise(jana);
    await using program = await begin("of-jana.raw", jana.env);
    await copyFile(jana.key, `${lab.homes.server}/clients/a-copy.key`);
    await lab.server.line(/"warn".*a-copy\.key","reason":"its key is in jana\.key already/);
    await expectGoesOn(program, "of-jana.raw", "jana");
  });

  test("a key file that is replaced by removing it and copying it ends nothing", async () => {
    const karl = await newUser("karl");
    await authorise(karl);
    await using program = await begin("of-karl.raw", karl.env);
    await rm(karl.authorised);
    await noticed("Key removed", "karl");
    const refused = lab.startSend(["-q", await lab.file("meanwhile.raw", 10)], karl);
    await copyFile(karl.key, karl.authorised);
    await lab.server.line(/"Key removed","user":"karl"/);
    await expectGoesOn(program, "of-karl.raw", "karl");
    await refused.ended();
  });

  test("a new file takes neither user nor key from an older one, and files that are no keys are named", async () => {
    const lab1 = await newUser("lab1");
    await authorise(lab1);
    await using program = await begin("of-lab1.raw", lab1.env);
    const { key } = await newUser("other");
    for (const name of ["LAB1.key", "lab1.key.txt", "OTHER.KEY", "other.pub"])
      await copyFile(key, `${lab.homes.server}/clients/${name}`);
    await lab.server.line(
      /"warn".*LAB1\.key","reason":"its user LAB1 differs from lab1 of lab1\.key only in case/,
    );
    for (const name of ["lab1\\.key\\.txt", "OTHER\\.KEY", "other\\.pub"])
      await lab.server.line(new RegExp(`"warn".*/${name}","reason":"its name does not end in`));
    await expectGoesOn(program, "of-lab1.raw", "lab1");
    const { stdout, stderr } = await lab.dyncServer(["clients"]);
    expect(stdout).toMatch(/^lab1 +SHA256:/m);
    expect(stdout).not.toContain("LAB1");
    expect(stderr).toMatch(/warning: .*LAB1\.key: its user LAB1 differs.*\n/);
    expect(stderr).toMatch(/warning: .*OTHER\.KEY: its name does not end in "\.key"\n/);
  });

  test("one bad file keeps nobody in and nobody out, also after a restart", async () => {
    const mona = await newUser("mona");
    await authorise(mona);
    await symlink("loop.key", `${lab.homes.server}/clients/loop.key`);
    await rm(mona.authorised);
    await noticed("Key removed", "mona");
    await lab.server.line(/"warn".*loop\.key","reason":"it is a link that leads in a circle/);
    await lab.server.stop();
    await lab.start();
    const path = await lab.file("of-mona.raw", 10);
    expect(await lab.send([path], mona)).toMatchObject({ code: 7 });
    await lab.expectAlive();
  });

  test("another key of the same user does not replace what a key began", async () => {
    const nora = await newUser("nora");
    await authorise(nora);
    const second = await newUser("nora+pc2");
    await copyFile(second.key, second.authorised);
    await lab.server.line(/"Key authorised","user":"nora".*"file":"nora\+pc2\.key"/);
    const path = await lab.file("shared.raw", 2_000_000);
    await using program = await begin("shared.raw", nora.env);
    await program.kill();
    expect(await lab.send([path], second)).toMatchObject({
      code: 7,
      stderr: expect.stringContaining("Another key of this user began an upload"),
    });
    const own = await lab.file("of-pc2.raw", 10);
    expect(await lab.send([own], second)).toMatchObject({ code: 0 });
    await lab.expectStored(own, "of-pc2.raw", "nora");
    await rm(nora.authorised);
    await lab.server.line(/did not come back[^"]*","user":"nora","key":"[^"]*","file":"nora\.key"/);
    expect(await lab.send([path], second)).toMatchObject({ code: 0 });
    await lab.expectStored(path, "shared.raw", "nora");
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
