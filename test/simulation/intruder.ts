// A user with a key of their own who takes another upload's identity and says things in its name. The server must
// not let any of it touch that upload. What it cannot prevent: identities are routes, so an answer that is under way
// to the one may reach the other. Therefore the intruder neither says what is answered with 400 nor uploads anything
// under the identity, and its victim may hear 404 and give up; nothing of the upload moves.

import { encodeChunkHeader, encodeClientMessage } from "../../src/protocol/wire/encode.ts";
import type { OutgoingFrame } from "../../src/transport/transport.ts";
import type { ShellWorld } from "./shell-world.ts";
import type { SimulatedClient } from "./simulated-client.ts";
import { keyOfUser, serverKeys, usersMax } from "./simulated-keys.ts";
import { nothingHeld } from "./simulated-network.ts";
import { SimulatedProcess } from "./simulated-process.ts";

/** Connects with the identity of `victim`, says a few things, and goes. */
export function intrude(world: ShellWorld, victim: SimulatedClient): void {
  if (victim.identity === "") return;
  const { random, clock } = world;
  const user = (victim.job.user + random.between(1, usersMax - 1)) % usersMax;
  const process = new SimulatedProcess(clock);
  const transport = world.network.client(process, nothingHeld(), () => {});
  world.trace(() => `user-${user} takes the identity of ${victim.job.label}`);
  victim.disturbances++;
  victim.wasImpersonated = true;
  const link = transport.connect(
    {
      host: "server",
      port: world.port,
      serverKey: serverKeys.publicKey,
      keys: keyOfUser(user),
      identity: Buffer.from(victim.identity, "hex"),
      frameBytesMax: 1 << 20,
    },
    {
      onUp: () => {
        for (let left = random.between(1, 4); left > 0; left--) link.send(somethingToSay(world, victim));
        clock.after(random.magnitude(1, 5000), () => {
          link.close();
          process.kill();
        });
      },
      onMessage: (received) => received.release(),
      onWritable: () => {},
      onDown: () => process.kill(),
    },
  );
}

function somethingToSay(world: ShellWorld, victim: SimulatedClient): readonly OutgoingFrame[] {
  const { random, options } = world;
  const { content } = victim.job;
  switch (random.int(4)) {
    case 0:
      return encodeClientMessage({ type: "query-status" });
    case 1:
      return encodeClientMessage({ type: "error", code: 499, text: "Cancelled" });
    default: {
      const offset = random.int(content.length + 1);
      return [...encodeChunkHeader(offset, false), new Uint8Array(random.between(1, options.chunkBytes))];
    }
  }
}
