// Users, with what they have.

import { agoText, sizeText, timeText } from "./format.js";
import { bar, foreign, table } from "./parts.js";
import { h } from "./preact.js";

/** @typedef {import("./state.js").State} State */

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
