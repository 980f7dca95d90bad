// The server of the shell-level simulation: the real `Server` in a simulated process, started again after each end.

import { messageOf } from "../../src/base/error.ts";
import type { Logger } from "../../src/base/log.ts";
import { Server } from "../../src/server/server.ts";
import type { ShellWorld } from "./shell-world.ts";
import { receipts, serverKeys, userOfKey } from "./simulated-keys.ts";
import { nothingHeld } from "./simulated-network.ts";
import { SimulatedProcess } from "./simulated-process.ts";
import { SimulationFailure } from "./simulation-failure.ts";

export class SimulatedServer {
  readonly #world: ShellWorld;
  /** Indexes of users whose key is not authorised just now. */
  readonly #removed = new Set<number>();
  #process: SimulatedProcess;
  #server: Server | null = null;
  #closeTransport: () => void = () => {};
  #starts = 0;
  held = nothingHeld();

  constructor(world: ShellWorld) {
    this.#world = world;
    this.#process = new SimulatedProcess(world.clock);
  }

  start(): void {
    const world = this.#world;
    const process = new SimulatedProcess(world.clock);
    this.#process = process;
    this.#starts++;
    this.held = nothingHeld();
    const { syncEveryBytes } = world.options;
    world.disk.mountFor(process, { bootId: world.bootId, syncEveryBytes });
    const transport = world.network.server(process, this.held);
    this.#closeTransport = () => void transport.close();
    world.trace(() => "server starts");
    const server = new Server({
      transport,
      keys: serverKeys,
      clients: {
        userOf: (key) => this.#userOf(key),
        expiryOf: () => null,
        endOf: () => null,
        isLeaving: () => false,
        mayGoOn: (key, user) => this.#userOf(key) === user,
      },
      storage: world.disk.storage,
      catalogue: world.disk.catalogueFor(process),
      owner: { id: "server", leaseMs: 0 },
      clock: process.clock,
      logger: this.#loggerOf(process),
      options: world.options,
      rulesOf: () => world.options,
      program: "simulation",
      newId: () => world.newId(),
      receipts,
    });
    this.#server = null;
    server.start().then(
      () =>
        process.run(() => {
          this.#server = server;
        }),
      (error) =>
        process.run(() => {
          world.trace(() => `server does not start: ${messageOf(error)}`);
          this.crash(false);
        }),
    );
  }

  #userOf(key: string): string | null {
    const user = userOfKey(key);
    return user === null || this.#removed.has(user) ? null : `user-${user}`;
  }

  #loggerOf(process: SimulatedProcess): Logger {
    const world = this.#world;
    return {
      log(level, message, fields) {
        if (!process.isAlive) return;
        world.trace(() => `server: ${level} ${message} ${JSON.stringify(fields ?? {})}`);
        const { reason } = fields ?? {};
        const isOwnFault = typeof reason === "string" && reason.startsWith("Internal error");
        if (isOwnFault) world.fail(new SimulationFailure(`The server logs a fault of its own: ${reason}`));
      },
    };
  }

  /** Ends the process at once, and with `isPowerLost` the system; it comes back later. */
  crash(isPowerLost: boolean): void {
    const process = this.#process;
    if (!process.isAlive) return;
    const world = this.#world;
    if (world.disk.storage.isFailureUnheard) {
      world.clock.after(50, () => {
        if (process === this.#process) this.crash(isPowerLost);
      });
      return;
    }
    world.trace(() => (isPowerLost ? "power loss" : "server crash"));
    process.kill();
    this.#disturbAll();
    // Not before the code that runs just now came to its end.
    world.clock.after(0, () => {
      this.#closeTransport();
      world.disk.crash(isPowerLost);
      if (isPowerLost) world.newBoot();
      world.checks.compareAll();
      this.#startLater();
    });
  }

  /** Ends it as SIGTERM does. */
  stop(): void {
    const process = this.#process;
    const server = this.#server;
    if (!process.isAlive || process.isFrozen || server === null) return;
    this.#world.trace(() => "server stop");
    this.#server = null;
    this.#disturbAll();
    const stopped = server.stop().then(() => this.#world.disk.storage.close());
    stopped.then(() =>
      process.run(() => {
        this.#closeTransport();
        process.kill();
        this.isStopped = true;
        this.#startLater();
      }),
    );
  }

  /** Stops it cleanly as soon as it runs, and does not start it again. */
  stopForGood(): void {
    if (this.#process.isAlive && !this.#process.isFrozen && this.#server !== null) this.#staysDown = true;
    this.stop();
  }

  /** The last process ended cleanly. */
  isStopped = false;
  #staysDown = false;

  #startLater(): void {
    const starts = this.#starts;
    this.#world.clock.after(this.#world.random.magnitude(10, 10_000), () => {
      if (starts !== this.#starts || this.#staysDown) return;
      this.isStopped = false;
      this.start();
    });
  }

  #disturbAll(): void {
    for (const client of this.#world.clients) client.disturbances++;
  }

  freeze(forMs: number): void {
    this.#world.trace(() => "server freezes");
    this.#disturbAll();
    this.#process.freeze(forMs);
  }

  /** Takes the key of a user away, for a while. */
  removeKey(user: number, forMs: number): void {
    this.#world.trace(() => `key of user-${user} is removed`);
    this.#removed.add(user);
    this.#process.run(() => this.#server?.clientsChanged());
    this.#world.clock.after(forMs, () => this.#removed.delete(user));
  }
}
