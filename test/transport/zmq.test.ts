// The transport over libzmq: the contract, over real sockets on loopback.

import { openZmqTransport } from "../../src/transport/zmq/zmq-transport.ts";
import { describeTransport } from "./contract.ts";

describeTransport("the transport over libzmq", async () => {
  const client = await openZmqTransport();
  const server = await openZmqTransport();
  const secondServer = await openZmqTransport();
  const all = [client, server, secondServer];
  return {
    client,
    server,
    secondServer,
    close: async () => {
      await Promise.all(all.map((transport) => transport.close()));
      return all.reduce((sum, transport) => sum + transport.messagesHeld, 0);
    },
  };
});
