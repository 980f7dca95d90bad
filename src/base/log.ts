// What the server and the client tell about their work: a message and fields. Where it goes, and in which
// form, is decided in `cli/`.

export const logLevels = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof logLevels)[number];
/** Lines for people, or objects for programs. */
export const logFormats = ["text", "json"] as const;
export type LogFormat = (typeof logFormats)[number];
export type LogFields = Readonly<Record<string, string | number | boolean | null | undefined>>;

export interface Logger {
  /** `message` is a constant sentence; everything that varies is a field. */
  log(level: LogLevel, message: string, fields?: LogFields): void;
}

/** For what nobody wants to hear of. */
export const silentLogger: Logger = { log() {} };
