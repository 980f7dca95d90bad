// Names as the dropboxes of openBIS get them. Pure.

/** What Python's `os.path.splitext` makes of a file's name: a dot at its beginning begins no ending. */
export function nameParts(name: string): { readonly stem: string; readonly suffix: string } {
  const dot = name.lastIndexOf(".");
  const isEnding = dot > 0 && /[^.]/.test(name.slice(0, dot));
  return isEnding ? { stem: name.slice(0, dot), suffix: name.slice(dot) } : { stem: name, suffix: "" };
}
