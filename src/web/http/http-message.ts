// What is asked and answered over HTTP, as the rest of `web/` sees it: checked, and without sockets.

/** A request for something that is there. */
export interface HttpRequest {
  readonly method: "GET" | "HEAD";
  /** From the root, without a query; it is one of those that are answered. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** The value of a header, by its lower-case name; one that came several times is joined by commas. */
  header(name: string): string | undefined;
  /** IP address that the connection comes from: a proxy's, where there is one. */
  readonly from: string;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** With its media type. */
  readonly body?: { readonly type: string; readonly text: string };
}

export type HttpHandler = (request: HttpRequest) => Promise<HttpAnswer> | HttpAnswer;

/** What is answered where, by path. */
export type HttpRoutes = ReadonlyMap<string, HttpHandler>;

/** One line for people. */
export function plainAnswer(
  status: number,
  line: string,
  headers: Readonly<Record<string, string>> = {},
): HttpAnswer {
  return { status, headers, body: { type: "text/plain; charset=utf-8", text: `${line}\n` } };
}
