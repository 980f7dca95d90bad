// A moment as people read it: in their own time. What is for programs has UTC.

/** `2026-11-26 09:30` in local time, for an ISO 8601 text; a text that is none stays as it is. */
export function localTime(iso: string): string {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return iso;
  return localSeconds(date).slice(0, -3);
}

/** `2026-11-26 09:30:07` in local time. */
export function localSeconds(date: Date): string {
  const two = (value: number): string => String(value).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${[date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":")}`;
}
