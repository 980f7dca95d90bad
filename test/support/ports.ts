// Ports for tests: chosen by the system, never fixed.

import { createServer, type Server } from "node:net";

/** Makes `server` listen on loopback; resolves with its port. */
export async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
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
    const port = lasting.from + Math.floor(Math.random() * lasting.count);
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false));
      server.listen(port, "127.0.0.1", () => resolve(true));
    });
    if (!isFree) continue;
    await new Promise<void>((resolve) => server.close(() => resolve()));
    return port;
  }
}

/** A port at which nothing listens. */
export async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listening(server);
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}
