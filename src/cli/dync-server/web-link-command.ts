// What the control socket has for the status page: links that sign in. The server's end of `dync-server web link`.

import * as v from "valibot";
import { DyncError } from "../../base/error.ts";
import type { ControlCommand } from "../../control/control-server.ts";
import { roles, type Sessions, sessionNameMax } from "../../web/sessions.ts";
import { read } from "./command-schemas.ts";

const linkAsked = v.object({
  role: v.picklist(roles),
  name: v.pipe(v.string(), v.nonEmpty(), v.maxLength(sessionNameMax)),
});

/** What makes links, where there is a page. */
export interface LinkMaker {
  readonly sessions: Sessions;
  /** Where the page is: scheme, host and port. */
  readonly origin: string;
}

/** What `dync-server web link` asks for. `maker` is there while the page is. */
export function linkCommand(maker: () => LinkMaker | null): readonly [string, ControlCommand] {
  return [
    "web link",
    async ({ arguments: given }) => {
      const { role, name } = read(linkAsked, given);
      const page = maker();
      if (page === null)
        throw new DyncError("configuration", "This server has no status page", {
          hint: 'set http in server.toml, for example http = "127.0.0.1:8890", and start it again',
        });
      const { secret, until } = page.sessions.link(role, name);
      return { origin: page.origin, secret, until: until.toISOString() };
    },
  ];
}
