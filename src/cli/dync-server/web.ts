// What a running server answers over HTTP, where it is told to: loaded then alone.

import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import type { Audit } from "../../audit/audit.ts";
import type { Clock } from "../../base/clock.ts";
import { DyncError } from "../../base/error.ts";
import type { Catalogue } from "../../catalogue/catalogue.ts";
import { type HttpAddress, writeHttpAddress } from "../../config/http-address.ts";
import type { ProcessSettings } from "../../config/server-settings.ts";
import type { ControlCommand } from "../../control/control-server.ts";
import type { Alarms } from "../../server/alarms.ts";
import { InstrumentReports } from "../../server/instrument-reports.ts";
import type { Meter } from "../../server/meter.ts";
import type { Recounts } from "../../server/recounts.ts";
import type { Server } from "../../server/server.ts";
import type { Storage } from "../../storage/storage.ts";
import { apiRoutes } from "../../web/api.ts";
import { Downloads, type OwnServer } from "../../web/downloads/downloads.ts";
import { healthHandler, type ReadyParts, readyHandler } from "../../web/health.ts";
import { HttpServer, type HttpServerParts, routesOf } from "../../web/http/http-server.ts";
import { LiveView, type LiveViewParts } from "../../web/live-view.ts";
import { Metrics, metricsGate } from "../../web/metrics/metrics.ts";
import type { StateParts } from "../../web/metrics/state-metrics.ts";
import { readNamedFile } from "../../web/named-file.ts";
import { pageRoutes } from "../../web/page/page-routes.ts";
import { ProxyUsers, type ProxyUsersParts } from "../../web/proxy-sign-in.ts";
import { RecentRefusals } from "../../web/recent-refusals.ts";
import { Sessions } from "../../web/sessions.ts";
import { Throughput } from "../../web/throughput.ts";
import { type PageParts, pageCommands } from "./web-commands.ts";
import type { KeptHistory } from "./web-history.ts";
import type { LinkMaker } from "./web-link-command.ts";

export interface WebParts
  extends Pick<HttpServerParts, "logger">,
    Omit<StateParts, "freeBytes" | "server" | "usages" | "clock" | "instruments" | "alarms">,
    Omit<PageParts, "refusals" | "server"> {
  readonly alarms: Pick<Alarms, "firing"> & Pick<StateParts["alarms"], "configured">;
  readonly server: ReadyParts["server"] &
    StateParts["server"] &
    LiveViewParts["server"] &
    PageParts["server"] &
    Pick<Server, "port">;
  /** Whom a proxy lets in, as it is configured now. */
  readonly signInOf: ProxyUsersParts["signInOf"];
  readonly ownKey: Pick<OwnServer, "publicKey" | "fingerprint">;
  readonly catalogue: Pick<Catalogue, "usages" | "instruments">;
  readonly storage: Pick<Storage, "freeBytes">;
  readonly recounts: Pick<Recounts, "usages">;
  /** Those of the control socket: the page may use them as well. */
  readonly commands: ReadonlyMap<string, ControlCommand>;
  /** What is done is recorded before it is answered. */
  readonly audited: (commands: ReadonlyMap<string, ControlCommand>) => ReadonlyMap<string, ControlCommand>;
}

const secretBytes = 32;

/** Counts from the start of the server on; answers when it is opened. */
export class Web {
  readonly #metrics: Metrics;
  readonly #sessions: Sessions;
  readonly #refusals: RecentRefusals;
  readonly #throughput: Throughput;
  readonly #history: KeptHistory;
  readonly #address: HttpAddress;
  readonly #settings: ProcessSettings;
  #http: HttpServer | null = null;
  #downloads: Downloads | null = null;

  /** `settings` say where, as `address` of them does. */
  constructor(address: HttpAddress, settings: ProcessSettings, clock: Clock, history: KeptHistory) {
    const newSecret = () => randomBytes(secretBytes).toString("base64url");
    this.#metrics = new Metrics(clock.date());
    this.#sessions = new Sessions({ clock, newSecret });
    this.#refusals = new RecentRefusals(clock);
    this.#throughput = new Throughput(clock);
    this.#history = history;
    this.#address = address;
    this.#settings = settings;
  }

