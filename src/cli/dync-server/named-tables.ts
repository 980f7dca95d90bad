// The tables of a configuration whose entries have names: how they are shown, and whether they are others than before.

import type { Configuration } from "./configuration.ts";

export interface NamedTable {
  readonly name: string;
  /** `null`: the file says nothing of them. */
  readonly entries: readonly { readonly name: string }[] | null;
  /** Another one whenever an entry is another. */
  readonly digest: string;
}

export function namedTables(configuration: Configuration): readonly NamedTable[] {
  const { rules, rulesDigest, limits, limitsText, hooks, hooksDigest, alarms, alarmsText } = configuration;
  const { signIn, signInText } = configuration;
  const unlessEmpty = <T>(entries: readonly T[]): readonly T[] | null =>
    entries.length === 0 ? null : entries;
  return [
    { name: "rules", entries: rules.uploads, digest: rulesDigest },
    { name: "limits", entries: unlessEmpty(limits), digest: limitsText },
    { name: "hooks", entries: unlessEmpty(hooks), digest: hooksDigest },
    { name: "alarms", entries: unlessEmpty(alarms), digest: alarmsText },
    { name: "sign-in", entries: signIn && [{ name: signIn.header }], digest: signInText },
  ];
}

const namesMax = 10;

/** Names of the entries of a table, as a list. */
export function namesText({ entries }: NamedTable): string {
  if (entries === null || entries.length === 0) return "none";
  const names = entries.slice(0, namesMax).map(({ name }) => name);
  return [...names, ...(entries.length > namesMax ? [`${entries.length - namesMax} more`] : [])].join(", ");
}
