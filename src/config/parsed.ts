// What a person wrote, read: a value, or what is wrong with it in words that fit behind the name of any setting,
// whether it stands on a command line or in a file. Pure, as all of `config/`.

/** Why a text is not what it has to be: "`--memory` needs WANTED, found FOUND". */
export interface Fault {
  /** Begins the sentence instead of the setting's name, where only a part of its value is meant. */
  readonly subject?: string;
  readonly wanted: string;
  /** In quotes as it was written, or else as it was understood. Whoever shows it makes it printable. */
  readonly found: string;
  /** What to write instead. */
  readonly hint?: string;
}

export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly fault: Fault };

export function right<T>(value: T): Parsed<T> {
  return { ok: true, value };
}

export function wrong(
  wanted: string,
  found: string,
  more: Pick<Fault, "subject" | "hint"> = {},
): Parsed<never> {
  return { ok: false, fault: { wanted, found, ...more } };
}
