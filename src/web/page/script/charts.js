// Charts of what was, drawn as SVG, each with its figures in words for who does not see it, and as a table.

import { durationText, sizeText, timeText } from "./format.js";
import { h } from "./preact.js";

/** @typedef {import("./state.js").State} State */
/** @typedef {import("./actions.js").Actions} Actions */
/** @typedef {{ bytes: number, uploads: number, memory: number, free: number | null } | null} Sample */

const [width, height] = [720, 160];
const dayMs = 86_400_000;
const tableRows = 12;

/** What is shown of each sample, and how its values are written. */
const charts = /** @type {const} */ ([
  ["Arrived", "bytes", (/** @type {number} */ value) => sizeText(value)],
  ["Uploads stored", "uploads", (/** @type {number} */ value) => value.toLocaleString()],
  ["Free on the disk", "free", (/** @type {number} */ value) => sizeText(value)],
  ["Memory of the server", "memory", (/** @type {number} */ value) => sizeText(value)],
]);

/** @type {Record<string, string>} */
const spanTexts = { hour: "The last hour", day: "The last day", month: "The last month" };

/**
 * @param {State} state
 * @param {Actions} actions
 */
export function chartsView({ over, past }, actions) {
  const choice = h(
    "div",
    { class: "actions", role: "group", "aria-label": "Over which time" },
    Object.entries(spanTexts).map(([span, text]) =>
      h("button", { key: span, "aria-pressed": span === over, onClick: () => actions.chart(span) }, text),
    ),
  );
  if (past === null) return [choice, h("p", { class: "none" }, "Looking …")];
  const { fullInMs } = past;
  const forecast =
    fullInMs === null
      ? "As things go, the disk does not fill."
      : `If it goes on as over the last day, the disk is full in ${durationText(fullInMs / 1000)}.`;
  return [
    choice,
    h("p", { class: fullInMs !== null && fullInMs < 7 * dayMs ? "bad" : "" }, forecast),
    ...charts.map(([name, member, text]) => chart(name, past, (sample) => sample[member], text)),
  ];
}

/**
 * @param {string} name
 * @param {{ stepMs: number, steps: number, endsAt: number, samples: readonly Sample[] }} past
 * @param {(sample: NonNullable<Sample>) => number | null} pick
 * @param {(value: number) => string} text
 */
function chart(name, { stepMs, steps, endsAt, samples }, pick, text) {
  const values = samples.map((sample) => (sample === null ? null : pick(sample)));
  const known = values.filter((value) => value !== null);
  const most = Math.max(1, ...known);
  const last = known.at(-1) ?? 0;
  const words = `${name}: ${text(last)} at the end, ${text(most)} at most, in steps of ${durationText(stepMs / 1000)}`;
  return h(
    "figure",
    { key: name },
    h(
      "figcaption",
      null,
      h("strong", null, name),
      " ",
      h("span", { class: "soft" }, `${text(last)}; at most ${text(most)}`),
    ),
    h(
      "svg",
      { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", role: "img", "aria-label": words },
      h("path", { d: columns(values, most, steps) }),
    ),
    h(
      "details",
      null,
      h("summary", null, `${name}, as a table`),
      h(
        "table",
        null,
        h("thead", null, h("tr", null, h("th", { scope: "col" }, "Until"), h("th", { scope: "col" }, name))),
        h(
          "tbody",
          null,
          rows(values).map(([index, value]) =>
            h(
              "tr",
              { key: index },
              h(
                "td",
                { "data-name": "Until" },
                timeText(new Date(endsAt - (values.length - 1 - index) * stepMs).toISOString()),
              ),
              h("td", { "data-name": name }, value === null ? "the server did not run" : text(value)),
            ),
          ),
        ),
      ),
    ),
  );
}

/**
 * The latest first, a dozen of them over all the time.
 *
 * @param {readonly (number | null)[]} values
 * @returns {readonly (readonly [number, number | null])[]}
 */
function rows(values) {
  const step = Math.max(1, Math.ceil(values.length / tableRows));
  return values
    .map((value, index) => /** @type {const} */ ([index, value]))
    .reverse()
    .filter((_, index) => index % step === 0);
}

/**
 * A column for each step, at the right end of the whole time; none where nothing is known.
 *
 * @param {readonly (number | null)[]} values
 * @param {number} most
 * @param {number} steps
 */
function columns(values, most, steps) {
  const step = width / steps;
  const begin = width - values.length * step;
  return values
    .map((value, index) => {
      if (value === null) return "";
      const [left, right] = [begin + index * step, begin + (index + 1) * step];
      return `M${left.toFixed(2)} ${height}V${(height - (value / most) * (height - 6)).toFixed(1)}H${right.toFixed(2)}V${height}Z`;
    })
    .join("");
}
