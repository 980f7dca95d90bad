// Users, with what they have.

import { sizeText } from "./format.js";
import { bar, expiryText, facts, foreign, moment, table, uploadLink, userLink } from "./parts.js";
import { h } from "./preact.js";

/** @typedef {import("./state.js").State} State */

/**
 * The server remembers who was heard for as long as it runs; what was stored, for good.
 *
 * @param {{ seenAt: string | null, lastAt: string | null }} user
 */
function signOfLife({ seenAt, lastAt }) {
  return seenAt === null || (lastAt !== null && lastAt > seenAt) ? lastAt : seenAt;
}

/**
 * All about one.
 *
 * @param {State} state
 */
export function userView({ user, live, now }) {
  if (user === null) return h("p", { class: "none" }, "Looking …");
  const running = (live?.running ?? []).filter((/** @type {any} */ it) => it.user === user.user);
  const quota = (/** @type {number} */ used, /** @type {number} */ all, /** @type {string} */ name) => [
    `${sizeText(used)} of ${sizeText(all)}`,
    bar(name, used, all),
  ];
  return [
    facts([
      ["User", foreign(user.user)],
      ["Groups", user.groups.length === 0 ? null : foreign(user.groups.join(", "))],
      ["Last sign of life", moment(signOfLife(user), now, "never")],
      ["Last arrival", moment(user.lastAt, now, "never")],
      [
        "Stored",
        `${sizeText(user.stored)} in ${user.files === 1 ? "1 upload" : `${user.files.toLocaleString()} uploads`}`,
      ],
      [
        "Under way",
        running.length === 0
          ? "nothing"
          : running.map((/** @type {any} */ it) => h("div", { key: it.id }, uploadLink(it))),
      ],
      ["Unfinished", `${user.unfinished} of ${user.maxUnfinished}, with ${sizeText(user.underWay)}`],
      ["Quota", user.quota === null ? "none" : quota(user.stored + user.underWay, user.quota, "Quota")],
      [
        "Shared quota",
        user.groupQuota === null
          ? null
          : [
              foreign(user.groupQuota.name),
              ": ",
              quota(user.groupQuota.used, user.groupQuota.bytes, "Shared quota"),
            ],
      ],
      ["One upload", user.maxUploadBytes === null ? null : `at most ${sizeText(user.maxUploadBytes)}`],
      ["Names", user.names === null ? null : foreign(user.names.join(", "))],
      ["Priority", user.priority],
      ["Asks for more", foreign(user.contact)],
    ]),
    h("p", null, h("a", { href: `#uploads?user=${encodeURIComponent(user.user)}` }, "All uploads")),
    h("h2", null, "Keys"),
    table(
      "Keys by which this user may send",
      ["Fingerprint", "File", "Valid"],
      user.clients.map((/** @type {any} */ it) => ({
        key: it.fingerprint,
        cells: [h("span", { class: "key whole" }, it.fingerprint), foreign(it.file), expiryText(it)],
      })),
      "No key is authorised: nothing more can come.",
    ),
  ];
}

const keysShown = 3;

/** @param {State} state */
export function usersView({ users, clients, now }) {
  const byUser = Map.groupBy(clients ?? [], ({ user }) => user);
  return table(
    "Users, with what they have and by which keys they send",
    [
      "User",
      "Last sign of life",
      "Last arrival",
      { name: "Running", isNumber: true },
      { name: "Unfinished", isNumber: true },
      { name: "Uploads", isNumber: true },
      { name: "Stored", isNumber: true },
      "Quota",
      "Keys",
    ],
    (users ?? []).map((/** @type {any} */ user) => ({
      key: user.user,
      cells: [
        userLink(user.user),
        moment(signOfLife(user), now, "never"),
        moment(user.lastAt, now, "never"),
        user.running,
        user.unfinished,
        user.files.toLocaleString(),
        sizeText(user.stored),
        user.quota === null
          ? "none"
          : [sizeText(user.quota), bar(`Quota of ${user.user}`, user.stored + user.underWay, user.quota)],
        keysOf(user, byUser.get(user.user) ?? []),
      ],
    })),
    users === null ? "Looking …" : "Nobody has sent anything, and no key is authorised.",
  );
}

/**
 * By which keys somebody sends, and until when: those first that are over first.
 *
 * @param {any} user
 * @param {readonly any[]} clients
 */
function keysOf({ user, keys }, clients) {
  if (keys === 0) return h("span", { class: "bad" }, "none: this user may not send");
  const byExpiry = clients.toSorted((a, b) => ((a.expires ?? "~") < (b.expires ?? "~") ? -1 : 1));
  const shown = byExpiry.slice(0, keysShown);
  const more = keys - shown.length;
  return [
    shown.map((it) =>
      h(
        "div",
        { key: it.fingerprint, class: "held-key" },
        h("span", { class: "key" }, it.fingerprint),
        " ",
        h("span", { class: "soft" }, expiryText(it)),
      ),
    ),
    more > 0
      ? h("div", null, h("a", { href: `#user?user=${encodeURIComponent(user)}` }, `${more} more`))
      : null,
  ];
}
