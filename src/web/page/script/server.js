// What the page asks of its server. Each failure is a `Refused` with a sentence for whoever looks.

/** The server did not do it. */
export class Refused extends Error {
  /**
   * @param {number} status 0: it did not answer
   * @param {string} message
   * @param {string | undefined} hint
   */
  constructor(status, message, hint) {
    super(message);
    this.status = status;
    this.hint = hint;
  }
}

const noAnswer = "The server does not answer";
const gatewayErrors = new Set([502, 503, 504]);

/** What a page has to show when it acts. */
let proof = "";

/**
 * @param {string} path
 * @param {object} [sent] what is posted; without it, it is only asked
 * @returns {Promise<any>}
 */
async function ask(path, sent) {
  const shown = proof;
  const headers = { "content-type": "application/json", "x-dync-proof": shown };
  const posted = sent === undefined ? {} : { method: "POST", headers, body: JSON.stringify(sent) };
  let answer;
  try {
    answer = await fetch(path, { ...posted, credentials: "same-origin", cache: "no-store" });
  } catch {
    throw new Refused(0, noAnswer, undefined);
  }
  const value = await answer.json().catch(() => null);
  if (answer.ok && value !== null) return value;
  // What a proxy says while there is no server behind it; or an answer that was cut off.
  if (value === null && (answer.ok || gatewayErrors.has(answer.status)))
    throw new Refused(0, noAnswer, undefined);
  // A server that started anew wants another proof of whom a proxy knows.
  if (answer.status === 403 && sent !== undefined && (await isOtherProof(shown)))
    return await ask(path, sent);
  const { message = `The server answered ${answer.status}`, hint } = value?.error ?? {};
  throw new Refused(answer.status, message, hint);
}

/** @param {string} shown what was refused; the other one may have been asked for meanwhile, by who heard that the server is back */
async function isOtherProof(shown) {
  if (proof === shown) await currentSession().catch(() => {});
  return proof !== shown;
}

/**
 * `signOut` is where a proxy signs out whom it knows, if that is known.
 *
 * @typedef {{ role: "viewer" | "steward", name: string, proof: string, by: "link" | "proxy", signOut: string | null }} Session
 * @param {Session} session
 */
function begun(session) {
  proof = session.proof;
  return session;
}

/** @returns {Promise<Session>} */
export async function currentSession() {
  return begun(await ask("api/session"));
}

/**
 * @param {string} secret of a link
 * @returns {Promise<Session>}
 */
export async function signIn(secret) {
  return begun(await ask("api/sign-in", { secret }));
}

/** Whether there is a page that tells how to install the client. */
export async function handsOut() {
  try {
    return (await fetch("install", { method: "HEAD", cache: "no-store" })).ok;
  } catch {
    return false;
  }
}

export async function signOut() {
  await ask("api/sign-out", {});
}

/**
 * A command, as people type it beside the server.
 *
 * @param {string} command
 * @param {object} given
 * @returns {Promise<{ lines: any[], answer: any }>}
 */
export async function call(command, given = {}) {
  return await ask("api/call", { command, arguments: given });
}

/**
 * What was, in steps.
 *
 * @param {string} over hour, day or month
 */
export async function pastOver(over) {
  return await ask(`api/history?over=${over}`);
}

/** A server tells something each second: one that was silent for so long is away, or frozen, in ms. */
const silenceMs = 10_000;

/**
 * Tells what happens, once a second.
 *
 * @param {(state: any) => void} onState
 * @param {(isThere: boolean) => void} onLink
 * @param {(error: unknown) => void} onOut nobody is signed in any more; or nobody knows whether
 */
export function follow(onState, onLink, onOut) {
  /** @type {EventSource} */
  let events;
  let waits = 0;
  let wasOpen = false;
  const later = (/** @type {number} */ ms, /** @type {() => void} */ act) => {
    clearTimeout(waits);
    waits = setTimeout(act, ms);
  };
  const heard = () =>
    later(silenceMs, () => {
      onLink(false);
      events.close();
      connect();
    });
  const connect = () => {
    heard();
    events = new EventSource("api/events");
    events.addEventListener("open", () => {
      heard();
      // A server that started anew wants another proof.
      if (wasOpen) currentSession().catch(onOut);
      wasOpen = true;
    });
    events.addEventListener("state", (event) => {
      heard();
      onLink(true);
      onState(JSON.parse(event.data));
    });
    // After so much the server wants to see that somebody reads. The next state is due in a second.
    events.addEventListener("again", () => {
      events.close();
      wasOpen = false;
      later(1000, connect);
    });
    events.addEventListener("error", () => {
      onLink(false);
      // It connects again by itself, unless it was refused.
      if (events.readyState === EventSource.CLOSED) currentSession().catch(onOut);
    });
  };
  connect();
  return () => {
    clearTimeout(waits);
    events.close();
  };
}
