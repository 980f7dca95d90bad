// The mail of an alarm, judged by Python's email package.

import { describe, expect, test } from "bun:test";
import type { Alarm, Notice } from "../../src/alarms/alarm.ts";
import { alarmBody, alarmMail, toldAlarm } from "../../src/alarms/told-alarm.ts";
import { toldText } from "../../src/hooks/told.ts";
import { runProgram } from "../support/programs.ts";

const alarm: Alarm = {
  name: "instruments",
  condition: { when: "silent", afterMs: 1, during: null, together: false },
  againMs: 1,
};

function mailOf(subject: string, text: string, state: Notice["state"] = "firing"): string {
  const firing = { alarm: alarm.name, subject, since: "2026-03-01T00:00:00.000Z", toldAt: 0, times: 2, text };
  const told = toldAlarm(alarm, { state, firing }, new Date("2026-03-02T10:20:30Z"), "server.example.org");
  const json = toldText({ name: "mail", event: "alarm" }, "ab12", 1, alarmBody(told));
  return alarmMail(json, ["data@example.org", "root"], "dync@example.org");
}

const python = Bun.which("python3");
const judge = `
import email, email.policy, json, sys
m = email.message_from_bytes(sys.stdin.buffer.read(), policy=email.policy.default)
print(json.dumps({"headers": [[k, str(v)] for k, v in m.items()], "defects": [str(d) for d in m.defects],
  "type": m.get_content_type(), "text": m.get_content(), "to": [str(a) for a in m["To"].addresses]}))
`;

describe.skipIf(python === null)(
  `mails of alarms (${python === null ? "no Python" : "read by Python"})`,
  () => {
    const read = async (mail: string) => {
      const { stdout, stderr } = await runProgram([python as string, "-c", judge], {
        stdin: new Blob([mail]),
      });
      expect(stderr).toBe("");
      return JSON.parse(stdout);
    };

    test("say what is wrong, to whom, and since when", async () => {
      const mail = await read(mailOf("ms-1", "Nothing arrived from ms-1"));
      expect(mail).toMatchObject({ defects: [], type: "text/plain", to: ["data@example.org", "root"] });
      expect(Object.fromEntries(mail.headers)).toMatchObject({
        From: "dync@example.org",
        Subject: "[dync server.example.org] alarm: instruments: ms-1",
        Date: "Mon, 02 Mar 2026 10:20:30 +0000",
        "Auto-Submitted": "auto-generated",
        "X-Dync-Idempotency-Key": "ab12:mail",
      });
      expect(mail.text).toStartWith("Nothing arrived from ms-1.\r\n\r\nAlarm:   instruments\r\n");
      const over = await read(mailOf("ms-1", "Nothing arrived from ms-1", "over"));
      expect(over.text).toStartWith("Over: Nothing arrived from ms-1.\r\n");
    });

    const hostile = [
      "a\r\nBcc: everybody@example.org\r\n\r\nbody",
      "ä".repeat(300),
      "\u202emoc.elpmaxe\u202c <script>",
      "=?utf-8?B?Zm9v?=",
      ".\r\n.\r\n",
      "😀".repeat(100),
    ];
    test.each(hostile)("%j stays in its place", async (text) => {
      const source = mailOf(text, text);
      const mail = await read(source);
      expect(mail.defects).toEqual([]);
      expect(mail.headers.map(([name]: [string]) => name)).toEqual([
        "From",
        "To",
        "Subject",
        "Date",
        "Auto-Submitted",
        "X-Dync-Idempotency-Key",
        "MIME-Version",
        "Content-Type",
        "Content-Transfer-Encoding",
      ]);
      expect(mail.text.replaceAll("\r\n", "\n")).toContain(text.replaceAll("\r\n", "\n"));
      for (const line of source.split("\r\n")) expect(Buffer.byteLength(line)).toBeLessThanOrEqual(78);
    });
  },
);
