// The list of uploads with its search, and all about one of them.

import { sizeText, timeText } from "./format.js";
import { facts, foreign, moment, stateMark, table, uploadLink } from "./parts.js";
import { h } from "./preact.js";

/** @typedef {import("./state.js").State} State */
/** @typedef {import("./actions.js").Actions} Actions */

const states = ["stored", "receiving", "waiting", "held", "publishing", "failed"];

/**
 * @param {State} state
 * @param {Actions} actions
 */
export function uploadsView({ filter, uploads, now }, actions) {
  // What is typed stays as it is while the page is drawn anew, once a second: a `value` would be put back.
  /** @param {string} name @param {string} text @param {string} [hint] */
  const field = (name, text, hint) =>
    h(
      "label",
      null,
      text,
      h("input", { name, defaultValue: filter[name] ?? "", placeholder: hint, autocomplete: "off" }),
    );
  const choice = h(
    "label",
    null,
    "State",
    h(
      "select",
      { name: "state" },
      h("option", { value: "" }, "all"),
      states.map((state) => h("option", { value: state, selected: filter.state === state }, state)),
    ),
  );
  return [
    h(
      "form",
      { role: "search", onSubmit: actions.search },
      field("user", "User"),
      field("name", "Name", "*.raw"),
      choice,
      h(
        "label",
        null,
        "Begun since",
        h("input", { name: "since", type: "date", defaultValue: filter.since ?? "" }),
      ),
      field("field", "Metadata", "sample=S-17"),
      h("button", { class: "do" }, "Search"),
    ),
    table(
      "Uploads, the latest begun first",
      ["Begun", "User", "Name", { name: "Size", isNumber: true }, "State", "What of it"],
      uploads.rows.map((upload) => ({
        key: upload.id,
        cells: [
          moment(upload.startedAt, now),
          foreign(upload.user),
          uploadLink(upload),
          sizeText(upload.size ?? upload.bytes),
          stateMark(upload.state),
          foreign(upload.reason),
        ],
      })),
      uploads.isLoading ? "Looking …" : "No upload is like that.",
    ),
    uploads.hasMore
      ? h("p", null, h("button", { onClick: actions.moreUploads, disabled: uploads.isLoading }, "100 more"))
      : null,
  ];
}

/**
 * @param {State} state
 * @param {Actions} actions
 */
export function uploadView({ upload, session }, actions) {
  if (upload === null) return h("p", { class: "none" }, "Looking …");
  const isOpen = ["receiving", "waiting", "held"].includes(upload.state);
  const isStored = upload.state === "stored";
  const isSteward = session?.role === "steward";
  return [
    facts([
      ["Name", foreign(upload.name)],
      ["User", foreign(upload.user)],
      ["State", stateMark(upload.state)],
      ["Why", foreign(upload.reason)],
      ["Place", foreign(upload.location)],
      ["There", upload.isThere === false ? h("strong", { class: "bad" }, "No: somebody took it away") : null],
      [
        "Size",
        upload.size === null ? null : `${sizeText(upload.size)} (${upload.size.toLocaleString()} bytes)`,
      ],
      ["Arrived", isStored ? null : sizeText(upload.bytes)],
      ["Files", upload.files],
      ["SHA-256", upload.sha256 === null ? null : h("span", { class: "key" }, upload.sha256)],
      ["Key", upload.fingerprint === null ? null : h("span", { class: "key" }, upload.fingerprint)],
      ["Client", foreign(upload.client)],
      ["Modified", timeText(upload.modified)],
      ["Begun", timeText(upload.startedAt)],
      ["All arrived", timeText(upload.receivedAt)],
      ["Changed last", timeText(upload.changedAt)],
      ["Id", h("span", { class: "key" }, upload.id)],
    ]),
    isSteward
      ? h(
          "div",
          { class: "actions" },
          isStored ? h("button", { onClick: actions.verify }, "Read it again from the disk") : null,
          isOpen ? h("button", { class: "danger", onClick: actions.cancel }, "Cancel this upload") : null,
        )
      : null,
    h("h2", null, "What became of it"),
    h(
      "ol",
      { class: "story" },
      upload.story.map((/** @type {any} */ it, /** @type {number} */ index) =>
        h(
          "li",
          { key: index, class: ["failed", "damaged"].includes(it.kind) ? "bad" : "" },
          it.at === null ? null : [h("time", { dateTime: it.at }, timeText(it.at)), " "],
          foreign(it.text),
        ),
      ),
    ),
    h("h2", null, "Metadata"),
    upload.metadataText === null
      ? h("p", { class: "none" }, "They are not kept here any more.")
      : isSteward && (isStored || upload.state === "held")
        ? amendForm(upload, actions)
        : h("pre", { tabIndex: 0, "aria-label": "Metadata" }, foreign(indented(upload.metadataText))),
  ];
}

/**
 * @param {any} upload
 * @param {Actions} actions
 */
function amendForm({ metadataText, state }, actions) {
  const text = indented(metadataText);
  return h(
    "form",
    { onSubmit: actions.amend },
    h(
      "label",
      { style: { flex: "1 1 100%" } },
      state === "held" ? "It is held until these are put right" : "These are what is stored beside it",
      h("textarea", { name: "metadata", rows: 14, class: "key", spellcheck: false, dir: "auto" }, text),
    ),
    h("button", { class: "do" }, "Store these metadata"),
  );
}

/** @param {string} text */
function indented(text) {
  // Numbers stay as they were written, where one could not be written again: then the text itself is shown.
  const value = JSON.parse(text);
  return JSON.stringify(value).replace(/\s/g, "") === text.replace(/\s/g, "")
    ? JSON.stringify(value, null, 2)
    : text;
}
