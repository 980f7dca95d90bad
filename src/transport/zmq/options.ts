// Every socket option that matters to a link, set on purpose, with the reason. Options that are left at libzmq's
// default are named at the end of each list. Called by dealer-link.ts and router-link.ts.

import { assert } from "../../base/assert.ts";
import type { ClientLinkOptions, ServerLinkOptions } from "../transport.ts";
import { socketOption } from "./constants.ts";
import type { ZmqSocket } from "./socket.ts";
import { zapDomain } from "./zap.ts";

/** Times of a link, in milliseconds. Tests make them shorter. */
export interface LinkTimes {
  /** For the TCP connect. */
  readonly connectMs: number;
  /** For the ZMTP and CURVE handshake after it. */
  readonly handshakeMs: number;
  /** For each of these while there are other addresses to try, where that is less: one that is frozen holds nobody up for long. */
  readonly hurriedMs: number;
}

export const linkTimes: LinkTimes = {
  connectMs: 10_000,
  handshakeMs: 10_000,
  // Room for a second SYN where the first was lost, and for a handshake over the slowest lines.
  hurriedMs: 3_000,
};

/** The times for an address behind which others are left to try. */
export function hurried({ connectMs, handshakeMs, hurriedMs }: LinkTimes): LinkTimes {
  return {
    connectMs: Math.min(connectMs, hurriedMs),
    handshakeMs: Math.min(handshakeMs, hurriedMs),
    hurriedMs,
  };
}

/** Bounds on connections that have not finished their handshake. Our own builds of libzmq hold them; tests differ. */
export interface StrangerLimits {
  /** In all: each takes up to 40 KiB. */
  readonly max: number;
  /** From one address, or from one IPv6 network of 64 bits. A laboratory behind one address comes back all at once. */
  readonly byAddressMax: number;
  /** Descriptors that no connection may take, for files and the catalogue; at most a quarter of the process's limit. */
  readonly descriptorReserve: number;
}

export const strangerLimits: StrangerLimits = { max: 2048, byAddressMax: 1024, descriptorReserve: 128 };

/** Queue lengths and buffers; chosen by bench/transport.ts. */
export interface LinkQueues {
  /** Messages that wait in libzmq for the network. */
  readonly sendMessages: number;
  /** Messages that wait in libzmq for us, for each connection. */
  readonly receiveMessages: number;
  /** Kernel buffers in bytes; -1 leaves them to the system, which tunes them. */
  readonly socketBufferBytes: number;
  /** How much libzmq reads or writes in one system call, in bytes. */
  readonly batchBytes: number;
}

// Short, so that a cancel or a status query is not stuck behind megabytes of data.
export const clientQueues: LinkQueues = {
  sendMessages: 4,
  receiveMessages: 64,
  socketBufferBytes: -1,
  batchBytes: 8192,
};

// Inbound, credit keeps the queue short, and the server says how many messages an honest client can have under way
// (`ServerLinkOptions.messagesMax`): one that fills the queue ignores its credit. That is the bound on its memory, and
// must not be met by others: libzmq stops reading from a connection whose queue is full, and without our patches a ZMTP
// heartbeat in that state aborts the process. Outbound messages are small: a client that lets so many wait does not
// read, and must not take memory.
export const serverQueues: LinkQueues = {
  sendMessages: 256,
  receiveMessages: 40,
  socketBufferBytes: -1,
  batchBytes: 8192,
};

const identityBytesMax = 255;
const tcpGiveUpMs = 60_000;

export function setClientOptions(
  socket: ZmqSocket,
  options: ClientLinkOptions,
  times: LinkTimes,
  queues: LinkQueues,
): void {
  const { identity } = options;
  const isIdentity = identity.length > 0 && identity.length <= identityBytesMax && identity[0] !== 0;
  assert(isIdentity, "an identity has 1 to 255 bytes and does not start with a zero");
  // The protocol: an upload is its client-chosen identity. It proves nothing; the key does.
  socket.setBytes(socketOption.routingId, identity);
  socket.setBytes(socketOption.curveServerKey, options.serverKey.bytes);
  socket.setBytes(socketOption.curvePublicKey, options.keys.publicKey.bytes);
  socket.setBytes(socketOption.curveSecretKey, options.keys.secretKey.reveal());
  // One connection for one link: the first reconnect is due long after the link closed itself. libzmq's own
  // reconnects hide what went wrong and do not back off after a failed handshake. Not -1, which means "never":
  // a connection that breaks then takes what has arrived but was not read yet with it, such as the error message
  // of a server that hangs up.
  socket.setInt(socketOption.reconnectIntervalMs, 3_600_000);
  // 1 has the same effect as that -1. What it is for, that nothing is queued for a connection that is not there,
  // the link does itself: it takes messages only while it is up.
  socket.setInt(socketOption.immediate, 0);
  // The system's own limit is two minutes.
  socket.setInt(socketOption.connectTimeoutMs, times.connectMs);
  // Both families: the address decides.
  socket.setInt(socketOption.ipv6, 1);
  setCommonOptions(socket, options.frameBytesMax, times, queues);
  // Left alone: RECONNECT_STOP and RECONNECT_IVL_MAX (no reconnects), TCP_MAXRT (the client's questions end a dead
  // connection earlier, see protocol/client/questions.ts).
}

