// Hands out the client: the page that says how, the installers, and the files of a release. Everybody may read these, and nothing that
// somebody asks for is a path: what there is was listed when the folder was read.

import type { FileHandle } from "node:fs/promises";
import { type Clock, sleep } from "../../base/clock.ts";
import { DyncError, messageOf } from "../../base/error.ts";
import type { Logger } from "../../base/log.ts";
import { sha256Of } from "../../base/sha256-of.ts";
import { ReadingPace, readingBucket } from "../../server/paced-reading.ts";
import {
  type FileBody,
  type HttpAnswer,
  type HttpHandler,
  type HttpRequest,
  type HttpRoute,
  type OpenedFile,
  plainAnswer,
} from "../http/http-message.ts";
import { installPage } from "../page/install-page.ts";
import { pageHeaders } from "../page/page-routes.ts";
import { filledInstaller, type InstallerName } from "./installers.ts";
import { clientAddress, type PublicPlaces, pageUrl } from "./reached-at.ts";
import { openRelease, type Release, type ReleaseFile, readRelease } from "./release.ts";

/** The server that the client is for. */
export interface OwnServer {
  /** Z85. */
  readonly publicKey: string;
  readonly fingerprint: string;
  /** The port on which it listens; `null` before it does. */
  readonly port: () => number | null;
}

export interface DownloadsParts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly server: OwnServer;
  /** As they are now. */
  readonly settings: PublicPlaces & { readonly downloads: string | null };
  /** Bytes were given away. */
  readonly onGiven: (bytes: number) => void;
}

// A class of students at once; each holds a piece of 256 KiB and a file.
const atOnceMax = 32;
const busySeconds = 10;
// What a check after the start may take from the disk that uploads go to.
const checkBytesPerSecond = 100 * 1024 * 1024;
// All together, which is as much as a line of a gigabit takes: whoever uploads meanwhile needs the processor, too.
const givenBytesPerSecond = 100 * 1024 * 1024;

export class Downloads implements Disposable {
  readonly #parts: DownloadsParts;
  #routes: ReadonlyMap<string, HttpRoute> = new Map();
  #checking = new AbortController();
  #underWay = 0;
  readonly #pace = readingBucket(givenBytesPerSecond);

  constructor(parts: DownloadsParts) {
    this.#parts = parts;
  }

  /** What is answered at `path`, if it is one of the downloads. */
  get(path: string): HttpRoute | undefined {
    return this.#routes.get(path);
  }

  /** Lists the folder that is configured, anew where one is listed already. Throws `DyncError` ("configuration"): what was offered stays. */
  load(): void {
    const { settings, logger, server } = this.#parts;
    const release = settings.downloads === null ? null : readRelease(settings.downloads);
    // Whether they are of this release is not found out by the first one who asks.
    for (const [name, text] of release?.installers ?? [])
      filledInstaller(name, text, { baseUrl: "x", server: "x", serverKey: server.publicKey }, "x");
    this.#checking.abort();
    this.#checking = new AbortController();
    if (release === null) {
      this.#routes = new Map();
      return;
    }
    const { folder, files, digest } = release;
    const damaged = new Set<ReleaseFile>();
    this.#routes = this.#routesOf(release, damaged);
    logger.log("info", "Offering the client for download", { folder, files: files.length, release: digest });
    void this.#check(release, damaged, this.#checking.signal);
  }

  [Symbol.dispose](): void {
    this.#checking.abort();
    this.#routes = new Map();
  }

