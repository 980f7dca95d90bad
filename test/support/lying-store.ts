// An object store that does not do as it says: a proxy on loopback before a real one, which a test has change its answers, or answer itself.

import {
  Agent,
  createServer,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";

export interface Asked {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
}

export interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface Lies {
  /** What is answered instead of asking the store at all; `null`: it is asked. */
  readonly instead?: (asked: Asked) => Answered | null;
  /** What becomes of an answer of the store; "cut": its end does not come, nor that of the connection in good order. */
  readonly change?: (asked: Asked, answered: Answered) => Answered | "cut";
}

/** A refusal as such stores write it. */
export function refusal(status: number, code: string, message = "no"): Answered {
  const text = `<?xml version="1.0"?>\n<Error><Code>${code}</Code><Message>${message}</Message></Error>`;
  return { status, headers: { "content-type": "application/xml" }, body: Buffer.from(text) };
}

export class LyingStore implements AsyncDisposable {
  /** Nothing: it is honest. */
  lies: Lies = {};
  /** How many answers were changed, cut, or made up. */
  told = 0;
  readonly #target: URL;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #server: Server;

  private constructor(target: string) {
    this.#target = new URL(target);
    this.#server = createServer((asked, answer) => {
      this.#answer(asked, answer).catch(() => answer.destroy());
    });
  }

  /** Begins to stand before the store at `target`, on a free port. */
  static async before(target: string): Promise<LyingStore> {
    const store = new LyingStore(target);
    await new Promise<void>((resolve) => store.#server.listen(0, "127.0.0.1", resolve));
    return store;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async #answer(incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
    const asked = { method: incoming.method ?? "", path: incoming.url ?? "" };
    const body = await buffer(incoming);
    const instead = this.lies.instead?.(asked) ?? null;
    if (instead !== null) {
      this.told++;
      return send(answer, asked, instead);
    }
    const answered = await this.#ask(incoming, asked, body);
    const changed = this.lies.change?.(asked, answered) ?? answered;
    if (changed !== answered) this.told++;
    if (changed !== "cut") return send(answer, asked, changed);
    // What has no body is cut short before it is there.
    if (asked.method === "HEAD") return void answer.destroy();
    answer.writeHead(answered.status, { ...answered.headers, "content-length": answered.body.length + 10 });
    answer.write(answered.body.subarray(0, answered.body.length / 2), () => answer.destroy());
  }

  /** Asks the store, with the very headers: the one of the host is signed. */
  async #ask(incoming: IncomingMessage, { method, path }: Asked, body: Buffer): Promise<Answered> {
    const { hostname, port } = this.#target;
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const headers = { ...incoming.headers };
    delete headers.connection;
    const asking = request({ method, path, hostname, port, headers, agent: this.#agent }, resolve);
    asking.on("error", reject);
    asking.end(body);
    const message = await promise;
    const texts = Object.entries(message.headers).map(([name, value]) => [name, String(value)] as const);
    return {
      status: message.statusCode ?? 0,
      headers: Object.fromEntries(texts),
      body: await buffer(message),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#agent.destroy();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

function send(answer: ServerResponse, { method }: Asked, { status, headers, body }: Answered): void {
  const { "content-length": length, "transfer-encoding": _, connection: __, ...others } = headers;
  // Of what was asked for without its content it says how long that is.
  answer.writeHead(status, { ...others, "content-length": method === "HEAD" ? (length ?? 0) : body.length });
  answer.end(body);
}
