// `[[hooks]]` of a server's file: what it says, and everything that is wrong with it, each with its line.

import { describe, expect, test } from "bun:test";
import { faultsIn, read } from "./faults-in.ts";

const duration = "write a number with a unit: 90s, 15m, 24h, 7d";

describe("hooks", () => {
  const named = '[[hooks]]\nname = "a"\n';
  const event = 'event = "after"\n';
  const command = 'command = ["/bin/index"]\n';
  const whole = named + event + command;

  test("say who is told what, when, and how often at once", () => {
    const reading = read(
      `${whole}timeout = "5m"\nat-once = 1\nusers = ["x*"]\nrules = ["ms"]\n[[rules]]\nname = "ms"`,
    );
    if (!reading.ok) throw new Error(faultsIn(reading).join("\n"));
    expect(reading.value.hooks).toMatchObject([
      { name: "a", event: "after", command: ["/bin/index"], timeout: 300_000, "at-once": 1, rules: ["ms"] },
    ]);
    expect(read("")).toMatchObject({ value: { hooks: [], hooksText: "" } });
  });

  const posted = `${named}${event}`;
  const wantedUrl = 'the address of a web service: "https://lims.example.org/uploads"';
  const wantedHeaders = 'headers with their texts: { Authorization = "Bearer …" }';

  test.each([
    'url = "https://lims.example.org/uploads?lab=1"\nheaders = { Authorization = "Bearer x" }\nsecret-file = "s"',
    'url = "http://127.0.0.1:8080/"',
    'url = "http://localhost/"',
    'url = "http://[::1]:80/"',
    'url = "http://lims.example.org/"\nallow-http = true',
  ])("may post to %j", (text) => {
    expect(faultsIn(read(posted + text))).toEqual([]);
  });

  const mailed = `${named}event = "alarm"\nmail = ["data@example.org", "root"]\n`;

  test("of alarms may write mail", () => {
    const reading = read(`${mailed}from = "dync@example.org"\nsendmail = "/usr/sbin/sendmail"`);
    if (!reading.ok) throw new Error(faultsIn(reading).join("\n"));
    expect(reading.value.hooks).toMatchObject([{ event: "alarm", mail: ["data@example.org", "root"] }]);
  });

  test.each([
    [mailed.replace("alarm", "after"), ['4: hooks[1].mail: is for hooks with event = "alarm"']],
    [
      mailed.replace("root", "-oQ/tmp"),
      ['4: hooks[1].mail: needs a list of mail addresses: ["data@example.org"], found "-oQ/tmp"'],
    ],
    [
      mailed.replace("root", "a@b\\nBcc: c@d"),
      ['4: hooks[1].mail: needs a list of mail addresses: ["data@example.org"], found "a@b\\nBcc: c@d"'],
    ],
    [
      `${mailed}sendmail = "sendmail"`,
      ['5: hooks[1].sendmail: needs a program by its absolute path: "/usr/sbin/sendmail", found "sendmail"'],
    ],
    [
      `${mailed}users = ["a"]`,
      ["5: hooks[1].users: is for hooks that are told of uploads: an alarm says whom it is about"],
    ],
    [`${whole}from = "a@example.org"`, ["5: hooks[1].from: is for hooks that have mail"]],
  ])("%j", (text, faults) => {
    expect(faultsIn(read(text))).toEqual(faults);
  });

  const wantedName = 'a name of letters, digits, ".", "_" and "-", at most 80';
  const wanted = 'a program by its absolute path, and its arguments: ["/usr/local/bin/index", "all"]';
  const faulty: readonly (readonly [string, readonly string[]])[] = [
    ["hooks = 1", ["1: hooks: needs a list, found 1"]],
    ["[[hooks]]", ["name", "event"].map((it) => `1: hooks[1].${it}: is missing`)],
    [`[[hooks]]\nname = "a b"\n${event}${command}`, [`2: hooks[1].name: needs ${wantedName}, found "a b"`]],
    [`[[hooks]]\nname = ""\n${event}${command}`, [`2: hooks[1].name: needs ${wantedName}, found ""`]],
    [
      `${named}event = "behind"\n${command}`,
      ['3: hooks[1].event: needs one of "before", "after", "alarm", found "behind"'],
    ],
    [`${named}${event}command = "/bin/index"`, [`4: hooks[1].command: needs ${wanted}, found "/bin/index"`]],
    [`${named}${event}command = ["index"]`, [`4: hooks[1].command: needs ${wanted}, found "index"`]],
    [`${named}${event}command = []`, [`4: hooks[1].command: needs ${wanted}, found a list`]],
    [`${named}${event}command = ["/bin/a\\u0000"]`, [`4: hooks[1].command: needs ${wanted}, found a list`]],
    [`${whole}timeout = "100ms"`, ['5: hooks[1].timeout: needs at least 1s, found "100ms"']],
    [`${whole}timeout = 5`, [`5: hooks[1].timeout: needs a duration, found 5 [${duration}]`]],
    [
      `${whole}on-failure = "accept"`,
      [
        '5: hooks[1].on-failure: is for hooks with event = "before": all else is told again until the hook takes it',
      ],
    ],
    [
      `${named}event = "before"\n${command}on-failure = "ignore"`,
      ['5: hooks[1].on-failure: needs one of "refuse", "accept", found "ignore"'],
    ],
    [`${named}${event}`, ['1: hooks[1]: needs one of "command", "url" and "mail"']],
    [`${whole}url = "https://a.example"`, ['1: hooks[1]: needs one of "command", "url" and "mail"']],
    [`${whole}secret-file = "x"`, ["5: hooks[1].secret-file: is for hooks that have a url"]],
    [`${whole}headers = { A = "b" }`, ["5: hooks[1].headers: is for hooks that have a url"]],
    [`${posted}url = "lims.example.org"`, [`4: hooks[1].url: needs ${wantedUrl}, found "lims.example.org"`]],
    [`${posted}url = "ftp://a.example"`, [`4: hooks[1].url: needs ${wantedUrl}, found "ftp://a.example"`]],
    [
      `${posted}url = "https://me:pw@a.example"`,
      [`4: hooks[1].url: needs ${wantedUrl}, without a password in it, found one [write it into headers]`],
    ],
    [
      `${posted}url = "http://lims.example.org/x"`,
      [
        "4: hooks[1].url: goes through the network for everybody to read: use https, or say allow-http = true",
      ],
    ],
    [
      `${posted}url = "https://a.example"\nheaders = { "A b" = "c" }`,
      [`5: hooks[1].headers: needs ${wantedHeaders}, found "A b", or a text of it, that no header can have`],
    ],
    [
      `${posted}url = "https://a.example"\nheaders = { A = "c\\r\\nB: d" }`,
      [`5: hooks[1].headers: needs ${wantedHeaders}, found "A", or a text of it, that no header can have`],
    ],
    [
      `${posted}url = "https://a.example"\nheaders = { X-Dync-Event = "c" }`,
      [
        `5: hooks[1].headers: needs ${wantedHeaders}, and none that dync-server writes itself, found "X-Dync-Event"`,
      ],
    ],
    [
      `${posted}url = "https://a.example"\nsecret-file = 3`,
      ["5: hooks[1].secret-file: needs the path of a file, found 3"],
    ],
    [`${whole}at-once = 0`, ["5: hooks[1].at-once: needs a whole number from 1 to 64, found 0"]],
    [`${whole}at_once = 2`, ['5: hooks[1].at_once: unknown setting [did you mean "at-once"?]']],
    [
      `${whole}groups = ["ms"]`,
      ['5: hooks[1].groups: needs names of [groups], and there are none; found "ms"'],
    ],
    [
      `${whole}rules = ["ms"]\n[[rules]]\nname = "nmr"`,
      ['5: hooks[1].rules: needs names of [[rules]], known are "nmr"; found "ms"'],
    ],
    [`${whole}${whole}`, ["6: hooks[2].name: needs a name of its own, found that of hooks[1]"]],
  ];
  test.each(faulty)("%j", (text, faults) => {
    expect(faultsIn(read(text))).toEqual(faults);
  });
});
