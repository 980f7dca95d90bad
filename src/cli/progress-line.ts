// The text of the progress display: numbers in, one line out. Pure, so that every width can be tested.

import { cutOff, displayWidth, shorten } from "./display-width.ts";
import { formatCountdown, formatDuration } from "./duration.ts";
import { formatSize } from "./size.ts";

export interface ProgressNumbers {
  /** Printable. */
  readonly name: string;
  readonly sent: number;
  readonly total: number | null;
  /** Why nothing moves. Printable. */
  readonly waiting: string | null;
  readonly nextTryMs: number | null;
  readonly bytesPerSecond: number | null;
  readonly remainingMs: number | null;
}

// On 80 columns a bar still fits beside a name of this length; wider terminals show more of the name.
const nameColumnsNarrow = 16;
const nameColumnsWide = 32;
const wideColumns = 100;
const nameColumnsMin = 8;
// The longest facts: "100 %  999 MiB of 999 GiB  999 MiB/s  ETA 12:34:56". The bar is measured by these, so that it keeps
// its length while they change.
const factsColumns = 51;
const barColumnsMin = 7;
const barColumnsMax = 24;
const gap = "  ";

/** `run42.raw  [####----]  43 %  1.2 GiB of 2.8 GiB  112 MiB/s  ETA 0:14`, in at most `columns` columns. */
export function terminalLine(
  numbers: ProgressNumbers,
  columns: number,
): { readonly text: string; readonly width: number } {
  const nameColumns = Math.min(
    columns < wideColumns ? nameColumnsNarrow : nameColumnsWide,
    displayWidth(numbers.name),
  );
  const name = shorten(numbers.name, nameColumns);
  const bar = barText(numbers, columns - nameColumns - factsColumns - 2 * gap.length);
  const parts = [name, bar, ...factsOf(numbers)].filter((it) => it !== "");
  // The least missed part goes first: the bar, the amounts, then what is left of the numbers; a reason to wait stays.
  const isTooWide = (): boolean => displayWidth(parts.join(gap)) > columns;
  if (bar !== "" && isTooWide()) parts.splice(1, 1);
  const amount = numbers.total === null ? -1 : 2;
  if (amount > 0 && isTooWide()) parts.splice(amount, 1);
  if (numbers.waiting !== null && isTooWide()) parts.splice(1, parts.length - 2);
  while (numbers.waiting === null && parts.length > 2 && isTooWide()) parts.pop();
  if (isTooWide())
    parts[0] = shorten(
      name,
      Math.max(nameColumnsMin, columns - displayWidth(parts.slice(1).join(gap)) - gap.length),
    );
  if (isTooWide() && parts.length > 1) parts.shift();
  const text = cutOff(parts.join(gap), columns);
  return { text, width: displayWidth(text) };
}

/** `run42.raw: 43 %, 1.2 GiB of 2.8 GiB, 112 MiB/s, ETA 0:14`. */
export function plainLine(numbers: ProgressNumbers): string {
  return `${numbers.name}: ${factsOf(numbers)
    .map((it) => it.trim())
    .join(", ")}`;
}

function factsOf(numbers: ProgressNumbers): string[] {
  const { bytesPerSecond, remainingMs, waiting } = numbers;
  const facts = amounts(numbers);
  if (waiting !== null) return [...facts, waitingText(numbers)];
  if (bytesPerSecond !== null) facts.push(`${formatSize(bytesPerSecond)}/s`);
  if (remainingMs !== null) facts.push(`ETA ${formatCountdown(remainingMs)}`);
  return facts;
}

function amounts(numbers: ProgressNumbers): string[] {
  const { sent, total } = numbers;
  if (total === null) return [formatSize(sent)];
  // 100 % is for the end: rounding must not promise it early.
  const percent = total === 0 ? 100 : Math.floor((sent / total) * 100);
  return [`${String(percent).padStart(3)} %`, `${formatSize(sent)} of ${formatSize(total)}`];
}

function waitingText(numbers: ProgressNumbers): string {
  const { waiting, nextTryMs } = numbers;
  return nextTryMs === null ? `${waiting}` : `${waiting}, next try in ${formatDuration(nextTryMs)}`;
}

function barText(numbers: ProgressNumbers, room: number): string {
  const { sent, total } = numbers;
  const columns = Math.min(room, barColumnsMax) - 2;
  if (total === null || columns < barColumnsMin) return "";
  const filled = total === 0 ? columns : Math.floor((Math.min(sent, total) / total) * columns);
  return `[${"#".repeat(filled)}${"-".repeat(columns - filled)}]`;
}
