// Numbers of libzmq's C API that we use, as zmq.h names them. The numbers in its draft section work in every
// 4.3.5 build that we ship; a build that refuses one of them is told apart where the option is set.

import { constants } from "node:os";

export const socketType = { pair: 0, dealer: 5, router: 6 } as const;

export const contextOption = { ioThreads: 1 } as const;

export const socketOption = {
  affinity: 4,
  routingId: 5,
  sendBuffer: 11,
  receiveBuffer: 12,
  fd: 14,
  events: 15,
  linger: 17,
  reconnectIntervalMs: 18,
  backlog: 19,
  messageBytesMax: 22,
  sendHighWaterMark: 23,
  receiveHighWaterMark: 24,
  lastEndpoint: 32,
  routerMandatory: 33,
  tcpKeepalive: 34,
  tcpKeepaliveCount: 35,
  tcpKeepaliveIdle: 36,
  tcpKeepaliveInterval: 37,
  immediate: 39,
  ipv6: 42,
  curveServer: 47,
  curvePublicKey: 48,
  curveSecretKey: 49,
  curveServerKey: 50,
  zapDomain: 55,
  routerHandover: 56,
  handshakeIntervalMs: 66,
  connectTimeoutMs: 79,
  tcpMaxRetransmitMs: 80,
  // From zmq.h's draft section.
  zapEnforceDomain: 93,
  inBatchBytes: 101,
  outBatchBytes: 102,
  // Of our own builds alone (build/libzmq-patches/08-strangers.patch).
  strangersMax: 20_001,
  strangersByAddressMax: 20_002,
  descriptorReserve: 20_003,
} as const;

export type SocketOption = (typeof socketOption)[keyof typeof socketOption];

export const sendFlag = { dontWait: 1, more: 2 } as const;

export const pollEvent = { readable: 1, writable: 2 } as const;

/** Events of a socket monitor. `handshakeFailedProtocol` is missing from every mask of ours: see monitor.ts. */
export const monitorEvent = {
  connected: 0x0001,
  closed: 0x0080,
  disconnected: 0x0200,
  handshakeFailedNoDetail: 0x0800,
  handshakeSucceeded: 0x1000,
  handshakeFailedAuth: 0x4000,
} as const;

/** What a ZAP handler answers; libzmq tells a client that was refused. */
export const zapStatus = { ok: 200, refused: 400, failed: 500 } as const;

/** libzmq's own error numbers, and those that it defines where the system has none. */
const zmqErrnoBase = 156_384_712;

/** Names of the error numbers that a call of ours can end with. */
export const errnoNames: ReadonlyMap<number, string> = new Map<number, string>([
  ...Object.entries(constants.errno).map(([name, errno]) => [errno, name] as const),
  // The same number may have another name, EWOULDBLOCK.
  [constants.errno.EAGAIN, "EAGAIN"],
  [zmqErrnoBase + 1, "ENOTSUP"],
  [zmqErrnoBase + 2, "EPROTONOSUPPORT"],
  [zmqErrnoBase + 3, "ENOBUFS"],
  [zmqErrnoBase + 4, "ENETDOWN"],
  [zmqErrnoBase + 5, "EADDRINUSE"],
  [zmqErrnoBase + 6, "EADDRNOTAVAIL"],
  [zmqErrnoBase + 7, "ECONNREFUSED"],
  [zmqErrnoBase + 12, "ECONNABORTED"],
  [zmqErrnoBase + 13, "ECONNRESET"],
  [zmqErrnoBase + 15, "ETIMEDOUT"],
  [zmqErrnoBase + 16, "EHOSTUNREACH"],
  [zmqErrnoBase + 17, "ENETRESET"],
  [zmqErrnoBase + 51, "EFSM"],
  [zmqErrnoBase + 52, "ENOCOMPATPROTO"],
  [zmqErrnoBase + 53, "ETERM"],
  [zmqErrnoBase + 54, "EMTHREAD"],
]);
