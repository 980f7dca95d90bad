// `[[limits]]` of server.toml: whom an entry is for, and everything that is wrong with one.

import { describe, expect, test } from "bun:test";
import { limitsOf } from "../../src/rules/user-limits.ts";
import { faultsIn, read } from "./faults-in.ts";

const size = "write a number of bytes or a number with a unit: 256MiB, 1G, 500MB";

describe("limits", () => {
  test("are of users, of groups and of everybody", () => {
    const reading = read(`
      [groups]
      ms = ["meyer", "ms-*"]
      [[limits]]
      name = "instruments"
      users = ["nmr1"]
      groups = ["ms"]
      upload-size = "2TiB"
      files = ["*.raw"]
      [[limits]]
      name = "all"
      upload-size = 1000
      uploads = 3
      unfinished = 7
      contact = "data@example.org"
    `);
    if (!reading.ok) throw new Error(faultsIn(reading).join("\n"));
    const { limits } = reading.value;
    const common = { uploads: 3, unfinished: 7, contact: "data@example.org" };
    for (const user of ["meyer", "ms-7", "nmr1"]) {
      expect(limitsOf(limits, user)).toMatchObject({ ...common, uploadBytes: 2 * 1024 ** 4 });
      expect(limitsOf(limits, user).files?.map(({ matches }) => matches("A.RAW"))).toEqual([true]);
    }
    expect(limitsOf(limits, "MEYER")).toEqual({ ...common, uploadBytes: 1000 });
  });

  test("that are written otherwise are others", () => {
    const textOf = (text: string) => {
      const reading = read(text);
      return reading.ok ? reading.value.limitsText : null;
    };
    const one = (size: string) => `[[limits]]\nname = "a"\nupload-size = ${size}`;
    expect(textOf(`port = 1\n${one("5")}`)).toBe(textOf(`# x\n${one("5")}`));
    expect(textOf(one("5"))).not.toBe(textOf(one("6")));
    expect(textOf(one("5"))).not.toBe(textOf(`[groups]\na = ["b"]\n${one("5")}`));
    expect(textOf('[groups]\na = ["b"]')).toBe("");
  });

  const named = '[[limits]]\nname = "a"\n';
  const faulty: readonly (readonly [string, readonly string[]])[] = [
    ["limits = 3", ["1: limits: needs a list, found 3"]],
    ["[limits]\nuploads = 3", ["1: limits: needs a list, found a table"]],
    ["[[limits]]\nuploads = 3", ["1: limits[1].name: is missing"]],
    [
      named,
      [
        "1: limits[1]: says no limit: it needs one of uploads, unfinished, upload-size, quota, group-quota, files, priority",
      ],
    ],
    [
      `${named}users = ["b"]`,
      [
        "1: limits[1]: says no limit: it needs one of uploads, unfinished, upload-size, quota, group-quota, files, priority",
      ],
    ],
    [
      `${named}priority = "urgent"`,
      ['3: limits[1].priority: needs one of low, normal, high, found "urgent"'],
    ],
    [`${named}uploads = 0`, ["3: limits[1].uploads: needs a whole number from 1 to 100000, found 0"]],
    [
      `${named}unfinished = "5"`,
      ['3: limits[1].unfinished: needs a whole number from 1 to 100000, found "5" [write it without quotes]'],
    ],
    [
      `${named}upload-size = "2 terabytes"`,
      [`3: limits[1].upload-size: needs a size, found "2 terabytes" [${size}]`],
    ],
    [`${named}upload-size = -1`, [`3: limits[1].upload-size: needs a size, found -1 [${size}]`]],
    [
      `${named}upload_size = "2TiB"`,
      ['3: limits[1].upload_size: unknown setting [did you mean "upload-size"?]'],
    ],
    [`${named}quota = true`, [`3: limits[1].quota: needs a size, found true [${size}]`]],
    [`${named}group-quota = "50 TB "`, [`3: limits[1].group-quota: needs a size, found "50 TB " [${size}]`]],
    [`${named}shared-quota = "2TiB"`, ['3: limits[1].shared-quota: unknown setting [did you mean "quota"?]']],
    [`${named}max-size = "2TiB"`, ['3: limits[1].max-size: unknown setting [did you mean "upload-size"?]']],
    [
      `${named}files = "*.raw"`,
      [
        '3: limits[1].files: needs a list of patterns for names of files: ["a*", "/^b[0-9]+$/"], found "*.raw"',
      ],
    ],
    [
      `${named}files = ["[a"]`,
      [
        '3: limits[1].files: needs a list of patterns for names of files: ["a*", "/^b[0-9]+$/"], found "[a", ' +
          'which has a "[" that is not closed: write "\\[" where that character is meant',
      ],
    ],
    [
      `${named}users = []\nuploads = 1`,
      ['3: limits[1].users: needs a list of patterns for users: ["a*", "/^b[0-9]+$/"], found a list'],
    ],
    [
      `${named}uploads = 1\ngroups = ["ms"]`,
      ['4: limits[1].groups: needs names of [groups], and there are none; found "ms"'],
    ],
    [
      `${named}uploads = 1\ncontact = "a\\nb"`,
      ['4: limits[1].contact: needs a text of 1 to 200 characters on one line, found "a\\nb"'],
    ],
    [
      `${named}uploads = 1\n${named}uploads = 2`,
      ["5: limits[2].name: needs a name of its own, found that of limits[1]"],
    ],
  ];
  test.each(faulty)("%j", (text, faults) => {
    expect(faultsIn(read(text))).toEqual(faults as string[]);
  });
});
