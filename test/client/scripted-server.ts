// A server on the memory transport that does what a test tells it to, and lets the test wait for what it hears.

import { nearBytes } from "../../src/base/memory/far-bytes.ts";
import { generateKeyPair, type KeyPair } from "../../src/keys/key.ts";
import { frameBytesMax, limits } from "../../src/protocol/limits.ts";
import { decodeClientMessage } from "../../src/protocol/wire/decode.ts";
import { encodeServerMessage } from "../../src/protocol/wire/encode.ts";
import type { ClientMessage, ServerMessage } from "../../src/protocol/wire/message.ts";
import type { ReceivedFromPeer, ServerLink } from "../../src/transport/transport.ts";
import type { MemoryNetwork } from "../support/memory/network.ts";
import { ServerRecorder } from "../transport/recorder.ts";

export const serverKeys = generateKeyPair();

export interface Heard {
  /** Routing identity of the client, hex. */
  readonly peer: string;
  readonly message: ClientMessage;
}

export interface ScriptedServerOptions {
  readonly keys?: KeyPair;
  readonly accepts?: boolean;
  readonly port?: number;
  /** Whether a client's `error` is answered by itself. */
  readonly answersError?: boolean;
}

export class ScriptedServer {
  readonly #recorder = new ServerRecorder();
  readonly #link: ServerLink;
  readonly #network: MemoryNetwork;
  /** Whose last message was heard: where `send` goes. */
  #peer = "";

  constructor(network: MemoryNetwork, options: ScriptedServerOptions = {}) {
    const { keys = serverKeys, accepts = true, port = 8889, answersError = true } = options;
    this.#network = network;
    const listening = { address: "*", port, keys, frameBytesMax: frameBytesMax(limits.chunkBytesMax) };
    this.#link = network.server().listen(
      { ...listening, authorize: () => (accepts ? "alice" : null) },
      {
        onMessage: (received) => {
          if (answersError) this.#answerLastWord(received);
          this.#recorder.onMessage(received);
        },
        onFailure: (error) => this.#recorder.onFailure(error),
      },
    );
  }

  // At once, as the real one does: a client that leaves waits for it.
  #answerLastWord({ frames, peer }: ReceivedFromPeer): void {
    const decoded = decodeClientMessage(frames);
    if (decoded.ok && decoded.message.type === "error")
      this.#link.send(peer, encodeServerMessage(decoded.message));
  }

  /** The next message, whatever it is. Data of chunks is copied. */
  async hear(): Promise<Heard> {
    const received = await this.#recorder.message();
    const frames = received.frames.map((frame) => Uint8Array.from(nearBytes(frame)));
    received.release();
    const decoded = decodeClientMessage(frames);
    if (!decoded.ok) throw new Error(`The client sent no message: ${decoded.text}`);
    this.#peer = received.peer;
    return { peer: received.peer, message: decoded.message };
  }

  /** The next message that is of this type; what the client asks behind its last credit or chunk is passed over. */
  async expect<Type extends ClientMessage["type"]>(
    type: Type,
  ): Promise<Extract<ClientMessage, { type: Type }>> {
    let { message } = await this.hear();
    while (message.type === "query-status" && type !== "query-status") ({ message } = await this.hear());
    if (message.type !== type) throw new Error(`Expected ${type}, heard ${JSON.stringify(message)}`);
    return message as Extract<ClientMessage, { type: Type }>;
  }

  send(message: ServerMessage): void {
    this.#link.send(this.#peer, encodeServerMessage(message));
  }

  /** Sends what may be no message at all. */
  sendFrames(frames: readonly Uint8Array[]): void {
    this.#link.send(this.#peer, frames);
  }

  sendError(code: number, text = `Error ${code}`): void {
    this.send({ type: "error", code, text });
  }

  approve(credit = 100, chunkBytes = 1024, maxQueue = 16): void {
    this.send({ type: "upload-approved", credit, chunkBytes, maxQueue, info: {} });
  }

  /** Takes chunks until the last one; returns their bytes, from the first one's offset. */
  async receive(): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    for (;;) {
      const { data, checksum } = await this.expect("post-chunk");
      parts.push(data);
      if (checksum !== null) return Buffer.concat(parts);
    }
  }

  /** Plays a whole upload; returns what arrived. */
  async serve(uploadId = "id"): Promise<Uint8Array> {
    await this.expect("post-file");
    this.approve();
    const bytes = await this.receive();
    this.send({ type: "upload-finished", uploadId });
    return bytes;
  }

  /** Lets go of what it was sent and nobody wanted to hear. */
  forgetRest(): void {
    for (const told of this.#recorder.takeRest()) if (told.type === "message") told.message.release();
  }

  /** Breaks all connections of the network. */
  cut(): void {
    for (const connection of this.#network.connections) connection.cut();
  }

  /** Nothing listens any more. */
  close(): void {
    this.#link.close();
  }
}
