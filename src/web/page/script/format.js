// Numbers and times as people read them.

// Made once: to make one takes longer than to write a hundred moments.
const moments = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const days = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });

const units = ["bytes", "kB", "MB", "GB", "TB", "PB"];

/** @param {number | null} bytes */
export function sizeText(bytes) {
  if (bytes === null) return "";
  if (bytes === 1) return "1 byte";
  let [value, unit] = [bytes, 0];
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** @param {number | null} bytesPerSecond */
export function rateText(bytesPerSecond) {
  return bytesPerSecond === null ? "" : `${sizeText(bytesPerSecond)}/s`;
}

/** @param {number} seconds */
export function durationText(seconds) {
  if (seconds < 60) return `${Math.ceil(seconds)} s`;
  if (seconds < 3600) return `${Math.ceil(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86_400)} days`;
}

/**
 * A moment in the reader's own time.
 *
 * @param {string | null} time ISO 8601
 */
export function timeText(time) {
  return time === null ? "" : moments.format(new Date(time));
}

/**
 * The day of a moment, in the reader's own time.
 *
 * @param {string} time ISO 8601
 */
export function dayText(time) {
  return days.format(new Date(time));
}

/**
 * How long ago, as one sees at a glance.
 *
 * @param {string | null} time ISO 8601
 * @param {number} now ms since 1970
 */
export function agoText(time, now) {
  if (time === null) return "never";
  const seconds = Math.max(0, (now - Date.parse(time)) / 1000);
  return seconds < 5 ? "just now" : `${durationText(seconds)} ago`;
}

/**
 * How long it takes until all of an upload has come.
 *
 * @param {{ size: number | null, bytes: number, bytesPerSecond: number | null }} upload
 */
export function leftText({ size, bytes, bytesPerSecond }) {
  if (size === null || !bytesPerSecond) return "";
  return size === bytes ? "checking" : durationText((size - bytes) / bytesPerSecond);
}
