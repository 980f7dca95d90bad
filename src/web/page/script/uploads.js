// The list of uploads with its search, and all about one of them.

import { leftText, rateText, sizeText, timeText } from "./format.js";
import { bar, facts, foreign, moment, stateMark, table, uploadLink, userLink } from "./parts.js";
import { h } from "./preact.js";
import { runningOf } from "./state.js";
import { waitText } from "./waits.js";

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
      uploads.isLoading
        ? "Looking …"
        : Object.keys(filter).length === 0
          ? "Nothing was sent yet."
          : "No upload is like that.",
    ),
    uploads.hasMore
      ? h("p", null, h("button", { onClick: actions.moreUploads, disabled: uploads.isLoading }, "100 more"))
      : null,
  ];
}

/**
 * All about one. While it is under way the parts stay where they are: nobody who types or points at something is disturbed.
 *
 * @param {State} state
 * @param {Actions} actions
 */
export function uploadView({ upload, live, session }, actions) {
  if (upload === null) return h("p", { class: "none" }, "Looking …");
  const isOpen = ["receiving", "waiting", "held"].includes(upload.state);
  const isStored = upload.state === "stored";
  const isSteward = session?.role === "steward";
  return [
    facts([
      ["Name", foreign(upload.name)],
      ["User", userLink(upload.user)],
      ["State", stateMark(upload.state)],
      ["Why", foreign(upload.reason)],
      ...progressFacts(upload, live),
      ["Place", foreign(upload.location)],
      ["There", upload.isThere === false ? h("strong", { class: "bad" }, "No: somebody took it away") : null],
      [
        "Size",
        upload.size === null ? null : `${sizeText(upload.size)} (${upload.size.toLocaleString()} bytes)`,
      ],
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
    h("ol", { class: "story" }, upload.story.map(storyPart)),
    h("h2", null, "Metadata"),
    upload.metadataText === null
      ? h("p", { class: "none" }, "They are not kept here any more.")
      : isSteward
        ? metadataForm(upload, actions)
        : h("pre", { tabIndex: 0, "aria-label": "Metadata" }, foreign(indented(upload.metadataText))),
  ];
}

/**
 * How far it is, by what is told once a second where its client is there.
 *
 * @param {any} upload
 * @param {any} live
 * @returns {readonly (readonly [string, import("./preact.js").ComponentChildren])[]}
 */
function progressFacts(upload, live) {
  const { state, size } = upload;
  if (state === "stored") return [];
  const isOver = state === "failed";
  const running = isOver ? null : runningOf(live, upload.id);
  const { bytes, bytesPerSecond } = running ?? upload;
  const arrived = `${sizeText(bytes)}${size === null ? "" : ` of ${sizeText(size)}`}`;
  return [
    ["Arrived", [arrived, size === null || isOver ? null : bar("Arrived", bytes, size)]],
    ["Rate", rateText(bytesPerSecond)],
    ["Left", leftText({ size, bytes, bytesPerSecond })],
    ["Waits for", waitText(running?.wait ?? null)],
  ];
}

/** @param {any} part @param {number} index */
function storyPart({ kind, at, text }, index) {
  return h(
    "li",
    { key: index, class: ["failed", "damaged"].includes(kind) ? "bad" : "" },
    at === null ? null : [h("time", { dateTime: at }, timeText(at)), " "],
    foreign(text),
  );
}

/**
 * There from the beginning to the end, so that what somebody types stays where it is when the upload becomes another.
 *
 * @param {any} upload
 * @param {Actions} actions
 */
function metadataForm({ metadataText, state, reason }, actions) {
  const isStored = state === "stored";
  const isHeld = state === "held" || (state === "receiving" && reason !== null);
  const text = isHeld
    ? "It is held until these are put right"
    : isStored
      ? "These are what is stored beside it"
      : state === "failed"
        ? "These came with it"
        : "These came with it: they can be put right once it is stored";
  const mayAmend = isHeld || isStored;
  return h(
    "form",
    { onSubmit: actions.amend },
    h(
      "label",
      { style: { flex: "1 1 100%" } },
      text,
      h(
        "textarea",
        {
          ...{ name: "metadata", rows: 14, class: "key", spellcheck: false, dir: "auto" },
          readOnly: !mayAmend,
        },
        indented(metadataText),
      ),
    ),
    mayAmend ? h("button", { class: "do" }, "Store these metadata") : null,
  );
}

/**
 * Metadata as people read them. Characters that would turn the direction of what stands around them are shown as JSON can write them
 * as well: what they are in stays what it is.
 *
 * @param {string} text
 */
function indented(text) {
  // Numbers stay as they were written, where one could not be written again: then the text itself is shown.
  const value = JSON.parse(text);
  const isSame = JSON.stringify(value).replace(/\s/g, "") === text.replace(/\s/g, "");
  const shown = isSame ? JSON.stringify(value, null, 2) : text;
  return shown.replace(
    /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    (it) => `\\u${it.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
