// What lies in a dropbox of openBIS, as the original server (qbicsoftware/dync, `storage.py`) puts it there for the scripts that
// wait for it. Pure.

const sourceName = "source_dropbox.txt";

/** `name` as it is called there, or why it cannot be, as a sentence. */
export function dropboxName(name: string): { readonly name: string } | { readonly fault: string } {
  const { stem, suffix } = nameParts(name);
  const clean = stem.replace(/[^A-Za-z0-9_.]/g, "").replace(/^\.+/, "");
  if (clean === "")
    return { fault: 'Before its ending the file name needs a letter from A to Z, a digit or "_"' };
  if (/[^A-Za-z0-9_.]/.test(suffix))
    return { fault: 'The ending of the file name may have letters from A to Z, digits and "_"' };
  if (clean + suffix === sourceName)
    return { fault: `The file name ${sourceName} is that of a file beside it` };
  return { name: clean + suffix };
}

/** Name and text of each file beside the one that is stored as `name`, was sent as `original` by `user`, and has this SHA-256 (hex). */
export function dropboxTexts(
  name: string,
  original: string,
  user: string,
  sha256: string,
): readonly (readonly [name: string, text: string])[] {
  return [
    [`${name}.sha256sum`, `${sha256}\t${name}`],
    [`${name}.origlabfilename`, original],
    [sourceName, user],
  ];
}

/** What Python's `os.path.splitext` makes of a file's name: a dot at its beginning begins no ending. */
export function nameParts(name: string): { readonly stem: string; readonly suffix: string } {
  const dot = name.lastIndexOf(".");
  const isEnding = dot > 0 && /[^.]/.test(name.slice(0, dot));
  return isEnding ? { stem: name.slice(0, dot), suffix: name.slice(dot) } : { stem: name, suffix: "" };
}
