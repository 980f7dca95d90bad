import { describe, expect, test } from "bun:test";
import { DyncError, type ErrorCode, errorMeanings } from "../../src/base/error.ts";
import { type CommandContext, defineCommand, type Program } from "../../src/cli/command.ts";
import { Output } from "../../src/cli/output.ts";
import { dyncVariableNames } from "../../src/cli/own-variables.ts";
import { execute } from "../../src/cli/run.ts";
import { CapturedStream } from "../support/captured-stream.ts";
import { ManualClock } from "../support/manual-clock.ts";

interface Outcome {
  readonly status: number;
  readonly stdout: string[];
  readonly stderr: string[];
}

/** Runs a program whose only command does `action`. */
async function runAction(
  action: (context: CommandContext) => Promise<number>,
  options: { readonly json?: boolean; readonly signal?: AbortSignal } = {},
): Promise<Outcome> {
  const json = options.json ?? false;
  const command = defineCommand({
    name: "act",
    usage: "",
    options: { json: { type: "boolean" } },
    run: (_values, context) => action(context),
  });
  const program: Program = {
    name: "dync",
    variables: dyncVariableNames,
    usage: "",
    commands: [command],
    defaultCommand: "act",
    endsAtHangup: true,
  };
  const clock = new ManualClock();
  const [stdout, stderr] = [new CapturedStream(), new CapturedStream()];
  const output = new Output({ program: "dync", json, stdout, stderr, clock });
  const signal = options.signal ?? new AbortController().signal;
  const status = await execute({ program, argv: json ? ["--json"] : [], output, clock, signal });
  await output.flush();
  return { status, stdout: stdout.takeLines(), stderr: stderr.takeLines() };
}

describe("execute()", () => {
  for (const code of Object.keys(errorMeanings) as ErrorCode[]) {
    const { exit } = errorMeanings[code];
    test(`exits ${exit} for the error "${code}", and tells people and programs`, async () => {
      const action = async (): Promise<number> => {
        throw new DyncError(code, "It did not work", { hint: "try harder" });
      };
      expect(await runAction(action)).toEqual({
        status: exit,
        stdout: [],
        stderr: ["dync: error: It did not work", "dync: hint: try harder"],
      });
      const { status, stdout, stderr } = await runAction(action, { json: true });
      expect(status).toBe(exit);
      expect(stderr.map((it) => JSON.parse(it))).toEqual([
        { schema: 1, type: "error", code, message: "It did not work", hint: "try harder", exit },
      ]);
      const error = { code, message: "It did not work", hint: "try harder" };
      expect(stdout.map((it) => JSON.parse(it))).toEqual([
        { schema: 1, type: "summary", ok: false, exit, error },
      ]);
      expect(exit).not.toBe(0);
    });
  }

  test("ends with a summary that holds what the command said of it", async () => {
    const { status, stdout } = await runAction(
      async ({ output }) => {
        output.summarise({ name: "run42.raw" });
        output.record("status", { sent: 1 });
        return 0;
      },
      { json: true },
    );
    expect(status).toBe(0);
    expect(stdout).toEqual([
      '{"schema":1,"type":"status","sent":1}',
      '{"schema":1,"type":"summary","ok":true,"exit":0,"name":"run42.raw"}',
    ]);
  });

  test("calls an error that nobody expected a bug, on one line and without a stack", async () => {
    const { status, stderr } = await runAction(async () => {
      throw new TypeError("x is not\na function");
    });
    expect(status).toBe(1);
    expect(stderr).toEqual([
      "dync: error: x is not a function; this is a bug in dync",
      "dync: hint: please report it, with what DYNC_DEBUG=1 adds to this message",
    ]);
  });

  test("exits 130 when a signal ended the wait, in whatever form the runtime says so", async () => {
    const interrupted = new DyncError("cancelled", "Interrupted by SIGINT");
    for (const thrown of [interrupted, new DOMException("aborted", "AbortError")]) {
      const { status, stderr } = await runAction(
        async () => {
          throw thrown;
        },
        { signal: AbortSignal.abort(interrupted) },
      );
      expect(status).toBe(130);
      expect(stderr).toEqual(["dync: error: Interrupted by SIGINT"]);
    }
  });
});
