// `dync-server run --profile FILE`: a file that says where the time went, as doc/json.md documents it.

import { describe, expect, test } from "bun:test";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { stageNames } from "../../src/base/stages.ts";
import { executablesMissing } from "../support/executables.ts";
import { documentedValidators } from "../support/json-schemas.ts";
import { openLab } from "../support/lab.ts";

type Times = Readonly<Record<string, { readonly count: number; readonly heldMs: number }>>;

interface Spent {
  readonly seconds: number;
  readonly cpuMs: number;
  readonly stages: Times;
  readonly workers: Times;
  readonly threads: readonly { readonly name: string; readonly cpuMs: number }[];
}

describe.skipIf(executablesMissing !== null)(`a profile (${executablesMissing ?? "compiled"})`, () => {
  function profileIn(file: string): { readonly total: Spent; readonly lately: Spent } {
    const text = readFileSync(file, "utf8");
    const isDocumented = documentedValidators().get("dync:server-profile");
    const profile = JSON.parse(text);
    expect(isDocumented?.(profile), JSON.stringify(isDocumented?.errors)).toBe(true);
    return profile;
  }

  test("says what the server did, by stages and by threads", async () => {
    await using lab = await openLab({ inMemory: true });
    await lab.server.stop();
    const file = lab.folder.file("profile.json");
    await lab.start(["--profile", file, "--threads", "0"]);
    expect(Object.keys(profileIn(file).total.stages)).toEqual([...stageNames]);
    const source = lab.folder.file("files", "run.raw");
    writeFileSync(source, Buffer.alloc(5_000_000, 7));
    const sent = await lab.send([source]);
    expect(sent.code, sent.stderr).toBe(0);
    await lab.server.stop();
    const { total, lately } = profileIn(file);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    for (const name of stageNames) expect(total.stages[name]?.count, name).toBeGreaterThan(0);
    expect(total.stages.publish?.count).toBe(1);
    expect(lately.stages.publish?.count).toBe(1);
    expect(lately.seconds).toBeLessThan(total.seconds);
    if (process.platform !== "linux") return;
    const names = total.threads.map(({ name }) => name);
    expect(names).toContain("main");
    // Its threads are gone when the server ends.
    expect(names.some((name) => name === "libzmq" || name.startsWith("ZMQ"))).toBe(true);
    const sum = total.threads.reduce((ms, { cpuMs }) => ms + cpuMs, 0);
    expect(Math.abs(sum - total.cpuMs)).toBeLessThan(0.25 * total.cpuMs);
  });

  test("says what the threads did that store uploads, also when they are gone", async () => {
    await using lab = await openLab({ inMemory: true });
    await lab.server.stop();
    const file = lab.folder.file("profile.json");
    await lab.start(["--profile", file, "--threads", "2"]);
    const source = lab.folder.file("files", "run.raw");
    writeFileSync(source, Buffer.alloc(20_000_000, 7));
    const sent = await lab.send([source]);
    expect(sent.code, sent.stderr).toBe(0);
    await lab.server.stop();
    const { stages, workers } = profileIn(file).total;
    for (const name of ["hash", "write"]) {
      expect(workers[name]?.count, name).toBeGreaterThanOrEqual(10);
      expect(workers[name]?.heldMs, name).toBeGreaterThan(0);
      expect(stages[name]?.count, name).toBeLessThan(3);
    }
    expect(workers.receive?.count).toBe(0);
    expect(stages.publish?.count).toBe(1);
  });

  test("which cannot be written keeps a server from starting, with what to do", async () => {
    await using lab = await openLab({ inMemory: true });
    await lab.server.stop();
    const file = lab.folder.file("no", "such", "profile.json");
    const end = await lab.dyncServer(["--data", lab.data, "--profile", file]);
    expect(end.code).toBe(2);
    expect(end.stderr).toMatch(/The profile .*profile\.json cannot be written: .*--profile/s);
  });
});
