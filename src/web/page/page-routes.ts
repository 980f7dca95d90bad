// The status page: its files, which are in the executable as they are here. Nothing in it comes from another address, and nothing
// that somebody made up can become a part of it (`script/parts.js`).

import preact from "../../../node_modules/preact/dist/preact.mjs" with { type: "text" };
import type { HttpAnswer, HttpHandler } from "../http/http-message.ts";
import icon from "./icon.svg" with { type: "text" };
import page from "./index.html" with { type: "text" };
import installStyle from "./install.css" with { type: "text" };
import actions from "./script/actions.js" with { type: "text" };
import charts from "./script/charts.js" with { type: "text" };
import format from "./script/format.js" with { type: "text" };
import hooks from "./script/hooks.js" with { type: "text" };
import install from "./script/install.js" with { type: "text" };
import instruments from "./script/instruments.js" with { type: "text" };
import keys from "./script/keys.js" with { type: "text" };
import main from "./script/main.js" with { type: "text" };
import now from "./script/now.js" with { type: "text" };
import parts from "./script/parts.js" with { type: "text" };
import refusals from "./script/refusals.js" with { type: "text" };
import server from "./script/server.js" with { type: "text" };
import state from "./script/state.js" with { type: "text" };
import uploads from "./script/uploads.js" with { type: "text" };
import users from "./script/users.js" with { type: "text" };
import waits from "./script/waits.js" with { type: "text" };
import style from "./style.css" with { type: "text" };

const policy = [
  "default-src 'none'",
  ...["script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self'"],
  ...[
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ],
].join("; ");

/** Of what browsers show. */
export const pageHeaders = {
  "content-security-policy": policy,
  "cross-origin-opener-policy": "same-origin",
} as const;

function file(type: string, text: string): HttpHandler {
  const answer: HttpAnswer = {
    status: 200,
    // It is as new as the server: asked for each time, and small.
    headers: pageHeaders,
    body: { type: `${type}; charset=utf-8`, text },
  };
  return () => answer;
}

const script = (text: string) => file("text/javascript", text);
const withoutMap = preact.replace(/\n?\/\/# sourceMappingURL=\S*\s*$/, "\n");

/** By their paths. */
export const pageRoutes: Readonly<Record<string, HttpHandler>> = {
  // The types of Bun have it as a bundle: as a text it is none.
  "/": file("text/html", String(page)),
  "/style.css": file("text/css", style),
  "/install.css": file("text/css", installStyle),
  "/icon.svg": file("image/svg+xml", icon),
  "/script/preact.js": script(withoutMap),
  "/script/install.js": script(install),
  "/script/main.js": script(main),
  "/script/actions.js": script(actions),
  "/script/charts.js": script(charts),
  "/script/instruments.js": script(instruments),
  "/script/format.js": script(format),
  "/script/parts.js": script(parts),
  "/script/server.js": script(server),
  "/script/state.js": script(state),
  "/script/hooks.js": script(hooks),
  "/script/keys.js": script(keys),
  "/script/now.js": script(now),
  "/script/refusals.js": script(refusals),
  "/script/uploads.js": script(uploads),
  "/script/users.js": script(users),
  "/script/waits.js": script(waits),
};
