// Of many things that are to be named the first few, and how many there are. Pure.

import { type DyncError, SeveralErrors } from "../../base/error.ts";

// So many fit on a screen; who has more of them goes by a rule, and not by the list.
const shownMax = 20;

export class FirstOf<T> {
  readonly items: T[] = [];
  count = 0;

  add(item: T): void {
    if (this.count++ < shownMax) this.items.push(item);
  }

  /** How many there are that `items` does not have. */
  get more(): number {
    return this.count - this.items.length;
  }
}

/**
 * What is thrown for `errors`: the first of them, and `common`, which says what all are. Of one alone that one, with the hint
 * of `common`; `null` where there is none.
 */
export function errorOf(errors: FirstOf<DyncError>, common: (count: number) => DyncError): DyncError | null {
  const [first] = errors.items;
  if (first === undefined) return null;
  const last = common(errors.count);
  if (errors.count > 1) return new SeveralErrors([...errors.items, last], last);
  return first.reworded({ hint: last.hint });
}
