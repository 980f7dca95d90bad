// What is known of the names in folders is bounded: those that were listed least recently are forgotten.

// Some 50 bytes each on a disk; with how they are spelled, in an object store, some 200.
const namesMax = 500_000;
/** Another program that works in a large folder all the time must not make us list it all the time: listing may take this part of it at most. */
export const listingShareMax = 0.05;

/** Forgets the first of `folders`, but for the last one, until they are few enough and have at most `namesMax` names. */
export function forgetOldest(
  folders: Map<string, { readonly names: { readonly size: number } }>,
  foldersMax = Number.POSITIVE_INFINITY,
): void {
  let total = 0;
  for (const { names } of folders.values()) total += names.size;
  for (const [folder, { names }] of folders) {
    if ((total <= namesMax && folders.size <= foldersMax) || folders.size === 1) return;
    folders.delete(folder);
    total -= names.size;
  }
}
