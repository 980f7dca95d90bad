// Clients that begin uploads and leave at once: one post, the server's answer, and `error` 503, each under an identity
// and on a connection of its own.

import { PublicKey } from "../../src/keys/key.ts";
import { loadKeyPair } from "../../src/keys/key-files.ts";
import { decodeServerMessage } from "../../src/protocol/wire/decode.ts";
import { encodeClientMessage } from "../../src/protocol/wire/encode.ts";
import type { ServerMessage } from "../../src/protocol/wire/message.ts";
import type { ClientTransport } from "../../src/transport/transport.ts";
import { openZmqTransport } from "../../src/transport/zmq/zmq-transport.ts";
import type { Lab } from "./lab.ts";

const atOnce = 16;

/** What the server said to so many posts: "upload-approved", or the number of an error. */
export type Answers = Readonly<Record<string, number>>;

/** Begins `count` uploads, of which each has `metadataBytes` of metadata, and suspends them. */
export async function beginAndLeave(lab: Lab, count: number, metadataBytes: number): Promise<Answers> {
  const keys = await loadKeyPair(lab.homes.client, "client");
  const server = await loadKeyPair(lab.homes.server, "server");
  const serverKey = PublicKey.parse(server.publicKey.text) as PublicKey;
  const transport = await openZmqTransport();
  const answers: Record<string, number> = {};
  const padding = "x".repeat(metadataBytes - '{"note":""}'.length);
  let begun = 0;
  const work = async (): Promise<void> => {
    while (begun < count) {
      const name = `begun-${++begun}.raw`;
      const metadataText = JSON.stringify({ note: padding });
      const post = encodeClientMessage({ type: "post-file", name, metadataText, info: {} });
      const target = { host: "127.0.0.1", port: lab.port, serverKey, keys };
      const answer = await oneUpload(transport, target, post);
      const key = answer.type === "error" ? String(answer.code) : answer.type;
      answers[key] = (answers[key] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  await transport.close();
  return answers;
}

type Target = Omit<Parameters<ClientTransport["connect"]>[0], "identity" | "frameBytesMax">;

function oneUpload(
  transport: ClientTransport,
  target: Target,
  post: ReturnType<typeof encodeClientMessage>,
): Promise<ServerMessage> {
  return new Promise((resolve, reject) => {
    const identity = crypto.getRandomValues(new Uint8Array(16)).fill(7, 0, 1);
    const link = transport.connect(
      { ...target, identity, frameBytesMax: 1024 * 1024 },
      {
        onUp: () => void link.send(post),
        onWritable() {},
        onMessage(received) {
          const decoded = decodeServerMessage(received.frames);
          received.release();
          // That it is being looked at is no answer.
          if (decoded.ok && decoded.message.type === "transfer-credit") return;
          link.send(encodeClientMessage({ type: "error", code: 503, text: "Later" }));
          link.close(1000);
          if (decoded.ok) resolve(decoded.message);
          else reject(new Error(`The server sent no message: ${decoded.text}`));
        },
        onDown: (failure) => reject(new Error(`The connection is down: ${failure}`)),
      },
    );
  });
}
