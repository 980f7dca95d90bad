// The alarms of a server that runs, put together of its parts.

import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import type { Alarm } from "../../alarms/alarm.ts";
import type { AuthorizedClients } from "../../keys/authorized-clients.ts";
import { Alarms, type AlarmsParts } from "../../server/alarms.ts";
import { fullInMs, spans } from "../../server/history.ts";
import type { Recounts } from "../../server/recounts.ts";
import type { Server } from "../../server/server.ts";
import type { Storage } from "../../storage/storage.ts";
import type { KeptHistory } from "./web-history.ts";

export interface AlarmingParts extends Pick<AlarmsParts, "catalogue" | "clock" | "logger"> {
  readonly configuration: Pick<AlarmsParts, "alarmsOf" | "hooksOf">;
  readonly recounts: Pick<Recounts, "usages">;
  readonly clients: Pick<AuthorizedClients, "list">;
  readonly server: Pick<Server, "afterHooks" | "bytesOf" | "leads">;
  readonly storage: Pick<Storage, "freeBytes">;
  /** What the forecast of the disk is made of; it looks while an alarm needs it. */
  readonly history: KeptHistory;
}

/** Those of a server; `changed` begins to look, and looks again when others are configured. */
export class Alarming {
  readonly #parts: AlarmingParts;
  readonly alarms: Alarms;
  /** Those that are configured now. */
  readonly alarmsOf: AlarmsParts["alarmsOf"];

  constructor(parts: AlarmingParts) {
    const { server, storage, history, configuration, recounts, clients } = parts;
    const { alarmsOf, hooksOf } = configuration;
    this.#parts = parts;
    this.alarmsOf = alarmsOf;
    this.alarms = new Alarms({
      ...parts,
      ...{ alarmsOf, hooksOf, usages: () => recounts.usages(), keys: () => clients.list() },
      hooks: { look: (deliveries) => server.afterHooks?.look(deliveries) },
      bytesOf: (id) => server.bytesOf(id),
      leads: () => server.leads,
      newId: () => randomBytes(16).toString("hex"),
      server: hostname(),
      disk: async () => ({
        free: await storage.freeBytes(),
        fullInMs: fullInMs(history.history.of("day").samples, spans.day.stepMs),
      }),
    });
  }

  changed(): void {
    const { history, storage, logger } = this.#parts;
    if (this.alarmsOf().some(hasForecast)) history.begin(() => storage.freeBytes(), logger);
    this.alarms.changed();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.alarms.stop();
  }
}

function hasForecast({ condition }: Alarm): boolean {
  return condition.when === "disk-full" && condition.withinMs !== null;
}
