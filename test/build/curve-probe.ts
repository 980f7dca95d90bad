// A program of its own, compiled for foreign systems by curve-probe.test.ts: opens the libzmq named on its command
// line, sends one message through CURVE over TCP and says as JSON what it saw. It knows nothing of src/.

import { dlopen, ptr } from "bun:ffi";

const library = dlopen(process.argv[2] ?? "", {
  zmq_version: { args: ["ptr", "ptr", "ptr"], returns: "void" },
  zmq_has: { args: ["ptr"], returns: "i32" },
  zmq_ctx_new: { args: [], returns: "ptr" },
  zmq_ctx_term: { args: ["ptr"], returns: "i32" },
  zmq_socket: { args: ["ptr", "i32"], returns: "ptr" },
  zmq_close: { args: ["ptr"], returns: "i32" },
  zmq_setsockopt: { args: ["ptr", "i32", "ptr", "u64"], returns: "i32" },
  zmq_getsockopt: { args: ["ptr", "i32", "ptr", "ptr"], returns: "i32" },
  zmq_bind: { args: ["ptr", "ptr"], returns: "i32" },
  zmq_connect: { args: ["ptr", "ptr"], returns: "i32" },
  zmq_send: { args: ["ptr", "ptr", "u64", "i32"], returns: "i32" },
  zmq_recv: { args: ["ptr", "ptr", "u64", "i32"], returns: "i32" },
  zmq_curve_keypair: { args: ["ptr", "ptr"], returns: "i32" },
});
const zmq = library.symbols;
const option = {
  curveServer: 47,
  curvePublic: 48,
  curveSecret: 49,
  curveServerKey: 50,
  receiveTimeout: 27,
  lastEndpoint: 32,
  enforceDomain: 93,
};
const pull = 7;
const push = 8;

function text(value: string): Uint8Array {
  return new TextEncoder().encode(`${value}\0`);
}

function check(result: number, what: string): number {
  if (result < 0) throw new Error(`${what} failed`);
  return result;
}

function set(socket: Socket, name: number, value: Uint8Array): number {
  return zmq.zmq_setsockopt(socket, name, ptr(value), BigInt(value.length));
}

function int(value: number): Uint8Array {
  return new Uint8Array(Int32Array.of(value).buffer);
}

function keyPair(): { readonly publicKey: Uint8Array; readonly secretKey: Uint8Array } {
  const publicKey = new Uint8Array(41);
  const secretKey = new Uint8Array(41);
  check(zmq.zmq_curve_keypair(ptr(publicKey), ptr(secretKey)), "zmq_curve_keypair");
  return { publicKey, secretKey };
}

type Socket = ReturnType<typeof zmq.zmq_socket>;

const version = [0, 0, 0].map(() => new Int32Array(1)) as [Int32Array, Int32Array, Int32Array];
zmq.zmq_version(ptr(version[0]), ptr(version[1]), ptr(version[2]));
const context = zmq.zmq_ctx_new();
const receiver = zmq.zmq_socket(context, pull);
const sender = zmq.zmq_socket(context, push);
const serverKeys = keyPair();
const clientKeys = keyPair();
check(set(receiver, option.curveServer, int(1)), "curve server");
check(set(receiver, option.curveSecret, serverKeys.secretKey), "curve secret key");
check(set(receiver, option.receiveTimeout, int(20_000)), "receive timeout");
const enforcesDomain = set(receiver, option.enforceDomain, int(0)) === 0;
check(zmq.zmq_bind(receiver, ptr(text("tcp://127.0.0.1:*"))), "bind");
const endpoint = new Uint8Array(256);
const endpointLength = BigUint64Array.of(256n);
check(zmq.zmq_getsockopt(receiver, option.lastEndpoint, ptr(endpoint), ptr(endpointLength)), "last endpoint");
check(set(sender, option.curveServerKey, serverKeys.publicKey), "curve server key");
check(set(sender, option.curvePublic, clientKeys.publicKey), "curve public key");
check(set(sender, option.curveSecret, clientKeys.secretKey), "curve secret key");
check(zmq.zmq_connect(sender, ptr(endpoint)), "connect");
const sent = text("through the tunnel");
check(zmq.zmq_send(sender, ptr(sent), BigInt(sent.length), 0), "send");
const received = new Uint8Array(64);
const length = check(zmq.zmq_recv(receiver, ptr(received), 64n, 0), "receive");
zmq.zmq_close(sender);
zmq.zmq_close(receiver);
zmq.zmq_ctx_term(context);
process.stdout.write(
  `${JSON.stringify({
    platform: `${process.platform}-${process.arch}`,
    version: version.map((part) => part[0]).join("."),
    curve: zmq.zmq_has(ptr(text("curve"))) === 1,
    enforcesDomain,
    message: new TextDecoder().decode(received.subarray(0, length - 1)),
  })}\n`,
);
