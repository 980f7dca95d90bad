// What is under way, told once a second.

import { leftText, rateText, sizeText } from "./format.js";
import { bar, foreign, moment, table, tiles, uploadLink } from "./parts.js";
import { h } from "./preact.js";
import { waitText } from "./waits.js";

/** @typedef {import("./state.js").State} State */

/** @param {State} state */
export function nowView({ live, now }) {
  if (live === null) return h("p", { class: "none" }, "Waiting for the server …");
  const { running, open, memory, freeBytes, bytesPerSecond, pendingKeys, alarms, alarmsInAll } = live;
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
    alarms.length === 0
      ? null
      : table(
          `What is wrong${alarmsInAll > alarms.length ? `: the first ${alarms.length} of ${alarmsInAll}` : ""}`,
          ["Alarm", "What", "Since"],
          alarms.map((/** @type {any} */ it) => ({
            key: `${it.alarm} ${it.subject}`,
            cells: [
              h("strong", { class: "bad" }, foreign(it.alarm)),
              foreign(it.text),
              moment(it.since, now),
            ],
          })),
          "",
        ),
    open > running.length
      ? h("p", null, h("a", { href: "#uploads?state=receiving" }, "All of them, in a list"))
      : null,
    table(
      `Uploads whose client is there${more}`,
      [
        "User",
        "Name",
        { name: "Arrived", isNumber: true },
        "Progress",
        { name: "Rate", isNumber: true },
        { name: "Left", isNumber: true },
        "Waits for",
      ],
      running.map((/** @type {any} */ upload) => ({
        key: upload.id,
        cells: [
          foreign(upload.user),
          uploadLink(upload),
          `${sizeText(upload.bytes)}${upload.size === null ? "" : ` of ${sizeText(upload.size)}`}`,
          upload.size === null ? "no size was told" : bar(`${upload.name}`, upload.bytes, upload.size),
          rateText(upload.bytesPerSecond),
          leftText(upload),
          waitText(upload.wait),
        ],
      })),
      "Nothing is under way.",
    ),
  ];
}
