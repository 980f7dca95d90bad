// The little of XML that S3 speaks: elements without attributes that matter, text with the five entities. Pure.

const entities: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };

/** What is inside each element `name` of `xml`, in their order. Elements of one name do not contain each other. */
export function elements(xml: string, name: string): readonly string[] {
  const [open, close] = [`<${name}>`, `</${name}>`];
  const found: string[] = [];
  for (let at = xml.indexOf(open); at >= 0; at = xml.indexOf(open, at)) {
    const end = xml.indexOf(close, at);
    if (end < 0) break;
    found.push(xml.slice(at + open.length, end));
    at = end;
  }
  return found;
}

/** The text of the first element `name`, or `null`: there is none. */
export function textOf(xml: string, name: string): string | null {
  const [inner] = elements(xml, name);
  return inner === undefined ? null : plain(inner);
}

/** The name of the outermost element, or `null`: `xml` is no whole document. */
export function rootOf(xml: string): string | null {
  const body = xml.replace(/^\s*(<\?xml[^>]*\?>)?\s*/, "").trimEnd();
  const [, name, empty] = /^<([A-Za-z]\w*)(?:\s[^>]*?)?(\/)?>/.exec(body) ?? [];
  if (name === undefined) return null;
  return empty !== undefined || body.endsWith(`</${name}>`) ? name : null;
}

export function escapeXml(text: string): string {
  return text.replace(/[<>&"']/g, (it) => `&#${it.charCodeAt(0)};`);
}

function plain(text: string): string {
  return text.replace(/&(#x?[0-9a-f]+|\w+);/gi, (all, entity: string) => {
    if (!entity.startsWith("#")) return entities[entity] ?? all;
    const code = /^#x/i.test(entity) ? Number.parseInt(entity.slice(2), 16) : Number(entity.slice(1));
    return Number.isInteger(code) && code <= 0x10ffff ? String.fromCodePoint(code) : all;
  });
}
