// What hooks are still to be told.

import { foreign, moment, table } from "./parts.js";
import { h } from "./preact.js";

/** @typedef {import("./state.js").State} State */
/** @typedef {import("./actions.js").Actions} Actions */

/**
 * @param {State} state
 * @param {Actions} actions
 */
export function hooksView({ deliveries, session, now }, actions) {
  const isSteward = session?.role === "steward";
  if (deliveries === null) return h("p", { class: "none" }, "Looking …");
  return [
    table(
      "Hooks for which something waits",
      [
        "Hook",
        { name: "Waiting", isNumber: true },
        { name: "Failing", isNumber: true },
        "State",
        ...(isSteward ? ["Again"] : []),
      ],
      deliveries.hooks.map((/** @type {any} */ it) => ({
        key: it.hook,
        cells: [
          foreign(it.hook),
          it.deliveries,
          it.failing,
          it.isConfigured ? "configured" : h("span", { class: "bad" }, "stuck: not configured any more"),
          ...(isSteward ? [tellButton(it.hook, actions)] : []),
        ],
      })),
      "Nothing waits for a hook.",
    ),
    deliveries.rows.length === 0 ? null : h("h2", null, "What waits"),
    deliveries.rows.length === 0
      ? null
      : table(
          "The first 100",
          ["Hook", "Upload", "Since", { name: "Failed", isNumber: true }, "Why"],
          deliveries.rows.map((/** @type {any} */ it) => ({
            key: it.id,
            cells: [
              foreign(it.hook),
              h("a", { href: `#upload/${it.upload}` }, foreign(it.name)),
              moment(it.createdAt, now),
              it.attempts,
              foreign(it.error),
            ],
          })),
          "",
        ),
  ];
}

/**
 * @param {string} hook
 * @param {Actions} actions
 */
function tellButton(hook, actions) {
  const named = { "aria-label": `Tell now: ${hook}`, onClick: () => actions.retryHook(hook) };
  return h("button", named, "Tell now");
}
