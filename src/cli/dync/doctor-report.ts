// What `dync doctor` prints: a line for each step, what to do behind a fault, and the exit status.

import { DyncError } from "../../base/error.ts";
import { formatServerAddresses } from "../../base/format-server-address.ts";
import { furtherOf } from "../../base/server-place.ts";
import type { ServerChoice } from "../../keys/known-servers.ts";
import { displayWidth } from "../display-width.ts";
import type { Output } from "../output.ts";
import { printable } from "../printable.ts";
import { type Finding, fault, type Step, type StepName, stepNames } from "./doctor-steps.ts";

const labels: Readonly<Record<Finding["state"], string>> = { ok: "ok", unknown: "?", fault: "FAULT" };
const indent = " ".repeat(18);
const columnsMin = 40;

export class DoctorReport {
  readonly #output: Output;
  readonly #tried: StepName[] = [];
  readonly #counts = { ok: 0, unknown: 0, fault: 0 };
  /** The first one: its kind is the exit status. */
  #fault: DyncError | null = null;
  /** Whether a fault was in the way of all that follows. */
  #isStopped = false;

  constructor(output: Output, server: ServerChoice | null) {
    this.#output = output;
    if (server === null) return;
    const { host, port } = server;
    output.summarise({ server: host, port, ...furtherOf(server) });
    output.result(printable(`Server            ${formatServerAddresses(server)}`));
  }

  /** Takes the steps in their order, up to one that keeps the others from being tried. */
  async walk(steps: readonly Step[]): Promise<void> {
    for (const step of steps) {
      this.#tried.push(step.name);
      try {
        this.#tell(step.name, await step.find());
      } catch (error) {
        if (!(error instanceof DyncError) || error.code === "cancelled") throw error;
        this.#tell(step.name, fault(error));
        this.#isStopped = true;
        return;
      }
    }
  }

  #tell(step: StepName, { state, text, hint, error, facts = {} }: Finding): void {
    this.#counts[state] += 1;
    if (error !== undefined) this.#fault ??= error;
    const { code } = error ?? {};
    this.#output.record("step", { step, state, text, hint, code, ...facts });
    this.#print(labels[state].padEnd(7) + step.padEnd(11) + printable(text));
    if (hint !== undefined)
      this.#print(`${indent}${state === "fault" ? "what to do: " : ""}${printable(hint)}`);
  }

  /** Says what was not tried, and why where no fault is in the way. Returns the exit status. */
  end(why = ""): number {
    const notTried = stepNames.filter((name) => !this.#tried.includes(name));
    const { ok, unknown, fault } = this.#counts;
    this.#output.summarise({ steps: { ok, unknown, fault }, notTried });
    const reason = this.#isStopped ? "what is wrong has to be mended first" : why;
    if (notTried.length > 0) this.#print(`-      ${"not tried".padEnd(11)}${notTried.join(", ")}: ${reason}`);
    return this.#fault?.meaning.exit ?? 0;
  }

  /** One line; a terminal is given several, so that none begins in the first column but those of the steps. */
  #print(line: string): void {
    const { areResultsSeen, columns } = this.#output;
    const lines = areResultsSeen ? folded(line, Math.max(columnsMin, columns)) : [line];
    this.#output.result(lines.join("\n"));
  }
}

function folded(line: string, columns: number): readonly string[] {
  const lines: string[] = [];
  let current = line.slice(0, indent.length);
  let isEmpty = true;
  for (const word of line.slice(indent.length).split(" ")) {
    if (!isEmpty && displayWidth(current) + 1 + displayWidth(word) > columns) {
      lines.push(current);
      [current, isEmpty] = [indent, true];
    }
    current += isEmpty ? word : ` ${word}`;
    isEmpty = false;
  }
  return [...lines, current];
}