  /** Counts what the server does. */
  get meter(): Meter {
    const { meter } = this.#metrics;
    return {
      stored: (bytes) => {
        meter.stored(bytes);
        this.#throughput.add(bytes);
        this.#history.history.stored(bytes);
      },
      published: (seconds) => {
        meter.published(seconds);
        this.#history.history.published();
      },
    };
  }

  /** Counts and keeps what happens, and records it in `to`. */
  observe(to: Audit): Audit {
    return this.#metrics.observe({
      record: (event) => {
        this.#refusals.note(event);
        to.record(event);
      },
    });
  }

  /** What makes links to the page; `null` before it is open. */
  get linkMaker(): LinkMaker | null {
    if (this.#http === null) return null;
    const { publicUrl } = this.#settings;
    if (publicUrl !== null) return { sessions: this.#sessions, origin: publicUrl };
    const { host, port } = this.#http.address;
    const where = writeHttpAddress({ host: host === "*" ? hostname() : host, port });
    const scheme = this.#settings.httpCertificate === null ? "http" : "https";
    return { sessions: this.#sessions, origin: `${scheme}://${where}` };
  }

  /** Looks at the downloads again. Throws `DyncError` ("configuration"): what was offered stays. */
  reload(): void {
    this.#downloads?.load();
  }

  #openDownloads({ clock, logger, server, ownKey }: WebParts): Downloads {
    const downloads = new Downloads({
      ...{ clock, logger, settings: this.#settings },
      server: { ...ownKey, port: () => server.port },
      onGiven: (bytes) => this.#metrics.downloaded(bytes),
    });
    downloads.load();
    this.#downloads = downloads;
    return downloads;
  }

  /** As `HttpServer.open`. */
  async open(parts: WebParts): Promise<AsyncDisposable> {
    const { httpCertificate: certificate, httpKey: key, httpMetricsToken } = this.#settings;
    const gate = metricsGate(httpMetricsToken === null ? null : readToken(httpMetricsToken));
    const tls = certificate === null || key === null ? null : { certificate, key };
    const { catalogue, storage, recounts, clock, logger } = parts;
    const freeBytes = () => storage.freeBytes();
    const askCatalogue = () => catalogue.usages(null, 1);
    const usages = () => recounts.usages();
    const alarms = () => parts.alarms.firing();
    const view = new LiveView({ ...parts, freeBytes, alarms, throughput: this.#throughput });
    const own = parts.audited(new Map(pageCommands({ ...parts, refusals: this.#refusals })));
    const commands = new Map([...parts.commands, ...own]);
    const fixed = routesOf({
      ...pageRoutes,
      ...apiRoutes({
        ...{ sessions: this.#sessions, view, commands, history: this.#history.history },
        publicUrl: () => this.#settings.publicUrl,
        proxyUsers: new ProxyUsers(parts),
      }),
      "/healthz": healthHandler,
      "/readyz": readyHandler({ ...parts, askCatalogue, freeBytes }),
      "/metrics": this.#metrics.handler(
        { ...parts, freeBytes, usages, instruments: new InstrumentReports(parts) },
        gate,
      ),
    });
    const downloads = this.#openDownloads(parts);
    const http = await HttpServer.open({
      ...{ address: this.#address, tls, clock, logger },
      routes: { get: (path) => fixed.get(path) ?? downloads.get(path) },
    });
    this.#http = http;
    this.#history.begin(freeBytes, logger);
    const { host: address, port } = http.address;
    logger.log("info", "Answering over HTTP", { address, port, tls: tls !== null });
    return {
      [Symbol.asyncDispose]: async () => {
        view.stop();
        downloads[Symbol.dispose]();
        await http[Symbol.asyncDispose]();
      },
    };
  }
}

/** Throws `DyncError` ("configuration") where there is none. */
function readToken(path: string): string {
  const text = readNamedFile(path).toString().trim();
  if (/^[\x21-\x7e]{16,1024}$/.test(text)) return text;
  const hint = "write one with: openssl rand -hex 32";
  const wanted = "a token of 16 to 1024 ASCII characters without spaces";
  throw new DyncError("configuration", `${path} needs ${wanted}, found another text`, { hint });
}
