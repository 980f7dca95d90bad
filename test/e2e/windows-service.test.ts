// A watched folder in the background on Windows, as far as wine goes: the executable is installed as a task, is killed and begins again,
// is stopped, started and goes without a trace. The task scheduler is a stand-in that speaks German; what it starts is the real program.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { because, ForeignSystems, reasonAgainst } from "../support/foreign-systems.ts";
import { type Lab, openLab } from "../support/lab.ts";
import type { ProgramEnd } from "../support/programs.ts";
import { liveThrough } from "../support/service-steps.ts";
import type { Wine } from "../support/wine.ts";

const reason = reasonAgainst("windows-x64");
const deadlineMs = 300_000;

describe.skipIf(reason !== null)(`a service on Windows${because(reason)}`, () => {
  const systems = new ForeignSystems();
  let executable: string;
  let wine: Wine;
  let lab: Lab;
  let folder: string;
  let tasks: string;

  beforeAll(async () => {
    executable = (await systems.get("windows-x64")).command("dync", [])[1] as string;
    wine = systems.wine;
    lab = await openLab();
    folder = lab.folder.file("files", "Läufe & mehr");
    mkdirSync(folder);
  }, deadlineMs);

  afterAll(async () => {
    await lab?.[Symbol.asyncDispose]();
    await systems[Symbol.asyncDispose]();
  });

  async function dync(...args: readonly string[]): Promise<ProgramEnd> {
    const environment = { DYNC_HOME: wine.path(lab.homes.client), NO_COLOR: "1" };
    const { exitCode: code, stdout, stderr } = await wine.runToFiles(executable, args, { environment });
    return { code, stdout, stderr } as ProgramEnd;
  }

  test(
    "a task scheduler that makes no task is said in one line",
    async () => {
      const end = await dync("service", "install", `127.0.0.1:${lab.port}`, wine.path(folder));
      expect(end).toMatchObject({ code: 1, stdout: "" });
      expect(end.stderr).toMatch(/dync: error: dync-Laufe-mehr cannot be made: /);
      expect(readdirSync(join(lab.homes.client, "services"))).toEqual([]);
    },
    deadlineMs,
  );

  test(
    "lives through all that befalls it, and goes without a trace",
    async () => {
      tasks = await wine.addScheduler();
      await liveThrough({
        ...{ dync, lab, name: "runs", folder: wine.path(folder), isEndedHard: true },
        home: lab.homes.client,
        units: tasks,
        put: async (name) => writeFileSync(join(folder, name), name),
        kill: async (pid) => {
          await wine.runToFiles("taskkill", ["/F", "/PID", `${pid}`]);
          // As the task is within five minutes.
          expect(await wine.runToFiles("schtasks", ["/Run", "/TN", "dync-runs"])).toMatchObject({
            exitCode: 0,
          });
        },
      });
    },
    deadlineMs,
  );
});
