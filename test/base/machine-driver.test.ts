// The driver of value machines: order of inputs, waking, stopping.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { type DrivenMachine, MachineDriver } from "../../src/base/machine-driver.ts";
import { ManualClock } from "../support/manual-clock.ts";

/** Answers each input with the actions that a script gives, and writes down what it saw. */
class ScriptedMachine implements DrivenMachine<string, string> {
  readonly steps: { readonly input: string; readonly now: number }[] = [];
  wakeAt: number | null = null;

  constructor(readonly script: (input: string) => readonly string[]) {
    this.script = script;
  }

  step(input: string, now: number): readonly string[] {
    this.steps.push({ input, now });
    if (this.wakeAt !== null && now >= this.wakeAt) this.wakeAt = null;
    return this.script(input);
  }

  get inputs(): string[] {
    return this.steps.map(({ input }) => input);
  }
}

function driverOf(machine: ScriptedMachine, perform: (action: string) => void) {
  const clock = new ManualClock();
  const driver = new MachineDriver<string, string>({ machine, clock, perform, tick: "tick" });
  return { clock, driver };
}

test("the actions of an input are performed, in order, before feed returns", () => {
  const performed: string[] = [];
  const machine = new ScriptedMachine(() => ["a", "b"]);
  const { driver } = driverOf(machine, (action) => performed.push(action));
  driver.feed("go");
  expect(performed).toEqual(["a", "b"]);
});

test("an input that arises while actions are performed waits until all of them are", () => {
  const log: string[] = [];
  const machine = new ScriptedMachine((input) => {
    log.push(`step ${input}`);
    return input === "first" ? ["one", "two"] : [];
  });
  const { driver } = driverOf(machine, (action) => {
    log.push(`perform ${action}`);
    driver.feed(`answer to ${action}`);
  });
  driver.feed("first");
  expect(log).toEqual([
    "step first",
    "perform one",
    "perform two",
    "step answer to one",
    "step answer to two",
  ]);
});

test("inputs are stepped in the order in which they were fed, whoever feeds them", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(3), { maxLength: 20 }), (answers) => {
      const fed: string[] = [];
      const machine = new ScriptedMachine((input) =>
        Array.from({ length: answers[Number(input)] ?? 0 }, () => "feed"),
      );
      const { driver } = driverOf(machine, () => {
        if (fed.length >= 100) return;
        fed.push(String(fed.length));
        driver.feed(String(fed.length - 1));
      });
      fed.push("0");
      driver.feed("0");
      expect(machine.inputs).toEqual(fed);
    }),
  );
});

test("the machine is woken when it asked for it, with the time that it is then", () => {
  const machine = new ScriptedMachine(() => []);
  const { clock, driver } = driverOf(machine, () => {});
  machine.wakeAt = 100;
  driver.feed("go");
  clock.advance(100);
  machine.wakeAt = 300;
  driver.feed("on");
  clock.advance(1000);
  expect(machine.steps).toEqual([
    { input: "go", now: 0 },
    { input: "tick", now: 100 },
    { input: "on", now: 100 },
    { input: "tick", now: 300 },
  ]);
});

test("a machine that moved its time to later gets a tick too early, and is woken again at its time", () => {
  const machine = new ScriptedMachine(() => []);
  const { clock, driver } = driverOf(machine, () => {});
  machine.wakeAt = 100;
  driver.feed("go");
  machine.wakeAt = 250;
  driver.feed("later");
  clock.advance(249);
  expect(machine.steps.at(-1)).toEqual({ input: "tick", now: 100 });
  clock.advance(1);
  expect(machine.steps.at(-1)).toEqual({ input: "tick", now: 250 });
});

test("after a stop no input counts, and no tick comes", () => {
  const machine = new ScriptedMachine(() => []);
  const { clock, driver } = driverOf(machine, () => {});
  machine.wakeAt = 100;
  driver.feed("go");
  driver.stop();
  driver.feed("late");
  clock.advance(1000);
  expect(driver.isStopped).toBe(true);
  expect(machine.inputs).toEqual(["go"]);
});

test("a stop among the actions lets the rest of them happen, and drops the inputs that wait", () => {
  const performed: string[] = [];
  const machine = new ScriptedMachine((input) => (input === "go" ? ["feed", "stop", "last"] : ["more"]));
  machine.wakeAt = 10;
  const { clock, driver } = driverOf(machine, (action) => {
    performed.push(action);
    if (action === "feed") driver.feed("waiting");
    if (action === "stop") driver.stop();
  });
  driver.feed("go");
  clock.advance(100);
  expect(performed).toEqual(["feed", "stop", "last"]);
  expect(machine.inputs).toEqual(["go"]);
});

test("an action that throws does not keep the driver from taking the next input", () => {
  const machine = new ScriptedMachine((input) => [input]);
  const { driver } = driverOf(machine, (action) => {
    if (action === "bad") throw new Error("no");
  });
  expect(() => driver.feed("bad")).toThrow("no");
  driver.feed("good");
  expect(machine.inputs).toEqual(["bad", "good"]);
});
