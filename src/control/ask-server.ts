// The other side of the control socket: a command that asks the server that runs with the same folder of keys and state.

import { connect, type Socket } from "node:net";
import * as v from "valibot";
import type { Clock } from "../base/clock.ts";
import { DyncError, messageOf, systemCode } from "../base/error.ts";
import { type JsonObject, linesOf, readAnswer } from "./control-lines.ts";
import { controlAddress, controlFile } from "./control-place.ts";

export interface ControlQuestion<T> {
  /** Folder of keys and state, of this process and of the server. */
  readonly home: string;
  readonly command: string;
  readonly arguments?: JsonObject;
  /** What the answer has to be. */
  readonly answer: v.GenericSchema<unknown, T>;
  readonly clock: Clock;
  /** Gives up waiting. */
  readonly signal: AbortSignal;
  /** Takes each line that comes before the answer; the next one waits for it. */
  readonly onLine?: (value: JsonObject) => void | Promise<void>;
}

// A server that is busy answers later; one that is stopped does not.
const silenceMs = 60_000;

/**
 * What the server answers.
 *
 * @throws DyncError "unavailable": no server runs; "configuration": this user may not ask it; "timed-out"; else what the
 * server says.
 */
export async function askServer<T>(question: ControlQuestion<T>): Promise<T> {
  const { home, command, arguments: given = {}, signal } = question;
  const address = controlAddress(home);
  if (address === null) throw noServer(home);
  const socket = connect(address);
  const abort = (): void => void socket.destroy(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  try {
    socket.write(`${JSON.stringify({ schema: 1, command, arguments: given })}\n`);
    const answer = v.safeParse(question.answer, await answerOf(socket, question));
    if (answer.success) return answer.output;
    const hint = "it is of another version: restart it";
    throw new DyncError("malformed", "The running server answers something else than this version knows", {
      hint,
    });
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw connectError(error, home);
  } finally {
    signal.removeEventListener("abort", abort);
    socket.destroy();
  }
}

async function answerOf(socket: Socket, { clock, onLine }: ControlQuestion<unknown>): Promise<JsonObject> {
  const late = new DyncError("timed-out", `The server said nothing for ${silenceMs / 1000} s`, {
    hint: "it may be stopped, or very busy; its log says more",
  });
  const wait = () => clock.after(silenceMs, () => socket.destroy(late));
  let cancel = wait();
  try {
    for await (const line of linesOf(socket)) {
      cancel();
      const answer = readAnswer(line);
      if (answer.type === "answer") return answer.value;
      if (answer.type === "error") throw new DyncError(answer.code, answer.message, { hint: answer.hint });
      await onLine?.(answer.value);
      cancel = wait();
    }
  } finally {
    cancel();
  }
  throw new DyncError("unavailable", "The server went away before it answered");
}

function connectError(error: unknown, home: string): unknown {
  if (error instanceof DyncError) return error;
  const code = systemCode(error);
  if (code === "ENOENT" || code === "ECONNREFUSED" || code === "ENOTDIR") return noServer(home);
  if (code === "EACCES" || code === "EPERM") {
    const hint = "run this command as the user of the server";
    return new DyncError(
      "configuration",
      `The server may be asked by its own user alone: ${controlFile(home)}`,
      {
        cause: error,
        hint,
      },
    );
  }
  return new DyncError("unavailable", `The server cannot be asked: ${messageOf(error)}`, { cause: error });
}

function noServer(home: string): DyncError {
  return new DyncError("unavailable", `No server runs that can be asked at ${controlFile(home)}`, {
    hint: "it has to run, with the same DYNC_HOME",
  });
}
