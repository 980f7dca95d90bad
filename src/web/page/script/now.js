// What is under way, told once a second.

import { durationText, rateText, sizeText } from "./format.js";
import { bar, foreign, table, tiles, uploadLink } from "./parts.js";
import { h } from "./preact.js";

/** @typedef {import("./state.js").State} State */

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