  #routesOf(release: Release, damaged: ReadonlySet<ReleaseFile>): ReadonlyMap<string, HttpRoute> {
    const { files, sums, digest, installers } = release;
    const routes = new Map<string, HttpRoute>();
    const add = (path: string, read: HttpHandler): void => void routes.set(path, { read });
    // Below its digest a release never changes.
    for (const [base, caching] of [
      [`/downloads/${digest}`, "public, max-age=31536000, immutable"],
      ["/downloads", "no-cache"],
    ] as const) {
      const headers = { "cache-control": caching };
      add(`${base}/SHA256SUMS`, () => ({ status: 200, headers, body: { type: plainText, text: sums } }));
      for (const file of files) add(`${base}/${file.name}`, () => this.#fileAnswer(file, damaged, headers));
    }
    for (const [name, text] of installers)
      add(`/${name}`, (request) => this.#installer(name, text, release, request));
    add("/install", (request) => this.#page(release, request));
    return routes;
  }

  #fileAnswer(
    file: ReleaseFile,
    damaged: ReadonlySet<ReleaseFile>,
    caching: Readonly<Record<string, string>>,
  ): HttpAnswer {
    const { name, size, sha256 } = file;
    if (damaged.has(file)) return plainAnswer(503, notAsListed);
    const headers = { ...caching, "content-disposition": `attachment; filename="${name}"` };
    const body: FileBody = {
      ...{ type: "application/octet-stream", size, etag: `"${sha256}"` },
      open: () => this.#open(file),
    };
    return { status: 200, headers, file: body };
  }

  async #open(file: ReleaseFile): Promise<OpenedFile | HttpAnswer> {
    const { clock, logger, onGiven } = this.#parts;
    if (this.#underWay >= atOnceMax)
      return plainAnswer(503, "Many download just now: try again", { "retry-after": String(busySeconds) });
    this.#underWay += 1;
    let handle: FileHandle;
    try {
      handle = await openRelease(file);
    } catch (error) {
      this.#underWay -= 1;
      if (!(error instanceof DyncError)) throw error;
      logger.log("error", error.message, { hint: error.hint });
      return plainAnswer(503, notAsListed);
    }
    const pace = this.#pace;
    return {
      async read(buffer, position) {
        const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
        onGiven(bytesRead);
        const waitMs = pace.take(bytesRead, clock.now());
        if (waitMs > 0) await sleep(clock, waitMs);
        return bytesRead;
      },
      close: async () => {
        this.#underWay -= 1;
        await handle.close();
      },
    };
  }

  #installer(name: InstallerName, text: string, { digest }: Release, request: HttpRequest): HttpAnswer {
    const places = this.#places(request);
    if ("status" in places) return places;
    const { page, server } = places;
    const { publicKey: serverKey } = this.#parts.server;
    const filled = filledInstaller(
      name,
      text,
      { baseUrl: `${page}/downloads/${digest}`, server, serverKey },
      page,
    );
    return { status: 200, body: { type: plainText, text: filled } };
  }

  #page({ digest, files, installers }: Release, request: HttpRequest): HttpAnswer {
    const places = this.#places(request);
    if ("status" in places) return places;
    const { fingerprint } = this.#parts.server;
    const hasPowerShell = installers.has("install.ps1");
    const text = installPage({ ...places, fingerprint, base: `downloads/${digest}`, files, hasPowerShell });
    return { status: 200, headers: pageHeaders, body: { type: "text/html; charset=utf-8", text } };
  }

  /** Under which addresses who asks reaches this server, or what is answered where that is not known. */
  #places(request: HttpRequest): { readonly page: string; readonly server: string } | HttpAnswer {
    const { settings, server } = this.#parts;
    const [page, port] = [pageUrl(request, settings), server.port()];
    if (port === null) return plainAnswer(503, "The server is starting: try again in a moment");
    return page === null ? this.#unknownPlace() : { page, server: clientAddress(page, settings, port) };
  }

  #unknownPlace(): HttpAnswer {
    const why = "a request does not show by which address with TLS this server is reached";
    this.#parts.logger.log("warn", `Nothing to install is told: ${why}`, {
      hint: "set public-url; a proxy passes Host and X-Forwarded-Proto",
    });
    return plainAnswer(503, "This server does not know its own address with TLS: public-url says it");
  }

  /** Compares all files with SHA256SUMS, gently, and gives none away that is another. */
  async #check({ files }: Release, damaged: Set<ReleaseFile>, signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#parts;
    const pace = new ReadingPace(clock, signal);
    const bucket = readingBucket(checkBytesPerSecond);
    for (const file of files) {
      try {
        const sha256 = await sha256In(file, (bytes) => pace.wait(bytes, bucket));
        if (sha256 === file.sha256) continue;
        damaged.add(file);
        const reason = `${file.path} is not what SHA256SUMS beside it says`;
        logger.log("error", "A download is damaged, and not offered", { reason });
      } catch (error) {
        if (signal.aborted) return;
        damaged.add(file);
        logger.log("error", "A download cannot be read, and is not offered", { reason: messageOf(error) });
      }
    }
  }
}

const plainText = "text/plain; charset=utf-8";
const notAsListed = "This file is not as it was released: tell whoever looks after this server";

async function sha256In(file: ReleaseFile, wait: (bytes: number) => Promise<void>): Promise<string> {
  await using handle = await openRelease(file);
  const read = async (offset: number, into: Uint8Array): Promise<number> => {
    await wait(into.length);
    return (await handle.read(into, 0, into.length, offset)).bytesRead;
  };
  return (await sha256Of({ read })).toString("hex");
}
