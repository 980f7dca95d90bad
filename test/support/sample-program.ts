// A program for the tests of `cli/run.ts`: its commands end in every way there is.

import { defineCommand, type Program } from "../../src/cli/command.ts";
import { dyncVariableNames } from "../../src/cli/own-variables.ts";
import { run } from "../../src/cli/run.ts";

const wait = defineCommand({
  name: "wait",
  usage: "",
  options: {},
  async run(_values, { signal, output }) {
    output.say("Waiting");
    await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    return 0;
  },
});

/** Takes no notice of the first signal. */
const stubborn = defineCommand({
  name: "stubborn",
  usage: "",
  options: {},
  async run(_values, { clock, signal, output }) {
    output.say("Waiting");
    signal.addEventListener("abort", () => output.say("Still waiting"));
    await new Promise((resolve) => clock.after(60_000, () => resolve(null)));
    return 0;
  },
});

const stray = defineCommand({
  name: "stray",
  usage: "",
  options: {},
  async run(_values, { clock }) {
    clock.after(0, () => {
      throw new RangeError("nobody catches this");
    });
    await new Promise((resolve) => clock.after(60_000, () => resolve(null)));
    return 0;
  },
});

const talk = defineCommand({
  name: "talk",
  usage: "",
  options: {},
  async run(_values, { output }) {
    for (let line = 0; line < 20_000; line++) output.result(`${line} ${"x".repeat(40)}`);
    return 0;
  },
});

const program: Program = {
  name: "dync",
  variables: dyncVariableNames,
  usage: "",
  commands: [wait, stubborn, stray, talk],
  defaultCommand: "wait",
  endsAtHangup: true,
};
await run(program);
