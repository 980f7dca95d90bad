// Calls of libzmq that a signal cuts short are made again; every other failure stays one.

import { expect, test } from "bun:test";
import { uninterrupted } from "../../src/transport/zmq/interrupted.ts";

type Zmq = Parameters<typeof uninterrupted>[0];

/** A library whose calls end with these error numbers, one after the other, and then succeed. */
function failing(errnos: number[]) {
  const calls: unknown[][] = [];
  let errno = 0;
  const call = (...args: unknown[]): number => {
    calls.push(args);
    errno = errnos.shift() ?? 0;
    return errno === 0 ? 7 : -1;
  };
  const names = ["zmq_getsockopt", "zmq_setsockopt", "zmq_send", "zmq_msg_send", "zmq_msg_recv", "zmq_bind"];
  const others = ["zmq_connect", "zmq_socket_monitor", "zmq_ctx_term", "zmq_close"];
  const functions = Object.fromEntries([...names, ...others].map((name) => [name, call]));
  return { calls, zmq: uninterrupted({ ...functions, zmq_errno: () => errno } as unknown as Zmq) };
}

test("a call that a signal cut short is made again, with the same arguments, as often as that happens", () => {
  const { calls, zmq } = failing([4, 4]);
  expect(zmq.zmq_getsockopt(null, 15, new Uint8Array(4), new Uint8Array(8))).toBe(7);
  expect(calls).toEqual(Array(3).fill([null, 15, new Uint8Array(4), new Uint8Array(8)]));
});

test("another failure is one at once", () => {
  const { calls, zmq } = failing([11]);
  expect([zmq.zmq_msg_recv(null as never, null as never, 1), zmq.zmq_errno()]).toEqual([-1, 11]);
  expect(calls).toHaveLength(1);
});

test("what never says it is called as it is", () => {
  const { calls, zmq } = failing([4]);
  expect(zmq.zmq_close(null)).toBe(-1);
  expect(calls).toHaveLength(1);
});
