// One POST to a URL: given a text, answered, or given up when its time is over. Of what comes back no more is read than is wanted.

import type { Clock } from "../../base/clock.ts";
import { cutText, sayingLines } from "../../base/cut-text.ts";
import { messageOf, systemCode } from "../../base/error.ts";

export interface PostCall {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** How much it may answer; 0: that is thrown away. */
  readonly answerBytesMax: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly clock: Clock;
}

export interface PostEnd {
  /** Why it was not taken, on one line, or `null`. */
  readonly failure: string | null;
  /** What was answered. */
  readonly output: Uint8Array;
}

/** Of an answer that is no success, the beginning is shown. */
const shownBytesMax = 4 * 1024;

/** Posts once. Rejects with the signal's reason where that aborts, else never. */
export async function post(call: PostCall): Promise<PostEnd> {
  const { url, headers, body, signal, clock, timeoutMs } = call;
  signal.throwIfAborted();
  const late = new AbortController();
  const cancel = clock.after(timeoutMs, () => late.abort());
  try {
    const both = AbortSignal.any([signal, late.signal]);
    // Who moved says so to the steward, not to us: a signed text goes nowhere else.
    const response = await fetch(url, { method: "POST", headers, body, redirect: "manual", signal: both });
    return await endOf(response, call);
  } catch (error) {
    signal.throwIfAborted();
    return failed(late.signal.aborted ? `took longer than ${timeoutMs / 1000} s` : whyNot(error));
  } finally {
    cancel();
  }
}

async function endOf(response: Response, { answerBytesMax }: PostCall): Promise<PostEnd> {
  const { status, ok, headers } = response;
  const isTooLong = (bytes: Uint8Array): boolean => bytes.length > answerBytesMax;
  if (ok && answerBytesMax === 0) {
    await response.body?.cancel();
    return { failure: null, output: new Uint8Array() };
  }
  const output = await beginningOf(response, ok ? answerBytesMax + 1 : shownBytesMax);
  if (ok)
    return isTooLong(output)
      ? failed(`answered more than ${answerBytesMax} bytes`)
      : { failure: null, output };
  const location = headers.get("location");
  if (location !== null)
    return failed(`answered ${status}, moved to ${cutText(location, 200)}: set that as its url`);
  const [words] = sayingLines(Buffer.from(output).toString("utf8"));
  return failed(`answered ${status}${words === undefined ? "" : `: ${cutText(words, 400)}`}`);
}

/** At most `bytesMax` of what is answered; the rest is not read. */
async function beginningOf(response: Response, bytesMax: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  const reader = response.body?.getReader();
  while (reader !== undefined && bytes < bytesMax) {
    const { value, done } = await reader.read();
    if (done) break;
    parts.push(value);
    bytes += value.length;
  }
  await reader?.cancel();
  return Buffer.concat(parts).subarray(0, bytesMax);
}

function failed(failure: string): PostEnd {
  return { failure, output: new Uint8Array() };
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there",
  ENOTFOUND: "there is no such host",
  ECONNRESET: "the connection broke",
};

function whyNot(error: unknown): string {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  const code = systemCode(error) ?? systemCode(cause);
  return `cannot be reached: ${reasons[code ?? ""] ?? cutText(messageOf(cause), 400)}`;
}
