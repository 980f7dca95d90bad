// What hooks and people are told of an alarm: a JSON object (doc/json.md has its schema), and a mail. Pure.

import { jsonMember, objectText } from "../base/json-text.ts";
import type { Alarm, AlarmState, Notice } from "./alarm.ts";

/** What is told of an alarm, as JSON. */
export interface ToldAlarm {
  /** Name of the alarm. */
  readonly name: string;
  readonly when: Alarm["condition"]["when"];
  /** What of it: a user, a hook, a key's fingerprint. */
  readonly subject: string;
  readonly state: AlarmState;
  /** One sentence without a full stop. */
  readonly text: string;
  /** When it was told first, and when this is told: ISO 8601, UTC. */
  readonly since: string;
  readonly at: string;
  /** How often it was told until now, without that it is over. */
  readonly times: number;
  /** Name of the machine that the server runs on. */
  readonly server: string;
}

export function toldAlarm(alarm: Alarm, { state, firing }: Notice, at: Date, server: string): ToldAlarm {
  const { subject, since, times, text } = firing;
  const { name, condition } = alarm;
  return {
    ...{ name, when: condition.when, subject, state, text, since },
    at: at.toISOString(),
    times,
    server,
  };
}

/** What is the same for all hooks and attempts, as the text of an object. */
export function alarmBody(told: ToldAlarm): string {
  return objectText([jsonMember("alarm", JSON.stringify(told))]);
}

/** A mail of what `text`, which a hook is told, says (RFC 5322): its recipients are in it, and no line of it ends the text early. */
export function alarmMail(text: string, to: readonly string[], from: string | null): string {
  const { alarm, idempotencyKey } = JSON.parse(text) as {
    readonly alarm: ToldAlarm;
    readonly idempotencyKey: string;
  };
  const headers = [
    ...(from === null ? [] : [`From: ${from}`]),
    `To: ${to.join(",\r\n ")}`,
    `Subject: ${encodedWords(subjectOf(alarm))}`,
    `Date: ${mailDate(new Date(alarm.at))}`,
    "Auto-Submitted: auto-generated",
    `X-Dync-Idempotency-Key: ${idempotencyKey}`,
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=utf-8",
    "Content-Transfer-Encoding: base64",
  ];
  const body = Buffer.from(mailText(alarm)).toString("base64").replace(/.{76}/g, "$&\r\n");
  return `${headers.join("\r\n")}\r\n\r\n${body}\r\n`;
}

const stateWords: Readonly<Record<AlarmState, string>> = {
  firing: "alarm",
  again: "alarm goes on",
  over: "alarm is over",
};

const subjectLengthMax = 60;

function subjectOf({ name, state, server, subject }: ToldAlarm): string {
  const about = `${name}: ${subject}`;
  const short = about.length > subjectLengthMax ? `${about.slice(0, subjectLengthMax - 1)}…` : about;
  return `[dync ${server}] ${stateWords[state]}: ${short}`;
}

function mailText({ name, state, text, since, at, times, server }: ToldAlarm): string {
  const lines = [
    state === "over" ? `Over: ${text}.` : `${text}.`,
    "",
    `Alarm:   ${name}`,
    `Server:  ${server}`,
    `Since:   ${since}`,
    ...(state === "over" ? [`Over at: ${at}`] : []),
    ...(times > 1 ? [`Told:    ${times} times`] : []),
    "",
    '"dync-server alarms" on that machine has all that are not over.',
  ];
  return `${lines.join("\r\n")}\r\n`;
}

/** RFC 2047: a text of any characters as words of ASCII, on lines of at most 75. */
function encodedWords(text: string): string {
  // A text that looks like such words would be read as them; of long ones no line is too long.
  if (/^[\x20-\x7e]*$/.test(text) && !text.includes("=?") && text.length <= asciiMax) return text;
  const words: string[] = [];
  let word = "";
  for (const character of text) {
    if (Buffer.byteLength(word + character) > wordBytesMax) {
      words.push(word);
      word = "";
    }
    word += character;
  }
  return [...words, word].map((it) => `=?utf-8?B?${Buffer.from(it).toString("base64")}?=`).join("\r\n ");
}

// "Subject: " stands before it, on a line of at most 78.
const asciiMax = 69;
// Of 75 characters 12 are around them, and of each four that are left three bytes come back.
const wordBytesMax = 42;

/** RFC 5322, in UTC. */
function mailDate(at: Date): string {
  return at.toUTCString().replace("GMT", "+0000");
}
