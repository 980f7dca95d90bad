// Sends each frame back over CURVE, from a process of its own: what libzmq takes its code by is read once. Prints its port and its public key.

import { nearBytes } from "../../src/base/memory/far-bytes.ts";
import { generateKeyPair } from "../../src/keys/key.ts";
import { encodeZ85 } from "../../src/keys/z85.ts";
import type { ServerLink } from "../../src/transport/transport.ts";
import { openZmqTransport } from "../../src/transport/zmq/zmq-transport.ts";

const keys = generateKeyPair();
const transport = await openZmqTransport();
const options = { address: "127.0.0.1", port: 0, keys, frameBytesMax: 4 * 1024 * 1024 };
const link: ServerLink = transport.listen(
  { ...options, authorize: () => "anybody" },
  {
    onMessage(message) {
      link.send(
        message.peer,
        message.frames.map((frame) => nearBytes(frame).slice()),
      );
      message.release();
    },
    onFailure(error) {
      throw error;
    },
  },
);
process.stdout.write(`echo ${link.port} ${encodeZ85(keys.publicKey.bytes)}\n`);
