// "Did you mean": the known word nearest to one that was mistyped. For options, commands, and keys of a file.

/** The candidate that takes the fewest edits to reach from `word`, or `null` when none is near. */
export function closest(word: string, candidates: readonly string[]): string | null {
  // One edit in three letters is a slip; more is another word.
  const editsMax = Math.max(1, Math.floor(word.length / 3));
  let best: string | null = null;
  let bestEdits = editsMax + 1;
  for (const candidate of candidates) {
    const edits = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (edits < bestEdits) {
      best = candidate;
      bestEdits = edits;
    }
  }
  return best;
}

/** Optimal string alignment distance: insertions, deletions, replacements and swapped neighbours count one each. */
function editDistance(from: string, to: string): number {
  // Long words are not slips; this also bounds the work for hostile input.
  if (Math.abs(from.length - to.length) > 8 || from.length > 64) return Number.POSITIVE_INFINITY;
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i++) {
    const row = [i];
    for (let j = 1; j <= to.length; j++) {
      const change = from[i - 1] === to[j - 1] ? 0 : 1;
      let edits = Math.min(row[j - 1]! + 1, last[j]! + 1, last[j - 1]! + change);
      const swapped = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      if (swapped) edits = Math.min(edits, beforeLast[j - 2]! + 1);
      row.push(edits);
    }
    beforeLast = last;
    last = row;
  }
  return last[to.length]!;
}
