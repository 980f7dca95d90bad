// The text of the progress display: numbers in, one line out. Pure, so that every width can be tested.

import { formatCountdown, formatDuration } from "../config/duration.ts";
import { formatSize } from "../config/size.ts";
import { cutOff, displayWidth, shorten } from "./display-width.ts";

export interface ProgressNumbers {
  /** Printable. */
  readonly name: string;
  /** Columns of it that are shown; few where there are few, unless given. */
  readonly nameColumns?: number;
  /** Bytes that the server has. */
  readonly taken: number;
  /** Bytes after those that are on their way. */
  readonly underWay: number;
  readonly total: number | null;
  /** Why nothing moves. Printable. */
  readonly waiting: string | null;
  /** One word for that, for programs; and how many uploads the server serves before this one. */
  readonly reason?: string | null;
  readonly ahead?: number | null;
  /** The server said that it lets this one wait. */
  readonly isHeld?: boolean;
  readonly nextTryMs: number | null;
  readonly bytesPerSecond: number | null;
  readonly remainingMs: number | null;
}

// On 80 columns a bar still fits beside a name of this length; wider terminals show more of the name.
const nameColumnsNarrow = 16;
const nameColumnsWide = 32;
const wideColumns = 100;
const nameColumnsMin = 8;
// Numbers take as much room as the widest of their kind, so that the bar keeps its length while they change.
const sizeColumns = 7;
const rateColumns = sizeColumns + 2;
const etaColumns = 8;
// A bar shorter than that says less than the amounts beside it; one of the second length leaves room for more words.
const barColumnsMin = 12;
const barColumnsGood = 20;
const gap = "  ";

/** `run42.raw  [####==--]  43 %  1.2 GiB of 2.8 GiB  112 MiB/s  ETA 0:14`, in at most `columns` columns. */
export function terminalLine(
  numbers: ProgressNumbers,
  columns: number,
): { readonly text: string; readonly width: number } {
  const nameColumnsMax = numbers.nameColumns ?? (columns < wideColumns ? nameColumnsNarrow : nameColumnsWide);
  const nameColumns = Math.min(nameColumnsMax, displayWidth(numbers.name));
  const name = shorten(numbers.name, nameColumns);
  const withBar = lineWithBar(numbers, name, columns);
  const text = withBar ?? cutOff(partsThatFit(numbers, name, columns).join(gap), columns);
  return { text, width: displayWidth(text) };
}

/** The line with the most words beside a bar that is worth its room, or `null`. */
function lineWithBar(numbers: ProgressNumbers, name: string, columns: number): string | null {
  if (numbers.total === null) return null;
  const [percent, amount] = amounts(numbers) as [string, string];
  const rest = restOf(numbers);
  const moving = underWayText(numbers);
  const short = `${percent} of ${formatSize(numbers.total)}`;
  const choices: (readonly [minimum: number, facts: readonly string[]])[] = [
    [barColumnsGood, [percent, amount, ...(moving === null ? [] : [moving]), ...rest]],
    [barColumnsGood, [percent, amount, ...rest]],
    [barColumnsMin, [short, ...rest]],
  ];
  for (const [minimum, facts] of choices) {
    // The line's end may grow and shrink: it moves nothing.
    const end = numbers.waiting === null ? Math.max(0, etaColumns - displayWidth(facts.at(-1) ?? "")) : 0;
    const room = columns - displayWidth([name, "", ...facts].join(gap)) - end;
    if (room >= minimum) return [name, barText(numbers, room), ...facts].join(gap);
  }
  return null;
}

// The least missed part goes first: the amounts, then what is left of the numbers; a reason to wait stays.
function partsThatFit(numbers: ProgressNumbers, name: string, columns: number): string[] {
  const parts = [name, ...amounts(numbers), ...restOf(numbers)];
  const isTooWide = (): boolean => displayWidth(parts.join(gap)) > columns;
  if (numbers.total !== null && isTooWide()) parts.splice(2, 1);
  if (numbers.waiting !== null && isTooWide()) parts.splice(1, parts.length - 2);
  while (numbers.waiting === null && parts.length > 2 && isTooWide()) parts.pop();
  if (isTooWide())
    parts[0] = shorten(
      name,
      Math.max(nameColumnsMin, columns - displayWidth(parts.slice(1).join(gap)) - gap.length),
    );
  if (isTooWide() && parts.length > 1) parts.shift();
  // A server's words have any length: when it goes on stays.
  if (numbers.waiting !== null && isTooWide()) return [waitingText(numbers, columns)];
  return parts;
}

/** `run42.raw: 43 %, 1.2 GiB of 2.8 GiB, 4.0 MiB under way, 112 MiB/s, ETA 0:14`. */
export function plainLine(numbers: ProgressNumbers): string {
  const moving = underWayText(numbers);
  const facts = [...amounts(numbers), ...(moving === null ? [] : [moving]), ...restOf(numbers)];
  return `${numbers.name}: ${facts.map((it) => it.trim()).join(", ")}`;
}

function underWayText({ underWay }: ProgressNumbers): string | null {
  return underWay === 0 ? null : `${formatSize(underWay).padStart(sizeColumns)} under way`;
}

/** What follows the amounts. */
function restOf(numbers: ProgressNumbers): string[] {
  const { bytesPerSecond, remainingMs, waiting } = numbers;
  if (waiting !== null) return [waitingText(numbers)];
  const facts: string[] = [];
  if (bytesPerSecond !== null) facts.push(`${formatSize(bytesPerSecond)}/s`.padStart(rateColumns));
  if (remainingMs !== null) facts.push(`ETA ${formatCountdown(remainingMs)}`);
  return facts;
}

function amounts(numbers: ProgressNumbers): string[] {
  const { taken, total } = numbers;
  if (total === null) return [formatSize(taken)];
  // 100 % is for the end: rounding must not promise it early.
  const percent = total === 0 ? 100 : Math.floor((taken / total) * 100);
  return [
    `${String(percent).padStart(3)} %`,
    `${formatSize(taken).padStart(sizeColumns)} of ${formatSize(total)}`,
  ];
}

function waitingText({ waiting, nextTryMs }: ProgressNumbers, columns?: number): string {
  const next = nextTryMs === null ? "" : `, next try in ${formatDuration(nextTryMs)}`;
  const room = (columns ?? Number.POSITIVE_INFINITY) - displayWidth(next);
  const text = `${waiting}`;
  if (displayWidth(text) <= room) return text + next;
  return `${cutOff(text, Math.max(0, room - 1))}…${next}`;
}

/** `#` is there, `=` is under way. */
function barText({ taken, underWay, total }: ProgressNumbers, room: number): string {
  const columns = room - 2;
  const upTo = (bytes: number): number =>
    total === null || total === 0 ? columns : Math.floor((Math.min(bytes, total) / total) * columns);
  const there = upTo(taken);
  const moving = upTo(taken + underWay) - there;
  return `[${"#".repeat(there)}${"=".repeat(moving)}${"-".repeat(columns - there - moving)}]`;
}
