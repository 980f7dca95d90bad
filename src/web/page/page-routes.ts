// The status page: its files, which are in the executable as they are here. Nothing in it comes from another address, and nothing
// that somebody made up can become a part of it (`script/parts.js`).

import preact from "../../../node_modules/preact/dist/preact.mjs" with { type: "text" };
import { sha256Hex } from "../../base/sha256-hex.ts";
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

const withoutMap = preact.replace(/\n?\/\/# sourceMappingURL=\S*\s*$/, "\n");

const scripts: Readonly<Record<string, string>> = {
  ...{
    "main.js": main,
    "preact.js": withoutMap,
    "actions.js": actions,
    "state.js": state,
    "server.js": server,
  },
  ...{ "parts.js": parts, "format.js": format, "now.js": now, "uploads.js": uploads, "users.js": users },
  ...{ "instruments.js": instruments, "keys.js": keys, "hooks.js": hooks, "refusals.js": refusals },
  ...{ "charts.js": charts, "waits.js": waits },
};

const files: Readonly<Record<string, { readonly type: string; readonly text: string }>> = {
  "style.css": { type: "text/css", text: style },
  "install.css": { type: "text/css", text: installStyle },
  "icon.svg": { type: "image/svg+xml", text: icon },
  "install.js": { type: "text/javascript", text: install },
  ...Object.fromEntries(
    Object.entries(scripts).map(([name, text]) => [name, { type: "text/javascript", text }]),
  ),
};

// Other files have another address: so browsers keep them, and ask a busy server for nothing that they have.
const version = sha256Hex(JSON.stringify(files)).slice(0, 16);

/** Where a page finds a file of its own, relative to itself. */
export function pageFile(name: keyof typeof files): string {
  return `files/${version}/${name}`;
}

// As one script imports the other, browsers would hear of the last ones only after the first ones came.
const preloads = Object.keys(scripts).map((name) => `<link rel="modulepreload" href="${pageFile(name)}">`);

// The types of Bun have it as a bundle: as a text it is none.
const pageText = String(page)
  .replace(/="files\/(\S+?)"/g, (_, name: string) => `="${pageFile(name)}"`)
  .replace(/(?=<script)/, `${preloads.join("\n    ")}\n    `);

function answered(type: string, text: string, headers: Readonly<Record<string, string>>): HttpHandler {
  const answer: HttpAnswer = { status: 200, headers, body: { type: `${type}; charset=utf-8`, text } };
  return () => answer;
}

const forever = { ...pageHeaders, "cache-control": "public, max-age=31536000, immutable" };

/** By their paths. */
export const pageRoutes: Readonly<Record<string, HttpHandler>> = {
  // It is as new as the server: asked for each time, and small.
  "/": answered("text/html", pageText, pageHeaders),
  ...Object.fromEntries(
    Object.entries(files).map(([name, { type, text }]) => [
      `/${pageFile(name)}`,
      answered(type, text, forever),
    ]),
  ),
};
