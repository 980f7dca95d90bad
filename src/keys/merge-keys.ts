// Which files of authorised keys a server takes from the others that share its catalogue, and which it gives them: decided from what lies in its
// own folder, what is shared, and what both were when they were the same. So a key that was removed on one server while another one was down
// does not come back with that. Pure.

/** Texts of key files, by their names. */
export type KeyTexts = ReadonlyMap<string, string>;

export interface KeyMerge {
  /** Files that are to be written, and to be removed, here. */
  readonly write: KeyTexts;
  readonly remove: readonly string[];
  /** The same of what is shared. */
  readonly share: KeyTexts;
  readonly unshare: readonly string[];
  /** What is the same on both sides then. */
  readonly same: KeyTexts;
}

/**
 * Brings `own` files and `shared` ones together, which both were `same` once, by name and text. Where both changed a file, what is shared
 * counts; but who removed one has revoked a key, and that counts more than any change of it.
 */
export function mergeKeys(same: KeyTexts, own: KeyTexts, shared: KeyTexts): KeyMerge {
  const [write, share] = [new Map<string, string>(), new Map<string, string>()];
  const [remove, unshare] = [new Set<string>(), new Set<string>()];
  const now = new Map<string, string>();
  for (const name of new Set([...same.keys(), ...own.keys(), ...shared.keys()])) {
    const [before, here, there] = [same.get(name), own.get(name), shared.get(name)];
    const isRemoved = before !== undefined && (here === undefined || there === undefined);
    const text = isRemoved ? undefined : there === before || there === undefined ? here : there;
    if (text !== undefined) now.set(name, text);
    if (text !== here) text === undefined ? remove.add(name) : write.set(name, text);
    if (text !== there) text === undefined ? unshare.add(name) : share.set(name, text);
  }
  return { write, remove: [...remove], share, unshare: [...unshare], same: now };
}
