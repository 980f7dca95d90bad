// The metrics of a server, as Prometheus reads them. Names keep to its conventions: one prefix, base units, `_total` for what only
// grows, and no label whose values anybody can make up.

import { createHash, timingSafeEqual } from "node:crypto";
import { Registry } from "prom-client";
import type { Audit } from "../../audit/audit.ts";
import { isLoopback } from "../../config/http-address.ts";
import type { Meter } from "../../server/meter.ts";
import { type HttpAnswer, type HttpHandler, type HttpRequest, plainAnswer } from "../http/http-message.ts";
import { processMetrics } from "./process-metrics.ts";
import { type StateParts, stateMetrics } from "./state-metrics.ts";
import { WorkMetrics } from "./work-metrics.ts";

/** What is counted from the start, before anybody can ask for it. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #work: WorkMetrics;

  constructor(startedAt: Date) {
    this.#work = new WorkMetrics(this.#registry);
    processMetrics(this.#registry, startedAt);
  }

  /** Counts what the server does. */
  get meter(): Meter {
    return this.#work;
  }

  /** Counts bytes of the client that were handed out. */
  downloaded(bytes: number): void {
    this.#work.downloaded(bytes);
  }

  /** Counts what happens, and records it in `to`. */
  observe(to: Audit): Audit {
    return {
      record: (event) => {
        this.#work.count(event);
        to.record(event);
      },
    };
  }

  /** Answers who comes through `gate`. A look at everything is shared by all who ask while it goes on. */
  handler(parts: StateParts, gate: MetricsGate): HttpHandler {
    const state = stateMetrics(this.#registry, parts);
    let looking: Promise<string> | null = null;
    const look = async (): Promise<string> => {
      await state.look();
      return await this.#registry.metrics();
    };
    return async (request) => {
      const refusal = gate(request);
      if (refusal !== null) return refusal;
      looking ??= look().finally(() => {
        looking = null;
      });
      return { status: 200, body: { type: this.#registry.contentType, text: await looking } };
    };
  }
}

/** Answers who may not read metrics. */
export type MetricsGate = (request: HttpRequest) => HttpAnswer | null;

/** Lets in who shows `token`; where there is none, this machine: metrics name users. */
export function metricsGate(token: string | null): MetricsGate {
  return token === null ? ownMachine : ({ header }) => withToken(header("authorization") ?? "", token);
}

function withToken(given: string, token: string): HttpAnswer | null {
  // Digests, for texts of any length to be compared in the same time.
  const [a, b] = [given, `Bearer ${token}`].map((text) => createHash("sha256").update(text).digest());
  if (timingSafeEqual(a as Buffer, b as Buffer)) return null;
  const asked = { "www-authenticate": 'Bearer realm="metrics"' };
  return plainAnswer(401, "Metrics are for who has the token", asked);
}

/** A proxy on this machine speaks for others, and says so. */
function ownMachine({ from, header }: HttpRequest): HttpAnswer | null {
  const isForOthers = ["x-forwarded-for", "forwarded", "via"].some((name) => header(name) !== undefined);
  if (isLoopback(from) && !isForOthers) return null;
  return plainAnswer(403, "Metrics are for this machine alone, unless http-metrics-token names a file");
}