export function setServerOptions(
  socket: ZmqSocket,
  options: ServerLinkOptions,
  times: LinkTimes,
  queues: LinkQueues,
  strangers: StrangerLimits | null,
): void {
  socket.setInt(socketOption.curveServer, 1);
  socket.setBytes(socketOption.curveSecretKey, options.keys.secretKey.reveal());
  // Only these two together refuse everybody when no handler answers: libzmq's default lets everybody in.
  socket.setBytes(socketOption.zapDomain, Buffer.from(zapDomain));
  socket.setInt(socketOption.zapEnforceDomain, 1);
  // A message to nobody is an error and not lost in silence; a peer that does not read cannot block us.
  socket.setInt(socketOption.routerMandatory, 1);
  // The protocol: a client that comes back keeps its identity and takes its route over, while the server may not
  // know yet that the old connection is dead. Another key can take a route in the same way, and gains nothing:
  // identities are 128 random bits, and every message is checked for the user whose connection it came on.
  socket.setInt(socketOption.routerHandover, 1);
  // 100 by default: a laboratory whose clients come back all at once is not refused, and who knocks beside a few thousand
  // strangers waits for some seconds. It is also the most that most systems allow.
  socket.setInt(socketOption.backlog, 4096);
  if (strangers !== null) {
    socket.setInt(socketOption.strangersMax, strangers.max);
    socket.setInt(socketOption.strangersByAddressMax, strangers.byAddressMax);
    socket.setInt(socketOption.descriptorReserve, strangers.descriptorReserve);
  }
  // "*" means IPv4 and IPv6; an IPv4 address must stay one.
  const isIpv6 = options.address === "*" || options.address.includes(":");
  socket.setInt(socketOption.ipv6, isIpv6 ? 1 : 0);
  const receiveMessages = options.messagesMax ?? queues.receiveMessages;
  setCommonOptions(socket, options.frameBytesMax, times, { ...queues, receiveMessages });
  // A client that vanished does not acknowledge what it is told; the system's own limit is a quarter of an hour. Not
  // on Windows: libzmq aborts where the system does not know the option.
  if (process.platform !== "win32") socket.setInt(socketOption.tcpMaxRetransmitMs, tcpGiveUpMs);
  // Left alone: ROUTER_NOTIFY and PROBE_ROUTER (the protocol has no such messages),
  // and no monitor: one that is not read at once stops the I/O thread.
}

function setCommonOptions(
  socket: ZmqSocket,
  frameBytesMax: number,
  times: LinkTimes,
  queues: LinkQueues,
): void {
  assert(frameBytesMax > 0 && frameBytesMax < 2 ** 31, "frame sizes fit 31 bits");
  // Without it, anybody can announce a frame of any size and send it into our memory before authenticating.
  // CURVE adds 33 bytes to each frame (MESSAGE command, nonce, flags, MAC), and 4 KiB are room for commands.
  socket.setInt64(socketOption.messageBytesMax, frameBytesMax + 4096);
  socket.setInt(socketOption.sendHighWaterMark, queues.sendMessages);
  socket.setInt(socketOption.receiveHighWaterMark, queues.receiveMessages);
  socket.setInt(socketOption.handshakeIntervalMs, times.handshakeMs);
  // No ZMTP heartbeats, on either side: up to 4.3.5 (and after) libzmq without our patches aborts the process when one is
  // due, or comes, for a connection that broke while its input was stopped because the main thread was behind. A server
  // that stands still for two minutes met that at every third wake-up. Dead connections end by the client's questions,
  // and by TCP on the server.
  // The links give what was accepted some time when they close; by default it would hold up the end for ever.
  socket.setInt(socketOption.linger, 0);
  // Keeps the entries of firewalls and routers alive, and ends half-open connections.
  socket.setInt(socketOption.tcpKeepalive, 1);
  socket.setInt(socketOption.tcpKeepaliveIdle, 60);
  socket.setInt(socketOption.tcpKeepaliveInterval, 15);
  socket.setInt(socketOption.tcpKeepaliveCount, 4);
  socket.setInt(socketOption.sendBuffer, queues.socketBufferBytes);
  socket.setInt(socketOption.receiveBuffer, queues.socketBufferBytes);
  socket.setInt(socketOption.inBatchBytes, queues.batchBytes);
  socket.setInt(socketOption.outBatchBytes, queues.batchBytes);
}
