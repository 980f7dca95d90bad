// Pieces of which views are made. All text goes through `h`, which escapes it; what comes from outside is kept from turning the
// direction of what stands around it.

import { agoText, dayText, timeText } from "./format.js";
import { h } from "./preact.js";

/** @typedef {import("./preact.js").ComponentChildren} Children */

/**
 * Text that anybody may have made up.
 *
 * @param {string | null} text
 */
export function foreign(text) {
  return text === null ? null : h("bdi", null, text);
}

/**
 * A table, which narrow screens show as cards.
 *
 * @param {string} caption
 * @param {readonly (string | { name: string, isNumber: true })[]} columns
 * @param {readonly { key: string | number, cells: readonly Children[] }[]} rows
 * @param {string} none what to say where there is no row
 */
export function table(caption, columns, rows, none) {
  if (rows.length === 0) return h("p", { class: "none" }, none);
  const named = columns.map((column) => (typeof column === "string" ? { name: column } : column));
  const kind = (/** @type {object} */ column) => ("isNumber" in column ? "number" : "");
  return h(
    "table",
    null,
    h("caption", null, caption),
    h(
      "thead",
      null,
      h(
        "tr",
        null,
        named.map((column) => h("th", { scope: "col", class: kind(column) }, column.name)),
      ),
    ),
    h(
      "tbody",
      null,
      rows.map(({ key, cells }) =>
        h(
          "tr",
          { key },
          cells.map((cell, index) =>
            h(
              "td",
              { class: kind(named[index] ?? {}), "data-name": named[index]?.name ?? "" },
              h("div", null, cell),
            ),
          ),
        ),
      ),
    ),
  );
}

/**
 * Figures at a glance.
 *
 * @param {readonly (readonly [string, Children])[]} figures
 */
export function tiles(figures) {
  return h(
    "dl",
    { class: "tiles" },
    figures.map(([name, value]) => h("div", { key: name }, h("dt", null, name), h("dd", null, value))),
  );
}

/**
 * Facts one below the other; those without a value are left out.
 *
 * @param {readonly (readonly [string, Children])[]} all
 */
export function facts(all) {
  const known = all.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return h(
    "dl",
    { class: "facts" },
    known.flatMap(([name, value]) => [h("dt", { key: name }, name), h("dd", { key: `${name}:` }, value)]),
  );
}

/**
 * How far something is.
 *
 * @param {string} name
 * @param {number} done
 * @param {number} all
 */
export function bar(name, done, all) {
  return h("progress", { "aria-label": name, value: Math.min(done, all), max: Math.max(all, 1) });
}

/**
 * How long ago something was; the moment itself to who points at it.
 *
 * @param {string | null} at ISO 8601
 * @param {number} now ms since 1970
 * @param {string} [never] what to say where it never was
 */
export function moment(at, now, never = "") {
  return at === null ? never : h("time", { dateTime: at, title: timeText(at) }, agoText(at, now));
}

/**
 * A link to all about an upload.
 *
 * @param {{ id: string, name: string }} upload
 */
export function uploadLink({ id, name }) {
  return h("a", { href: `#upload/${id}` }, foreign(name));
}

/** @param {string} user */
export function userLink(user) {
  return h("a", { href: `#user?user=${encodeURIComponent(user)}` }, foreign(user));
}

/**
 * Until when a key is good.
 *
 * @param {{ expires?: string, state?: string }} key
 */
export function expiryText({ expires, state }) {
  if (expires === undefined) return "for ever";
  const text = state === "expired" ? `over since ${dayText(expires)}` : `until ${dayText(expires)}`;
  return h(
    "time",
    { dateTime: expires, title: timeText(expires), class: state === "valid" ? "" : "bad" },
    text,
  );
}

/** @param {string} state */
export function stateMark(state) {
  return h("span", { class: `state ${state}` }, state);
}
