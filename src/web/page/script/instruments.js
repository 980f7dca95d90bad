// The view of instruments: what watched folders told last, what is wrong first.

import { durationText, sizeText } from "./format.js";
import { foreign, moment, table } from "./parts.js";
import { h } from "./preact.js";

/** @typedef {import("./state.js").State} State */

/** @type {Record<string, string>} */
const faults = {
  silent: "no report when one was due",
  lost: "its folder cannot be reached",
  waiting: "something waits for a person",
  clock: "its clock is wrong",
  disk: "its disk is nearly full",
  late: "nothing arrived for much longer than usual",
};

/** @param {State} state */
export function instrumentsView({ instruments, now }) {
  return table(
    "Watched folders and who sends, what is wrong first",
    [
      "User",
      "Instrument",
      "State",
      "Last seen",
      "Backlog",
      "Oldest unsent",
      "Last arrival",
      "Usually",
      "Clock",
      { name: "Free", isNumber: true },
      "Version",
    ],
    (instruments ?? []).map((/** @type {any} */ it) => ({
      key: `${it.user}\n${it.label ?? ""}`,
      cells: [
        h("a", { href: `#uploads?user=${encodeURIComponent(it.user)}` }, foreign(it.user)),
        it.label === null ? "sends only" : foreign(it.label),
        stateOf(it),
        moment(it.seenAt, now),
        backlogOf(it),
        it.oldestSeconds === null ? "" : durationText(it.oldestSeconds),
        moment(it.lastAt, now),
        it.rhythmSeconds === null ? "" : `about every ${durationText(it.rhythmSeconds)}`,
        clockOf(it),
        sizeText(it.freeBytes),
        foreign([it.client, it.system, it.profile].filter((text) => text !== null).join(", ") || null),
      ],
    })),
    instruments === null ? "Looking …" : "No watched folder reported, and nobody has sent anything.",
  );
}

/** @param {any} it */
function stateOf({ state, faults: found }) {
  const isBad = state === "silent" || state === "trouble";
  const why = found.map((/** @type {string} */ fault) => faults[fault] ?? fault).join("; ");
  return [h("span", { class: isBad ? "bad" : "" }, state), why === "" ? null : `: ${why}`];
}

/** @param {any} it */
function backlogOf({ entries, bytes, waiting, lost }) {
  if (entries === null) return "";
  const reasons = Object.entries(waiting ?? {}).map(([reason, count]) => `${reason} ${count}`);
  const total = entries === 0 ? "none" : `${entries} (${sizeText(bytes ?? 0)})`;
  return [
    total,
    ...[...reasons, ...(lost === null ? [] : [lost])].map((text) =>
      h("div", { class: "reason" }, foreign(text)),
    ),
  ];
}

/** @param {any} it */
function clockOf({ clockOffsetSeconds: offset, clockErrorSeconds: error }) {
  if (offset === null) return "";
  if (Math.abs(offset) < Math.max(1, error ?? 0)) return "right";
  return `${durationText(Math.abs(offset))} ${offset > 0 ? "ahead" : "behind"}`;
}
