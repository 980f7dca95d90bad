// Who is signed in at the status page: by a link that is good once, and then by a cookie; or by a proxy, which says so each time. In
// memory: a server that starts anew knows nobody, and whoever looks after it makes another link.

import type { Clock } from "../base/clock.ts";
import { dropOldest } from "../base/drop-oldest.ts";

/** A viewer sees; a steward also acts. */
export const roles = ["viewer", "steward"] as const;
export type Role = (typeof roles)[number];

/** Most characters of the name of a session. */
export const sessionNameMax = 64;

export interface WebSession {
  readonly role: Role;
  /** Whose it is, for the audit log. */
  readonly name: string;
  /** What a page has to show when it acts: a page of another origin does not know it. */
  readonly proof: string;
  /** What knows whose it is. */
  readonly by: "link" | "proxy";
}

export interface SessionsParts {
  readonly clock: Clock;
  /** 32 random bytes as text without special characters. */
  readonly newSecret: () => string;
}

/** What a link is good for, and how long. */
const linkMs = 15 * 60_000;
/** A working day; without a question for so long it is over earlier. */
const sessionMs = 12 * 3_600_000;
const idleMs = 2 * 3_600_000;
// People who look after a server.
const linksMax = 64;
const sessionsMax = 256;

interface Link {
  readonly role: Role;
  readonly name: string;
  readonly endsAt: number;
}

interface Known extends WebSession {
  readonly endsAt: number;
  askedAt: number;
}

export class Sessions {
  readonly #parts: SessionsParts;
  readonly #links = new Map<string, Link>();
  readonly #sessions = new Map<string, Known>();
  readonly #ofProxy = new Map<string, WebSession>();

  constructor(parts: SessionsParts) {
    this.#parts = parts;
  }

  /** A secret that signs in once, until the moment that is said. */
  link(role: Role, name: string): { readonly secret: string; readonly until: Date } {
    const { clock, newSecret } = this.#parts;
    const secret = newSecret();
    this.#links.set(secret, { role, name, endsAt: clock.now() + linkMs });
    dropOldest(this.#links, linksMax);
    return { secret, until: new Date(clock.date().getTime() + linkMs) };
  }

  /** Begins a session with the secret of a link, which is good for nothing from then on; `null`: it is not good any more. */
  signIn(secret: string): { readonly cookie: string; readonly session: WebSession } | null {
    const { clock, newSecret } = this.#parts;
    const link = this.#links.get(secret);
    this.#links.delete(secret);
    const now = clock.now();
    if (link === undefined || link.endsAt <= now) return null;
    const session: Known = {
      ...{ role: link.role, name: link.name, proof: newSecret(), by: "link" },
      ...{ endsAt: now + sessionMs, askedAt: now },
    };
    const cookie = newSecret();
    this.#sessions.set(cookie, session);
    dropOldest(this.#sessions, sessionsMax);
    return { cookie, session };
  }

  /** The session behind a cookie, or `null`: there is none, or it is over. */
  find(cookie: string): WebSession | null {
    const session = this.#sessions.get(cookie);
    if (session === undefined) return null;
    const now = this.#parts.clock.now();
    if (session.endsAt <= now || session.askedAt + idleMs <= now) {
      this.#sessions.delete(cookie);
      return null;
    }
    session.askedAt = now;
    return session;
  }

  /** The session of whom a proxy knows: the same for all requests of one. The proxy says when it is over. */
  ofProxy(name: string, role: Role): WebSession {
    const who = JSON.stringify([name, role]);
    const session = this.#ofProxy.get(who) ?? { role, name, proof: this.#parts.newSecret(), by: "proxy" };
    // Who asked last is let go of last.
    this.#ofProxy.delete(who);
    this.#ofProxy.set(who, session);
    dropOldest(this.#ofProxy, sessionsMax);
    return session;
  }

  signOut(cookie: string): void {
    this.#sessions.delete(cookie);
  }
}
