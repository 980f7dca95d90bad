// A short TCP connection that finds out why a link failed, where libzmq does not tell: it hides the reason of a
// failed connect, and a server with another key looks like any program that hangs up. Called by dealer-link.ts.

import { connect } from "node:net";
import type { Clock } from "../../base/clock.ts";
import { systemCode } from "../../base/error.ts";

/** `curve`: a ZMTP 3 server with CURVE. `other`: something else, or it hung up. `silent`: it says nothing. */
export type Probed = "refused" | "unreachable" | "curve" | "other" | "silent";

const greetingBytes = 64;
const mechanismOffset = 12;

/** Says which of `Probed` listens at an address, within about `timeoutMs`. Never throws. */
export function probe(address: string, port: number, clock: Clock, timeoutMs: number): Promise<Probed> {
  return new Promise((resolve) => {
    const received: Buffer[] = [];
    let isConnected = false;
    const socket = connect({ host: address, port });
    const cancel = clock.after(timeoutMs, () => end(isConnected ? "silent" : "unreachable"));
    function end(result: Probed): void {
      cancel();
      socket.destroy();
      resolve(result);
    }
    socket.on("connect", () => {
      isConnected = true;
      socket.write(greeting());
    });
    socket.on("data", (bytes: Buffer) => {
      received.push(bytes);
      const answer = Buffer.concat(received);
      if (answer[0] !== 0xff) end("other");
      else if (answer.length >= greetingBytes) end(isCurveGreeting(answer) ? "curve" : "other");
    });
    socket.on("close", () => end(isConnected ? "other" : "unreachable"));
    socket.on("error", (error) => {
      if (isConnected) end("other");
      else end(systemCode(error) === "ECONNREFUSED" ? "refused" : "unreachable");
    });
  });
}

/** ZMTP 3.1's greeting (rfc.zeromq.org/spec/37) of a CURVE client. */
function greeting(): Buffer {
  const bytes = Buffer.alloc(greetingBytes);
  bytes[0] = 0xff;
  bytes[8] = 1;
  bytes[9] = 0x7f;
  bytes[10] = 3;
  bytes[11] = 1;
  bytes.write("CURVE", mechanismOffset, "latin1");
  return bytes;
}

function isCurveGreeting(answer: Buffer): boolean {
  const mechanism = answer.subarray(mechanismOffset, mechanismOffset + 20).toString("latin1");
  return (answer[10] ?? 0) >= 3 && mechanism.replace(/\0+$/, "") === "CURVE";
}
