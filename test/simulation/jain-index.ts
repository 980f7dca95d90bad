// How evenly something is shared.

/** How even `amounts` are (Jain): 1 where all are equal, 1 / n where one of n has all. */
export function jainIndex(amounts: readonly number[]): number {
  const sum = amounts.reduce((total, amount) => total + amount, 0);
  return sum ** 2 / (amounts.length * amounts.reduce((total, amount) => total + amount ** 2, 0));
}
