// Users, with what they have.

import { sizeText, timeText } from "./format.js";
import { bar, facts, foreign, moment, table, uploadLink } from "./parts.js";
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
      ["Groups", foreign(user.groups.join(", "))],
      ["Last sign of life", moment(signOfLife(user), now, "never")],
      ["Last arrival", moment(user.lastAt, now, "never")],
      ["Stored", `${sizeText(user.stored)} in ${user.files.toLocaleString()} uploads`],
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
      ["Fingerprint", "File", "Good until"],
      user.clients.map((/** @type {any} */ it) => ({
        key: it.fingerprint,
        cells: [
          h("span", { class: "key" }, it.fingerprint),
          foreign(it.file),
          it.expires === undefined
            ? "for ever"
            : h("span", { class: it.state === "valid" ? "" : "bad" }, timeText(it.expires)),
        ],
      })),
      "No key is authorised: nothing more can come.",
    ),
  ];
}

/** @param {State} state */
export function usersView({ users, now }) {
  return table(
    "Users, with what they have",
    [
      "User",
      "Last sign of life",
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
        h("a", { href: `#user?user=${encodeURIComponent(user.user)}` }, foreign(user.user)),
        moment(signOfLife(user), now, "never"),
        moment(user.lastAt, now, "never"),
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
