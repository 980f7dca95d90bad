// Starts peers and lets them send the same file in turn, so that what disturbs the machine disturbs all of them.
// A first round that does not count warms up and shows that each peer's result is the same file, byte by byte.

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Bench, Peer, StartedPeer, Transfer } from "./peer.ts";
import type { PeerResult } from "./table.ts";

export interface RoundsOptions {
  readonly source: string;
  readonly sizeBytes: number;
  /** Peers get folders of their own in it. */
  readonly folder: string;
  readonly rounds: number;
  /** Called with what is being done. */
  readonly progress: (text: string) => void;
}

interface Contestant {
  readonly peer: Peer;
  readonly started: StartedPeer | null;
  skipped: string | null;
  readonly rounds: Transfer[];
}

/** Measures all peers in alternating rounds. A peer that fails is left out from there on, with the reason. */
export async function measurePeers(peers: readonly Peer[], options: RoundsOptions): Promise<PeerResult[]> {
  const checksum = await sha256(options.source);
  await using stack = new AsyncDisposableStack();
  const contestants: Contestant[] = [];
  for (const peer of peers) {
    options.progress(`starting ${peer.name}`);
    const contestant = await start(peer, options);
    if (contestant.started) stack.use(contestant.started);
    contestants.push(contestant);
  }
  for (let round = 0; round <= options.rounds; round++) {
    for (const contestant of contestants) {
      if (contestant.skipped !== null || contestant.started === null) continue;
      options.progress(`round ${round} of ${options.rounds}: ${contestant.peer.name}`);
      try {
        const { path, ...transfer } = await contestant.started.send(`round-${round}.bin`);
        if (round > 0) contestant.rounds.push(transfer);
        else if ((await sha256(path)) !== checksum) contestant.skipped = "what arrived is not what was sent";
        await rm(path);
      } catch (error) {
        contestant.skipped = `failed: ${oneLine(error)}`;
      }
    }
  }
  return contestants.map(({ peer: { name, note }, skipped, rounds }) => ({ name, note, skipped, rounds }));
}

/** A file of random bytes. */
export async function makeSource(path: string, sizeBytes: number): Promise<void> {
  const block = new Uint8Array(1024 * 1024);
  await using file = await open(path, "w");
  for (let written = 0; written < sizeBytes; ) {
    for (let start = 0; start < block.length; start += 65_536) {
      crypto.getRandomValues(block.subarray(start, start + 65_536));
    }
    const part = block.subarray(0, Math.min(block.length, sizeBytes - written));
    await file.write(part);
    written += part.length;
  }
}

async function start(peer: Peer, options: RoundsOptions): Promise<Contestant> {
  const folder = join(options.folder, peer.name.replace(/[^a-z0-9-]/gi, "-"));
  const bench: Bench = { source: options.source, sizeBytes: options.sizeBytes, folder };
  const nothing = { peer, started: null, rounds: [] };
  try {
    const skipped = await peer.missing();
    if (skipped !== null) return { ...nothing, skipped };
    await mkdir(folder, { recursive: true });
    return { peer, started: await peer.start(bench), skipped: null, rounds: [] };
  } catch (error) {
    return { ...nothing, skipped: `failed to start: ${oneLine(error)}` };
  }
}

async function sha256(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const bytes of createReadStream(path, { highWaterMark: 1024 * 1024 }))
    hash.update(bytes as Buffer);
  return hash.digest("hex");
}

function oneLine(error: unknown): string {
  const text = String(error).replace(/\s+/g, " ");
  return text.length > 400 ? `${text.slice(0, 400)}...` : text;
}
