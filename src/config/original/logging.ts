// What a dictionary of Python's `logging.config` says that the log of this server has as well.

import { isTable, tomlText } from "../toml.ts";
import type { TomlPath } from "../toml-lines.ts";

export interface LogSettings {
  readonly file: string | null;
  /** A value of `log-level`, or `null`. */
  readonly level: string | null;
  readonly notes: readonly { readonly path: TomlPath; readonly text: string }[];
}

const levels: Readonly<Record<string, string>> = {
  NOTSET: "debug",
  DEBUG: "debug",
  INFO: "info",
  WARN: "warn",
  WARNING: "warn",
  ERROR: "error",
  CRITICAL: "error",
  FATAL: "error",
};

/** The first handler with a file is the log's; what else there is gets a note each. */
export function logSettingsOf(logging: Readonly<Record<string, unknown>>): LogSettings {
  const notes: { path: TomlPath; text: string }[] = [];
  const note = (path: TomlPath, text: string): void => void notes.push({ path: ["logging", ...path], text });
  const handlers = isTable(logging.handlers) ? Object.entries(logging.handlers) : [];
  let file: string | null = null;
  let levelText: unknown = isTable(logging.root) ? logging.root.level : undefined;
  let levelPath: TomlPath = ["root", "level"];
  for (const [name, handler] of handlers) {
    const path: TomlPath = ["handlers", name];
    const filename = isTable(handler) ? handler.filename : undefined;
    if (!isTable(handler) || typeof filename !== "string" || filename === "" || file !== null) {
      note(path, "the log goes to standard error, and to one file: there are no other handlers");
      continue;
    }
    file = filename;
    if (handler.level !== undefined) [levelText, levelPath] = [handler.level, [...path, "level"]];
    note(
      [...path, "filename"],
      "this file has JSON lines here, for programs; the text for people is on standard error",
    );
    if (handler.maxBytes !== undefined || handler.backupCount !== undefined)
      note(
        [...path, "maxBytes"],
        'the log is not rotated by the server: logrotate does that, with "dync-server reload" after it',
      );
  }
  for (const key of ["formatters", "filters", "loggers"])
    if (logging[key] !== undefined) note([key], 'the log has a form of its own, see "log-format"');
  const level = typeof levelText === "string" ? (levels[levelText.toUpperCase()] ?? null) : null;
  if (level === null && levelText !== undefined)
    note(levelPath, `a level that "log-level" does not have: ${tomlText(levelText)}`);
  return { file, level, notes };
}
