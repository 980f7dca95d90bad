// Whether the server lives, and whether it takes uploads: for what starts it again, and for balancers.

import type { Clock } from "../base/clock.ts";
import { messageOf } from "../base/error.ts";
import { within } from "../base/within.ts";
import { type HttpHandler, plainAnswer } from "./http/http-message.ts";

export interface ReadyParts {
  readonly clock: Clock;
  readonly server: { readonly isServing: boolean };
  /** Resolves when what the server remembers can be read; rejects when it cannot. */
  readonly askCatalogue: () => Promise<unknown>;
  /** As `Storage.freeBytes`. */
  readonly freeBytes: () => Promise<number | null>;
}

// A disk or a catalogue that takes longer takes no uploads, either.
const lookMs = 2_000;
// What one upload of any size needs at least.
const freeBytesMin = 1024 * 1024;

/** Answers as long as this process does. */
export const healthHandler: HttpHandler = () => plainAnswer(200, "ok");

/** 200 while uploads are taken; else 503 with what is in the way. */
export function readyHandler(parts: ReadyParts): HttpHandler {
  return async () => {
    const trouble = await troubleOf(parts);
    return trouble === null ? plainAnswer(200, "ok") : plainAnswer(503, trouble);
  };
}

async function troubleOf({ clock, server, askCatalogue, freeBytes }: ReadyParts): Promise<string | null> {
  if (!server.isServing) return "The server is starting, or going down";
  const look = async () => troubleIn(await Promise.all([askCatalogue(), freeBytes()]));
  try {
    return await within(clock, lookMs, look(), () => "The disk or the catalogue does not answer");
  } catch (error) {
    return messageOf(error);
  }
}

function troubleIn([, free]: readonly [unknown, number | null]): string | null {
  return free !== null && free < freeBytesMin ? "There is no room for another upload" : null;
}
