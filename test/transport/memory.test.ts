// The memory transport: the contract, and the faults that a test can choose.

import { MemoryNetwork } from "../../src/transport/memory.ts";
import { describeTransport } from "./contract.ts";

describeTransport("the memory transport", async () => {
  const network = new MemoryNetwork();
  const client = network.client();
  const server = network.server();
  return {
    client,
    server,
    secondServer: network.server(),
    close: async () => {
      await client.close();
      await server.close();
      return network.messagesHeld;
    },
  };
});
