// What was refused, or ended without being stored.

import { foreign, moment, table } from "./parts.js";
import { h } from "./preact.js";

/** @typedef {import("./state.js").State} State */

const kinds = { upload: "not taken", key: "key not let in", failed: "ended" };

/** @param {State} state */
export function refusalsView({ refusals, now }) {
  return table(
    "What was refused, or ended without being stored, since the server started: the latest first",
    ["When", "What", "User or key", "Name or address", "Why"],
    (refusals ?? []).map((it, index) => ({
      key: `${it.time} ${index}`,
      cells: [
        moment(it.time, now),
        kinds[/** @type {keyof typeof kinds} */ (it.kind)],
        it.user === null ? h("span", { class: "key" }, it.key ?? "") : foreign(it.user),
        it.name === null ? it.address : foreign(it.name),
        foreign(it.reason ?? it.code),
      ],
    })),
    refusals === null ? "Looking …" : "Nothing was refused.",
  );
}
