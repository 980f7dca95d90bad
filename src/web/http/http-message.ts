// What is asked and answered over HTTP, as the rest of `web/` sees it: checked, and without sockets.

/** A request for something that is there. */
export interface HttpRequest {
  readonly method: "GET" | "HEAD" | "POST";
  /** From the root, without a query; it is one of those that are answered. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** The value of a header, by its lower-case name; one that came several times is joined by commas. */
  header(name: string): string | undefined;
  /** IP address that the connection comes from: a proxy's, where there is one. */
  readonly from: string;
  /** Whether the connection itself has TLS. */
  readonly isSecure: boolean;
  /** What came with a `POST`, of as many bytes as its route takes. Rejects when it is no UTF-8, or its sender went away. */
  body(): Promise<string>;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** With its media type. */
  readonly body?: { readonly type: string; readonly text: string };
  /** In place of a body. The status is that of what is asked for of it. */
  readonly file?: FileBody;
  /** In place of a body: a stream of events, which lasts until its reader goes away or the server stops. */
  readonly events?: (sink: EventSink) => void;
}

/** A file that can be given, or parts of it. */
export interface FileBody {
  /** Its media type. */
  readonly type: string;
  readonly size: number;
  /** With quotes, and strong: other bytes have another one. */
  readonly etag: string;
  /** Opens it; or what is answered instead, where it cannot be given just now. */
  open(): Promise<OpenedFile | HttpAnswer>;
}

export interface OpenedFile {
  /** Reads from `position` on into `buffer`; resolves to the number of bytes, 0 at the end. */
  read(buffer: Uint8Array, position: number): Promise<number>;
  close(): Promise<void>;
}

/** Where events go, to one reader. */
export interface EventSink {
  /**
   * Sends `data`, one line, as an event of that name. Returns `false`, and sends nothing, while the reader has not taken what was sent
   * before, and after so much that it has to show that it reads, by asking again: nothing piles up for who does not read.
   */
  send(event: string, data: string): boolean;
  /** Nothing more comes. */
  end(): void;
  /** Aborts when the reader is gone. */
  readonly gone: AbortSignal;
}

export type HttpHandler = (request: HttpRequest) => Promise<HttpAnswer> | HttpAnswer;

/** What may be done at a path. */
export interface HttpRoute {
  /** For `GET` and `HEAD`. */
  readonly read?: HttpHandler;
  /** For `POST`. */
  readonly act?: HttpHandler;
}

/** What is answered where, by path. */
export type HttpRoutes = Pick<ReadonlyMap<string, HttpRoute>, "get">;

/** One line for people. */
export function plainAnswer(
  status: number,
  line: string,
  headers: Readonly<Record<string, string>> = {},
): HttpAnswer {
  return { status, headers, body: { type: "text/plain; charset=utf-8", text: `${line}\n` } };
}

/** A value for programs. */
export function jsonAnswer(
  status: number,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): HttpAnswer {
  return { status, headers, body: { type: "application/json", text: JSON.stringify(value) } };
}
