// A signal that comes while libzmq looks for news ends its call with EINTR: nothing happened, and it is to be called
// again. Every call that may say so is wrapped here, once, for all who call it. Applied by library.ts.

import type { Functions } from "./native.ts";
import type { zmqSymbols } from "./symbols.ts";

type Zmq = Functions<typeof zmqSymbols>;

/** The number is the same on all systems that have signals. */
const EINTR = 4;

/**
 * All that look into a socket's mailbox, or wait. Not `zmq_close` and the functions of messages: they never say it. The
 * polling thread, where a wait that was cut short is a wait that is over, has its own way.
 */
const interruptible = [
  "zmq_ctx_term",
  "zmq_setsockopt",
  "zmq_getsockopt",
  "zmq_bind",
  "zmq_connect",
  "zmq_socket_monitor",
  "zmq_send",
  "zmq_msg_send",
  "zmq_msg_recv",
] as const satisfies readonly (keyof Zmq)[];

/** The same functions, of which none returns because of a signal. */
export function uninterrupted(zmq: Zmq): Zmq {
  const wrapped: Record<string, unknown> = { ...zmq };
  for (const name of interruptible) wrapped[name] = repeating(zmq[name] as Call, zmq.zmq_errno);
  return wrapped as unknown as Zmq;
}

type Call = (first: unknown, second?: unknown, third?: unknown, fourth?: unknown) => number;

// Four parameters by name: a list of them would be made anew for each of a hundred thousand calls a second.
function repeating(call: Call, errno: () => number): Call {
  return (first, second, third, fourth) => {
    let result = call(first, second, third, fourth);
    while (result === -1 && errno() === EINTR) result = call(first, second, third, fourth);
    return result;
  };
}
