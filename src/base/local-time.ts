// A moment as people read it: in their own time, to the minute. Logs and JSON have UTC.

/** `2026-11-26 09:30` in local time, for an ISO 8601 text; a text that is none stays as it is. */
export function localTime(iso: string): string {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return iso;
  const two = (value: number): string => String(value).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`;
}
