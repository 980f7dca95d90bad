// The text of the progress display: numbers in, one line out. Pure, so that every width can be tested.

import { cutOff, displayWidth, shorten } from "./display-width.ts";
import { formatDuration } from "./duration.ts";
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

const nameColumnsMin = 8;
const nameColumnsMax = 28;
const barColumnsMin = 8;
const barColumnsMax = 24;

/** `run42.raw  [####----]  43 %  1.2 GiB of 2.8 GiB  112 MiB/s  ETA 14 s`, in at most `columns` columns. */
export function terminalLine(
  numbers: ProgressNumbers,
  columns: number,
): { readonly text: string; readonly width: number } {
  const facts = numbers.waiting === null ? movingFacts(numbers) : [...amounts(numbers), waitingText(numbers)];
  // What is least missed goes first: see `movingFacts` and `amounts` for the order.
  let text = facts.join("  ");
  const fits = (): boolean => displayWidth(text) + 2 + nameColumnsMin <= columns;
  while (!fits() && facts.length > 1 && numbers.waiting === null) {
    facts.splice(facts.length > 2 ? 1 : facts.length - 1, 1);
    text = facts.join("  ");
  }
  while (!fits() && facts.length > 1 && numbers.waiting !== null) {
    facts.splice(facts.length > 2 ? 1 : 0, 1);
    text = facts.join("  ");
  }
  const nameColumns = Math.min(nameColumnsMax, displayWidth(numbers.name), columns - displayWidth(text) - 2);
  if (nameColumns >= Math.min(nameColumnsMin, displayWidth(numbers.name)) && nameColumns > 0) {
    const bar = barText(numbers, columns - nameColumns - displayWidth(text) - 6);
    text = `${shorten(numbers.name, nameColumns)}  ${bar}${text}`;
  }
  text = cutOff(text, Math.max(columns, 0));
  return { text, width: displayWidth(text) };
}

/** `run42.raw: 43 %, 1.2 GiB of 2.8 GiB, 112 MiB/s, ETA 14 s`. */
export function plainLine(numbers: ProgressNumbers): string {
  const facts = numbers.waiting === null ? movingFacts(numbers) : [...amounts(numbers), waitingText(numbers)];
  return `${numbers.name}: ${facts.map((it) => it.trim()).join(", ")}`;
}

function movingFacts(numbers: ProgressNumbers): string[] {
  const { bytesPerSecond, remainingMs } = numbers;
  const facts = amounts(numbers);
  if (bytesPerSecond !== null) facts.push(`${formatSize(bytesPerSecond)}/s`);
  if (remainingMs !== null) facts.push(`ETA ${formatDuration(remainingMs)}`);
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
  if (total === null || room < barColumnsMin) return "";
  const columns = Math.min(room, barColumnsMax);
  const filled = total === 0 ? columns : Math.floor((Math.min(sent, total) / total) * columns);
  return `[${"#".repeat(filled)}${"-".repeat(columns - filled)}]  `;
}
