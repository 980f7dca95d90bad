// What each view shows of the state. A view decides nothing: what is done is in `actions.js`.

import { agoText, durationText, rateText, sizeText, timeText } from "./format.js";
import { bar, facts, foreign, stateMark, table, tiles, uploadLink } from "./parts.js";
import { h } from "./preact.js";

/** @typedef {import("./state.js").State} State */
/** @typedef {import("./actions.js").Actions} Actions */

/** @param {any} upload */
function left({ size, bytes, bytesPerSecond }) {
  if (size === null || !bytesPerSecond) return "";
  return size === bytes ? "checking" : durationText((size - bytes) / bytesPerSecond);
}

/** @param {State} state */
export function nowView({ live }) {
  if (live === null) return h("p", { class: "none" }, "Waiting for the server …");
  const { running, open, memory, freeBytes, bytesPerSecond, pendingKeys } = live;
  const used = bar("Memory that is under way", memory.heldBytes, memory.budgetBytes);
  const more = open > running.length ? `, the first ${running.length} are shown` : "";
  return [
    tiles([
      ["Open uploads", open],
      ["Arriving", rateText(bytesPerSecond)],
      ["Free on the disk", freeBytes === null ? "unknown" : sizeText(freeBytes)],
      ["Under way to the disk", [sizeText(memory.heldBytes), " of ", sizeText(memory.budgetBytes), used]],
      ["Keys that ask", pendingKeys === 0 ? "none" : h("a", { href: "#keys" }, pendingKeys)],
    ]),
    table(
      `Uploads whose client is there${more}`,
      [
        "User",
        "Name",
        { name: "Arrived", isNumber: true },
        "Progress",
        { name: "Rate", isNumber: true },
        "Left",
      ],
      running.map((/** @type {any} */ upload) => ({
        key: upload.id,
        cells: [
          foreign(upload.user),
          uploadLink(upload),
          `${sizeText(upload.bytes)}${upload.size === null ? "" : ` of ${sizeText(upload.size)}`}`,
          upload.size === null ? "no size was told" : bar(`${upload.name}`, upload.bytes, upload.size),
          rateText(upload.bytesPerSecond),
          left(upload),
        ],
      })),
      "Nothing is under way.",
    ),
  ];
}

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
          h(
            "time",
            { dateTime: upload.startedAt, title: timeText(upload.startedAt) },
            agoText(upload.startedAt, now),
          ),
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

/** @param {State} state */
export function usersView({ users, now }) {
  return table(
    "Users, with what they have",
    [
      "User",
      "Last arrival",
      { name: "Stored", isNumber: true },
      { name: "Uploads", isNumber: true },
      "Quota",
      { name: "Unfinished", isNumber: true },
      { name: "Keys", isNumber: true },
    ],
    (users ?? []).map((/** @type {any} */ user) => ({
      key: user.user,
      cells: [
        h("a", { href: `#uploads?user=${encodeURIComponent(user.user)}` }, foreign(user.user)),
        h("span", { title: timeText(user.lastAt) }, agoText(user.lastAt, now)),
        sizeText(user.stored),
        user.files.toLocaleString(),
        user.quota === null
          ? "none"
          : [sizeText(user.quota), bar(`Quota of ${user.user}`, user.stored + user.underWay, user.quota)],
        user.unfinished,
        user.keys === 0 ? h("span", { class: "bad" }, "0") : user.keys,
      ],
    })),
    users === null ? "Looking …" : "Nobody has sent anything, and no key is authorised.",
  );
}

/**
 * @param {State} state
 * @param {Actions} actions
 */
export function keysView({ pending, clients, session, now }, actions) {
  const isSteward = session?.role === "steward";
  const key = (/** @type {string} */ text) => h("span", { class: "key" }, text);
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
          `${agoText(it.lastAt, now)}, ${it.times === 1 ? "once" : `${it.times} times`}`,
          ...(isSteward ? [approveForm(it.fingerprint, actions)] : []),
        ],
      })),
      pending === null ? "Looking …" : "Nobody asks.",
    ),
    h("h2", null, "Authorised"),
    table(
      "Keys that may send",
      ["User", "Fingerprint", "Good until", ...(isSteward ? ["Take back"] : [])],
      (clients ?? []).map((/** @type {any} */ it) => ({
        key: it.fingerprint,
        cells: [
          foreign(it.user),
          key(it.fingerprint),
          it.expires === undefined
            ? "for ever"
            : h("span", { class: it.state === "valid" ? "" : "bad" }, `${timeText(it.expires)}`),
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
        ...(isSteward ? [""] : []),
      ],
      deliveries.hooks.map((/** @type {any} */ it) => ({
        key: it.hook,
        cells: [
          foreign(it.hook),
          it.deliveries,
          it.failing,
          it.isConfigured ? "configured" : h("span", { class: "bad" }, "stuck: not configured any more"),
          ...(isSteward
            ? [h("button", { onClick: () => actions.retryHook(it.hook) }, `Tell ${it.hook} now`)]
            : []),
        ],
      })),
      "Every hook was told of everything.",
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
              agoText(it.createdAt, now),
              it.attempts,
              foreign(it.error),
            ],
          })),
          "",
        ),
  ];
}

const kinds = { upload: "not taken", key: "key not let in", failed: "ended" };

/** @param {State} state */
export function refusalsView({ refusals, now }) {
  return table(
    "What was refused, or ended without being stored, since the server started: the latest first",
    ["When", "What", "User", "Name", "Why"],
    (refusals ?? []).map((it, index) => ({
      key: `${it.time} ${index}`,
      cells: [
        h("time", { dateTime: it.time, title: timeText(it.time) }, agoText(it.time, now)),
        kinds[/** @type {keyof typeof kinds} */ (it.kind)],
        it.user === null ? h("span", { class: "key" }, it.key ?? "") : foreign(it.user),
        it.name === null ? it.address : foreign(it.name),
        foreign(it.reason ?? it.code),
      ],
    })),
    refusals === null ? "Looking …" : "Nothing was refused.",
  );
}
