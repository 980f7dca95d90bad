// Ports for tests: chosen by the system, never fixed.

import { once } from "node:events";
import { createServer, type Server } from "node:net";

/** Makes `server` listen on loopback, on a port that the system chooses; resolves with it. Rejects when `port` is taken. */
export async function listening(server: Server, port = 0): Promise<number> {
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("A server on TCP has a port");
  return address.port;
}

// Below those that systems give to outgoing connections: of any program here, one of these could hold the port of a server
// that is down for a moment.
const lasting = { from: 20_000, count: 12_000 };

/** A free port that stays free when its server ends, so that the server can be started on it again. */
export async function lastingPort(): Promise<number> {
  for (;;) {
    const wanted = lasting.from + Math.floor(Math.random() * lasting.count);
    const port = await freePort(wanted).catch(() => null);
    if (port !== null) return port;
  }
}

/** A port at which nothing listens. Rejects when something listens at `wanted`. */
export async function freePort(wanted = 0): Promise<number> {
  const server = createServer();
  const port = await listening(server, wanted);
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}
