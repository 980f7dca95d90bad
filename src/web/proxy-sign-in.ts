// Who is signed in at a proxy before the status page: the proxy says so in a header, which is believed of the proxy alone.

import { BlockList, isIP } from "node:net";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { ProxySignIn } from "../config/sign-in-table.ts";
import type { HttpRequest } from "./http/http-message.ts";
import { type Role, sessionNameMax } from "./sessions.ts";

/** What a request says of who sent it. */
export type ProxyUser =
  /** Nothing that counts. */
  | { readonly type: "none" }
  | { readonly type: "user"; readonly name: string; readonly role: Role }
  /** The proxy knows somebody who may not look; or what it says is no name. One sentence says it. */
  | { readonly type: "refused"; readonly text: string };

export interface ProxyUsersParts {
  /** As it is configured now; `null`: no proxy says anything. */
  readonly signInOf: () => ProxySignIn | null;
  readonly clock: Clock;
  readonly logger: Logger;
}

const tellEveryMs = 3_600_000;

export class ProxyUsers {
  readonly #parts: ProxyUsersParts;
  /** The ranges of the configuration that was looked at last. */
  #known: { readonly signIn: ProxySignIn; readonly list: BlockList } | null = null;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(parts: ProxyUsersParts) {
    this.#parts = parts;
  }

  /** Where the proxy signs out whom it knows; `null`: nothing says so. */
  get signOut(): string | null {
    return this.#parts.signInOf()?.signOut ?? null;
  }

  of({ from, header }: Pick<HttpRequest, "from" | "header">): ProxyUser {
    const signIn = this.#parts.signInOf();
    const said = signIn === null ? undefined : header(signIn.header);
    if (signIn === null || said === undefined) return { type: "none" };
    if (!this.#isProxy(from, signIn)) {
      this.#tell(from, signIn.header);
      return { type: "none" };
    }
    const name = nameIn(said);
    if (name === null)
      return { type: "refused", text: `What the proxy says in ${signIn.header} is no name of one user` };
    if (signIn.stewards.some((matches) => matches(name))) return { type: "user", name, role: "steward" };
    if (signIn.viewers.some((matches) => matches(name))) return { type: "user", name, role: "viewer" };
    return {
      type: "refused",
      text: `${name} is no viewer and no steward here: [sign-in] in server.toml says who is`,
    };
  }

  #isProxy(from: string, signIn: ProxySignIn): boolean {
    const version = isIP(from);
    if (version === 0) return false;
    if (this.#known?.signIn !== signIn) this.#known = { signIn, list: listOf(signIn) };
    return this.#known.list.check(from, version === 4 ? "ipv4" : "ipv6");
  }

  #tell(address: string, header: string): void {
    const { clock, logger } = this.#parts;
    if (clock.now() - this.#toldAt < tellEveryMs) return;
    this.#toldAt = clock.now();
    const message =
      "A header that names who is signed in came from elsewhere than a proxy, and is not believed";
    logger.log("warn", message, { address, header });
  }
}

function listOf({ from }: ProxySignIn): BlockList {
  const list = new BlockList();
  for (const { address, bits } of from) {
    const family = isIP(address) === 4 ? "ipv4" : "ipv6";
    if (bits === null) list.addAddress(address, family);
    else list.addSubnet(address, bits, family);
  }
  return list;
}

/** The name in a header's value, whose bytes are UTF-8; `null`: it is none, or several, which are joined by commas. */
function nameIn(value: string): string | null {
  let name: string;
  try {
    name = new TextDecoder("utf-8", { fatal: true }).decode(Buffer.from(value, "latin1")).trim();
  } catch {
    return null;
  }
  const isName = name !== "" && name.length <= sessionNameMax && !/[\p{C},;]/u.test(name);
  return isName ? name : null;
}
