// Uploads of which one bit of one ZMTP frame is flipped on the way, each through a proxy of its own, many at a time.
// CURVE protects the frame and not its header: a bit there makes libzmq drop the frame or join two messages in silence.

import { expect } from "bun:test";
import { systemClock } from "../../src/base/clock.ts";
import { expectAftermath } from "./aftermath.ts";
import { type Direction, startFaultyProxy } from "./faulty-proxy.ts";
import { type Lab, openLab } from "./lab.ts";

export interface FrameFlip {
  readonly direction: Direction;
  /** From the first frame of the handshake on. */
  readonly frame: number;
  /** 0 is the flags, then comes the length, then what is in it. */
  readonly byte: number;
  readonly bit: number;
}

export interface FrameFlipsResult {
  readonly uploads: number;
  readonly connectionsMax: number;
  readonly extraBytesMax: number;
  readonly secondsMax: number;
}

const chunkBytes = 1024;
const windowChunks = 8;
const fileBytes = 5 * chunkBytes - 100;
// A handshake, the messages that open an upload, and those that ask where to go on.
const connectionBytes = 3 * 1024;
// All chunks of the file, which is shorter than the window, with what their frames add.
const fileMessagesBytes = 6 * chunkBytes;
// A fault takes a client back once, by a report that it did not ask for. Where that crosses a question of the client, the answer
// comes from further on and takes it back once more, which the simulation excuses as well (simulation/crossed-answer.ts).
const returnsMax = 2;

/** Frames of an undisturbed upload in each direction. */
export interface FrameCounts {
  readonly up: number;
  readonly down: number;
}

/** Sends the file once for each flip that `choose` makes of the frames of an undisturbed upload; all have to arrive. */
export async function runFrameFlips(
  choose: (frames: FrameCounts) => readonly FrameFlip[],
  atOnce = 16,
): Promise<FrameFlipsResult> {
  const server = ["--chunk", String(chunkBytes), "--window", String(windowChunks)];
  await using lab = await openLab({ inMemory: true, server });
  const path = await lab.file("flipped.raw", fileBytes);
  const clean = await send(lab, path, "clean", null);
  const confirmed = new Map([["clean", path]]);
  const result = { uploads: 0, connectionsMax: 0, extraBytesMax: 0, secondsMax: 0 };
  const flips = choose(clean.frames).entries();
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (const [index, flip] of flips) {
        const name = `flipped-${index}`;
        const { connections, bytes, seconds } = await send(lab, path, name, flip);
        confirmed.set(name, path);
        const extra = bytes - clean.bytes - (connections - 1) * connectionBytes;
        expect(extra, JSON.stringify(flip)).toBeLessThanOrEqual(returnsMax * fileMessagesBytes);
        result.uploads++;
        result.connectionsMax = Math.max(result.connectionsMax, connections);
        result.extraBytesMax = Math.max(result.extraBytesMax, extra);
        result.secondsMax = Math.max(result.secondsMax, Math.round(seconds));
      }
    }),
  );
  await expectAftermath(lab, confirmed);
  return result;
}

async function send(lab: Lab, path: string, name: string, flip: FrameFlip | null) {
  const faults = flip === null ? {} : { [flip.direction]: { flipFrame: flip } };
  await using proxy = await startFaultyProxy({ targetPort: lab.port, faults });
  const startedAt = systemClock.now();
  const to = ["-k", "sample:S-17", "-n", name, `127.0.0.1:${proxy.port}`, path];
  const end = await lab.dync(["-q", "--retry-for", "10m", ...to], {}, 180_000);
  expect({ flip, code: end.code, stderr: end.stderr }).toEqual({ flip, code: 0, stderr: "" });
  const { connections, arrived, frames } = proxy.counters;
  return {
    connections,
    bytes: arrived.up,
    frames: { ...frames },
    seconds: (systemClock.now() - startedAt) / 1000,
  };
}
