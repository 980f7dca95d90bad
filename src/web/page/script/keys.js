// Keys that ask to be let in, and those that may send.

import { expiryText, foreign, moment, table } from "./parts.js";
import { h } from "./preact.js";

/** @typedef {import("./state.js").State} State */
/** @typedef {import("./actions.js").Actions} Actions */

/**
 * @param {State} state
 * @param {Actions} actions
 */
export function keysView({ pending, clients, session, now }, actions) {
  const isSteward = session?.role === "steward";
  const key = (/** @type {string} */ text) => h("span", { class: "key whole" }, text);
  return [
    h("h2", null, "Asking to be let in"),
    table(
      "Keys that were refused lately. Compare the fingerprint with the one that its owner reads to you.",
      ["Fingerprint", "From", "Last tried", ...(isSteward ? ["Let in"] : [])],
      (pending ?? []).map((/** @type {any} */ it) => ({
        key: it.fingerprint,
        cells: [
          key(it.fingerprint),
          it.address,
          [moment(it.lastAt, now), `, ${it.times === 1 ? "once" : `${it.times} times`}`],
          ...(isSteward ? [approveForm(it.fingerprint, actions)] : []),
        ],
      })),
      pending === null ? "Looking …" : "Nobody asks.",
    ),
    h("h2", null, "Authorised"),
    table(
      "Keys that may send",
      ["User", "Fingerprint", "Valid", ...(isSteward ? ["Take back"] : [])],
      (clients ?? []).map((/** @type {any} */ it) => ({
        key: it.fingerprint,
        cells: [
          foreign(it.user),
          key(it.fingerprint),
          expiryText(it),
          ...(isSteward
            ? [
                h(
                  "button",
                  {
                    class: "danger",
                    "aria-label": `Revoke the key of ${it.user}`,
                    onClick: () => actions.revoke(it),
                  },
                  "Revoke",
                ),
              ]
            : []),
        ],
      })),
      clients === null ? "Looking …" : "No key is authorised.",
    ),
  ];
}

/**
 * @param {string} fingerprint
 * @param {Actions} actions
 */
function approveForm(fingerprint, actions) {
  return h(
    "form",
    { onSubmit: (/** @type {Event} */ event) => actions.approve(event, fingerprint) },
    h("label", null, "As user", h("input", { name: "user", required: true, autocomplete: "off" })),
    h("button", { class: "do" }, "Approve"),
    h("button", { type: "button", class: "danger", onClick: () => actions.dismiss(fingerprint) }, "Refuse"),
  );
}
