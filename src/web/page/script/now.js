// What is under way, told once a second.

import { agoText, durationText, rateText, sizeText, timeText } from "./format.js";
import { bar, foreign, table, tiles, uploadLink } from "./parts.js";
import { h } from "./preact.js";

/** @typedef {import("./state.js").State} State */

/** @param {any} upload */
function left({ size, bytes, bytesPerSecond }) {
  if (size === null || !bytesPerSecond) return "";
  return size === bytes ? "checking" : durationText((size - bytes) / bytesPerSecond);
}

/** What an upload waits for, by the names that doc/protocol.md has for it. */
const causes = {
  hook: "a hook that is asked",
  name: "an upload before it that has its name",
  hash: "what is stored of it is checked",
  memory: "memory, which is lent to others",
  own: "other uploads of the same user",
  urgent: "more urgent uploads",
  disk: "the disk",
  publishing: "being made safe on the disk",
};

/** @param {{ cause: keyof typeof causes, ahead?: number } | null} wait */
function waitText(wait) {
  if (wait === null) return "";
  const { cause, ahead } = wait;
  const place = ahead === undefined ? "" : ahead === 0 ? ", it is next" : `, ${ahead} before it`;
  return `${causes[cause] ?? cause}${place}`;
}

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
              h("strong", { class: "bad" }, it.alarm),
              foreign(it.text),
              h("time", { dateTime: it.since, title: timeText(it.since) }, agoText(it.since, now)),
            ],
          })),
          "",
        ),
    table(
      `Uploads whose client is there${more}`,
      [
        "User",
        "Name",
        { name: "Arrived", isNumber: true },
        "Progress",
        { name: "Rate", isNumber: true },
        "Left",
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
          left(upload),
          waitText(upload.wait),
        ],
      })),
      "Nothing is under way.",
    ),
  ];
}
