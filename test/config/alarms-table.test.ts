// `[[alarms]]` of a server's file: what it says, and everything that is wrong with it, each with its line.

import { describe, expect, test } from "bun:test";
import { faultsIn, read } from "./faults-in.ts";

describe("alarms", () => {
  const named = '[[alarms]]\nname = "a"\n';
  const hourMs = 3_600_000;

  test("say of what somebody is told, who, and how often", () => {
    const reading = read(`
      [groups]
      ms = ["ms-*"]
      [[hooks]]
      name = "operators"
      event = "alarm"
      mail = ["data@example.org"]
      [[alarms]]
      name = "instruments"
      when = "silent"
      after = "6h"
      during = "Mon-Fri 08:00-18:00"
      users = ["nmr1"]
      groups = ["ms"]
      tell = ["operators"]
      again = "2d"
      [[alarms]]
      name = "disk"
      when = "disk-full"
      free = "1GiB"
    `);
    if (!reading.ok) throw new Error(faultsIn(reading).join("\n"));
    const [silent, disk] = reading.value.alarms;
    expect(silent).toMatchObject({ name: "instruments", tell: ["operators"], againMs: 48 * hourMs });
    expect(silent?.condition).toEqual({
      ...{ when: "silent", afterMs: 6 * hourMs, together: false },
      during: [{ days: [1, 2, 3, 4, 5], from: 480, to: 1080 }],
    });
    const isMeant = (user: string) => silent?.users?.some((matches) => matches(user));
    expect(["nmr1", "ms-7", "anna"].map(isMeant)).toEqual([true, true, false]);
    expect(disk).toMatchObject({ users: undefined, tell: undefined, againMs: 24 * hourMs });
    expect(disk?.condition).toEqual({ when: "disk-full", withinMs: null, freeBytes: 1024 ** 3 });
    expect(read("")).toMatchObject({ value: { alarms: [], alarmsText: "" } });
  });

  const kinds = '"silent", "stalled", "disk-full", "hook-failing", "damaged", "key-expiring"';
  const faulty: readonly (readonly [string, readonly string[]])[] = [
    ["alarms = 1", ["1: alarms: needs a list, found 1"]],
    ["[[alarms]]", ["name", "when"].map((it) => `1: alarms[1].${it}: is missing`)],
    [`${named}when = "quiet"`, [`3: alarms[1].when: needs one of ${kinds}, found "quiet"`]],
    [`${named}when = "silent"`, ['1: alarms[1]: needs "after" with when = "silent"']],
    [`${named}when = "key-expiring"`, ['1: alarms[1]: needs "within" with when = "key-expiring"']],
    [
      `${named}when = "disk-full"`,
      ['1: alarms[1]: needs "within" (full in so many days), or "free" (less than so many bytes), or both'],
    ],
    [
      `${named}when = "damaged"\nafter = "1h"`,
      ['4: alarms[1].after: is for alarms with when = "silent" or "stalled" or "hook-failing"'],
    ],
    [
      `${named}when = "stalled"\nafter = "1h"\nduring = "Mon"`,
      ['5: alarms[1].during: is for alarms with when = "silent"'],
    ],
    [`${named}when = "stalled"\nafter = "1s"`, ['4: alarms[1].after: needs at least 60s, found "1s"']],
    [
      `${named}when = "silent"\nafter = "1h"\nduring = "always"`,
      [
        '5: alarms[1].during: needs days such as Mon, or Mon-Fri, found "always" [write "Mon-Fri 08:00-18:00", or several between commas]',
      ],
    ],
    [
      `${named}when = "damaged"\ntell = ["ops"]`,
      ['4: alarms[1].tell: needs names of [[hooks]] with event = "alarm", and there are none; found "ops"'],
    ],
    [
      `${named}when = "damaged"\ntell = ["ix"]\n[[hooks]]\nname = "ix"\nevent = "after"\ncommand = ["/bin/ix"]`,
      ['4: alarms[1].tell: needs names of [[hooks]] with event = "alarm", and there are none; found "ix"'],
    ],
    [
      `${named}when = "damaged"\n${named}when = "damaged"`,
      ["5: alarms[2].name: needs a name of its own, found that of alarms[1]"],
    ],
  ];
  test.each(faulty)("%j", (text, faults) => {
    expect(faultsIn(read(text))).toEqual([...faults]);
  });
});
