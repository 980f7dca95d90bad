// The server's side of the control socket: takes a request of each connection, and has the command that it names answer.

import { closeSync, openSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import type { Clock } from "../base/clock.ts";
import { DyncError, errorFields, messageOf } from "../base/error.ts";
import { FileLock } from "../base/file-lock.ts";
import type { Logger } from "../base/log.ts";
import { within } from "../base/within.ts";
import {
  type ControlAnswer,
  type ControlRequest,
  type JsonObject,
  linesOf,
  readRequest,
} from "./control-lines.ts";
import { controlFile, leave, listenAt } from "./control-place.ts";

/** What a command is given. */
export interface ControlCall {
  /** As they came: the command checks them. */
  readonly arguments: JsonObject;
  /** Who asks, where that is known: who has the socket may all that there is. */
  readonly by?: string | undefined;
  /** Aborts when nobody waits for the answer any more, and when the server stops. */
  readonly signal: AbortSignal;
  /** Tells one line before the answer. Resolves when there is room for the next one; rejects when nobody reads any more. */
  tell(value: JsonObject): Promise<void>;
}

/** Resolves to the answer. A `DyncError` is an answer, too; anything else is a fault of ours, and logged. */
export type ControlCommand = (call: ControlCall) => Promise<JsonObject>;

export interface ControlServerParts {
  /** Folder of keys and state. */
  readonly home: string;
  /** By name. */
  readonly commands: ReadonlyMap<string, ControlCommand>;
  readonly logger: Logger;
  readonly clock: Clock;
}

// People ask one thing after the other. A request may have a MiB.
const connectionsMax = 32;
const commandsMax = 16;
// A command that does not heed its signal must not keep a server from stopping.
const stopMs = 5_000;
// Who asks has the request at hand, and reads what comes.
const patienceMs = 30_000;

export class ControlServer implements AsyncDisposable {
  readonly #parts: ControlServerParts;
  readonly #server: Server;
  readonly #stop = new AbortController();
  readonly #open = new Map<Socket, Promise<void>>();
  #lock: FileLock | null = null;
  #running = 0;

  private constructor(parts: ControlServerParts) {
    this.#parts = parts;
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
  }

  /** Listens, or says in the log why it cannot: a server does its work without it. */
  static async open(parts: ControlServerParts): Promise<ControlServer> {
    const control = new ControlServer(parts);
    const { home, logger } = parts;
    try {
      control.#lock = FileLock.tryAcquire(privateFile(join(home, "server.lock")));
      if (control.#lock === null) throw new Error("another server has the same DYNC_HOME");
      await listenAt(home, control.#server);
      control.#server.on("error", (error) => control.#warn(messageOf(error)));
    } catch (error) {
      control.#warn(messageOf(error));
      control.#server.close(() => {});
      control.#lock?.release();
      control.#lock = null;
      return control;
    }
    logger.log("debug", "The control socket is open", { file: controlFile(home) });
    return control;
  }

  #warn(reason: string): void {
    const { home, logger } = this.#parts;
    const hint = 'commands beside the server, such as "reload", do not reach it';
    logger.log("warn", "There is no control socket", { file: controlFile(home), reason, hint });
  }

  /** Ends what is being answered, and takes the socket away. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    if (this.#lock === null) return;
    leave(this.#parts.home);
    const closed = new Promise((resolve) => this.#server.close(resolve));
    await within(this.#parts.clock, stopMs, Promise.all(this.#open.values()), () => {});
    await closed;
    this.#lock?.release();
    this.#lock = null;
  }

  #accept(socket: Socket): void {
    // What becomes of a connection shows when it is read and written.
    socket.on("error", () => {});
    if (this.#open.size >= connectionsMax) return void socket.destroy();
    const work = this.#serve(socket).finally(() => this.#open.delete(socket));
    this.#open.set(socket, work);
  }

  async #serve(socket: Socket): Promise<void> {
    const gone = new AbortController();
    const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
    const signal = AbortSignal.any([gone.signal, this.#stop.signal]);
    signal.addEventListener("abort", () => socket.destroy(), { once: true });
    if (signal.aborted) socket.destroy();
    const cancel = this.#parts.clock.after(patienceMs, () => socket.destroy());
    try {
      const lines = linesOf(socket);
      const { value: line, done } = await lines.next();
      cancel();
      if (!done) {
        // Who asks has no more to say: what comes now is the end of the connection.
        const leave = (): void => gone.abort();
        lines.next().then(leave, leave);
        await this.#write(socket, await this.#answer(line, signal, socket));
        socket.end();
        const late = this.#parts.clock.after(patienceMs, () => socket.destroy());
        await closed;
        late();
      }
    } catch {
      // Nobody is there to hear of it.
    } finally {
      cancel();
      socket.destroy();
    }
  }

  async #answer(line: string, signal: AbortSignal, socket: Socket): Promise<ControlAnswer> {
    try {
      const { command, arguments: given } = readRequest(line);
      const tell = (value: JsonObject) => this.#write(socket, { schema: 1, type: "line", value });
      const value = await this.#run(command, { arguments: given, signal, tell });
      return { schema: 1, type: "answer", value };
    } catch (error) {
      if (error instanceof DyncError) return { schema: 1, type: "error", ...errorFields(error) };
      // What was given up because nobody waits for it any more did not fail.
      if (!signal.aborted)
        this.#parts.logger.log("error", "A command beside the server failed", { reason: messageOf(error) });
      return { schema: 1, type: "error", code: "internal", message: messageOf(error) };
    }
  }

  async #run(command: ControlRequest["command"], call: ControlCall): Promise<JsonObject> {
    const found = this.#parts.commands.get(command);
    if (found === undefined) {
      const hint = "this server is of another version: restart it";
      throw new DyncError("usage", "The running server does not know this command", { hint });
    }
    if (this.#running >= commandsMax)
      throw new DyncError("not-ready", "The server does as many commands as it can at once");
    this.#running++;
    try {
      return await found(call);
    } finally {
      this.#running--;
    }
  }

  /** Resolves when the line is on its way; rejects when it was not read in time, or the socket is gone. */
  async #write(socket: Socket, answer: ControlAnswer): Promise<void> {
    if (socket.destroyed) throw new DyncError("cancelled", "Who asked is gone");
    if (socket.write(`${JSON.stringify(answer)}\n`)) return;
    const cancel = this.#parts.clock.after(patienceMs, () => socket.destroy());
    await new Promise<void>((resolve) => {
      const go = (): void => {
        socket.off("drain", go).off("close", go);
        resolve();
      };
      socket.on("drain", go).on("close", go);
    });
    cancel();
  }
}

/** Makes `path` where it is not there: whoever may read a lock's file may also hold it. */
function privateFile(path: string): string {
  closeSync(openSync(path, "a", 0o600));
  return path;
}
