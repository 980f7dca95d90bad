// What a running server answers over HTTP, where it is told to: loaded then alone.

import { readFileSync } from "node:fs";
import type { Audit } from "../../audit/audit.ts";
import { DyncError } from "../../base/error.ts";
import { whyUnreadable } from "../../base/system-errors.ts";
import type { Catalogue } from "../../catalogue/catalogue.ts";
import type { HttpAddress } from "../../config/http-address.ts";
import type { ProcessSettings } from "../../config/server-settings.ts";
import type { Meter } from "../../server/meter.ts";
import type { Recounts } from "../../server/recounts.ts";
import type { Storage } from "../../storage/storage.ts";
import { healthHandler, type ReadyParts, readyHandler } from "../../web/health.ts";
import { HttpServer, type HttpServerParts, routesOf } from "../../web/http/http-server.ts";
import { Metrics, metricsGate } from "../../web/metrics/metrics.ts";
import type { StateParts } from "../../web/metrics/state-metrics.ts";

export interface WebParts
  extends Pick<HttpServerParts, "clock" | "logger">,
    Omit<StateParts, "freeBytes" | "server" | "usages"> {
  readonly server: ReadyParts["server"] & StateParts["server"];
  readonly catalogue: Pick<Catalogue, "usages">;
  readonly storage: Pick<Storage, "freeBytes">;
  readonly recounts: Pick<Recounts, "usages">;
}

/** Counts from the start of the server on; answers when it is opened. */
export class Web {
  readonly #metrics: Metrics;
  readonly #address: HttpAddress;
  readonly #settings: ProcessSettings;

  /** `settings` say where, as `address` of them does. */
  constructor(address: HttpAddress, settings: ProcessSettings, startedAt: Date) {
    this.#metrics = new Metrics(startedAt);
    this.#address = address;
    this.#settings = settings;
  }

  /** Counts what the server does. */
  get meter(): Meter {
    return this.#metrics.meter;
  }

  /** Counts what happens, and records it in `to`. */
  observe(to: Audit): Audit {
    return this.#metrics.observe(to);
  }

  /** As `HttpServer.open`. */
  async open(parts: WebParts): Promise<HttpServer> {
    const { httpCertificate: certificate, httpKey: key, httpMetricsToken } = this.#settings;
    const gate = metricsGate(httpMetricsToken === null ? null : readToken(httpMetricsToken));
    const tls = certificate === null || key === null ? null : { certificate, key };
    const { catalogue, storage, recounts } = parts;
    const freeBytes = () => storage.freeBytes();
    const askCatalogue = () => catalogue.usages(null, 1);
    const http = await HttpServer.open({
      ...{ address: this.#address, tls, clock: parts.clock, logger: parts.logger },
      routes: routesOf({
        "/healthz": healthHandler,
        "/readyz": readyHandler({ ...parts, askCatalogue, freeBytes }),
        "/metrics": this.#metrics.handler({ ...parts, freeBytes, usages: () => recounts.usages() }, gate),
      }),
    });
    const { host: address, port } = http.address;
    parts.logger.log("info", "Answering over HTTP", { address, port, tls: tls !== null });
    return http;
  }
}

/** Throws `DyncError` ("configuration") where there is none. */
function readToken(path: string): string {
  let text: string;
  try {
    text = readFileSync(path, "utf8").trim();
  } catch (cause) {
    throw new DyncError("configuration", `${path} cannot be read: ${whyUnreadable(cause)}`, { cause });
  }
  if (/^[\x21-\x7e]{16,1024}$/.test(text)) return text;
  const hint = "write one with: openssl rand -hex 32";
  const wanted = "a token of 16 to 1024 ASCII characters without spaces";
  throw new DyncError("configuration", `${path} needs ${wanted}, found another text`, { hint });
}
