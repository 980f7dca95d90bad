// What anybody can send to a port that answers HTTP: real sockets, a real server.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { systemClock } from "../../src/base/clock.ts";
import type { DyncError } from "../../src/base/error.ts";
import { plainAnswer } from "../../src/web/http/http-message.ts";
import { HttpServer, type HttpServerParts, routesOf } from "../../src/web/http/http-server.ts";
import { silentLogger } from "../support/silent-logger.ts";
import { tempFolder } from "../support/temp-folder.ts";

const routes = routesOf({
  "/": ({ query, from }) => plainAnswer(200, `${from} ${query.get("a") ?? "nothing"}`),
  "/broken": () => Promise.reject(new Error("secret of the inside")),
});
const parts: HttpServerParts = {
  ...{ address: { host: "127.0.0.1", port: 0 }, tls: null, routes },
  ...{ clock: systemClock, logger: silentLogger },
};

/** All that is answered to `bytes` until the connection ends, which is at once where they say so. */
async function answerTo(port: number, bytes: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  socket.write(bytes, "latin1");
  let text = "";
  socket.setEncoding("latin1").on("data", (data: string) => {
    text += data;
  });
  await once(socket, "close");
  return text;
}

const request = (line: string, headers: readonly string[] = []): string =>
  [line, "Host: here", "Connection: close", ...headers, "", ""].join("\r\n");

describe("what is asked over HTTP", () => {
  let http: HttpServer;
  beforeAll(async () => {
    http = await HttpServer.open(parts);
  });
  afterAll(async () => await http[Symbol.asyncDispose]());
  const status = async (bytes: string): Promise<number> => {
    const answer = await answerTo(http.address.port, bytes);
    return Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1] ?? 0);
  };

  test("a path that there is, with what no page of another may do with it", async () => {
    const answer = await answerTo(http.address.port, request("GET /?a=b%20c HTTP/1.1"));
    expect(answer).toStartWith("HTTP/1.1 200 OK\r\n");
    expect(answer).toContain("content-security-policy: default-src 'none'; frame-ancestors 'none'\r\n");
    expect(answer).toContain("x-content-type-options: nosniff\r\n");
    expect(answer).toContain("cache-control: no-store\r\n");
    expect(answer).toEndWith("\r\n\r\n127.0.0.1 b c\n");
  });

  test("HEAD has everything but the text", async () => {
    const answer = await answerTo(http.address.port, request("HEAD / HTTP/1.1"));
    expect(answer).toContain("content-length: 18\r\n");
    expect(answer).toEndWith("\r\n\r\n");
  });

  test.each<[string, number, string]>([
    ["nothing there", 404, request("GET /other HTTP/1.1")],
    ["a path that climbs", 404, request("GET /../../etc/passwd HTTP/1.1")],
    ["one that climbs in disguise", 404, request("GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1")],
    ["a host in the path", 404, request("GET //evil.example/ HTTP/1.1")],
    ["another server's address", 400, request("GET http://evil.example/ HTTP/1.1")],
    ["no path", 400, request("GET x HTTP/1.1")],
    ["a path without end", 400, request(`GET /${"a".repeat(5000)} HTTP/1.1`)],
    ["another method", 405, request("POST / HTTP/1.1")],
    ["another one, with a body", 405, `${request("DELETE / HTTP/1.1", ["Content-Length: 3"])}abc`],
    ["a method that is none", 400, request("FOO / HTTP/1.1")],
    ["bytes", 400, "\0\x01\x02\xff\r\n\r\n"],
    ["no host", 400, "GET / HTTP/1.1\r\nConnection: close\r\n\r\n"],
    ["two lengths", 400, request("GET / HTTP/1.1", ["Content-Length: 3", "Content-Length: 4"])],
    ["two ends", 400, request("POST / HTTP/1.1", ["Content-Length: 3", "Transfer-Encoding: chunked"])],
    ["a header without end", 400, request("GET / HTTP/1.1", [`A: ${"a".repeat(20_000)}`])],
    [
      "too many headers",
      400,
      request(
        "GET / HTTP/1.1",
        Array.from({ length: 3000 }, (_, i) => `A${i}: a`),
      ),
    ],
    ["a question before the body", 417, request("POST / HTTP/1.1", ["Expect: 100-continue"])],
    ["a fault of ours", 500, request("GET /broken HTTP/1.1")],
  ])("%s: %i", async (_, wanted, bytes) => {
    expect(await status(bytes)).toBe(wanted);
  });

  test("a fault of ours tells nothing of it", async () => {
    const answer = await answerTo(http.address.port, request("GET /broken HTTP/1.1"));
    expect(answer).not.toContain("secret");
  });

  test("what comes with a question is no second question", async () => {
    const inner = "GET / HTTP/1.1\r\nHost: here\r\n\r\n";
    const outer = `GET / HTTP/1.1\r\nHost: here\r\nContent-Length: ${inner.length}\r\n\r\n${inner}`;
    expect((await answerTo(http.address.port, outer)).match(/HTTP\/1\.1 /g)).toHaveLength(1);
  });
});

describe("a port that answers HTTP", () => {
  test("of another program is named", async () => {
    await using http = await HttpServer.open(parts);
    const error: DyncError = await HttpServer.open({ ...parts, address: http.address }).catch((it) => it);
    expect(error.code).toBe("unavailable");
    expect(error.message).toContain(`127.0.0.1:${http.address.port}`);
  });

  test("of an address that is not ours is named", async () => {
    const address = { host: "192.0.2.1", port: 0 };
    const error: DyncError = await HttpServer.open({ ...parts, address }).catch((it) => it);
    expect([error.code, error.message]).toEqual([
      "configuration",
      "192.0.2.1:0 is no address of this machine",
    ]);
  });

  test.skipIf(Bun.which("openssl") === null)("has TLS where there is a certificate", async () => {
    await using folder = await tempFolder();
    const [certificate, key] = [folder.file("c.pem"), folder.file("k.pem")];
    const subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"];
    const kind = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    execFileSync("openssl", [...kind, ...subject, "-keyout", key, "-out", certificate], { stdio: "ignore" });
    await using https = await HttpServer.open({ ...parts, tls: { certificate, key } });
    const answer = await fetch(`https://127.0.0.1:${https.address.port}/?a=tls`, {
      tls: { ca: await Bun.file(certificate).text() },
    });
    expect(await answer.text()).toBe("127.0.0.1 tls\n");
    // Two files that are what each of them should be, and do not belong together.
    const wrong = await HttpServer.open({ ...parts, tls: { certificate: key, key } }).catch((it) => it);
    expect(wrong.code).toBe("configuration");
    expect(wrong.message).toContain("are no certificate with its key");
    const missing = await HttpServer.open({
      ...parts,
      tls: { certificate: folder.file("none"), key },
    }).catch((it) => it);
    expect(missing.message).toBe(`${folder.file("none")} cannot be read: there is no such file`);
  });
});
