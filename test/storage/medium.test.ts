import { expect, test } from "bun:test";
import { tmpdir } from "node:os";
import { mediumOf, mediumOfType } from "../../src/storage/medium.ts";

test.each([
  ["a disk (ext4)", 0xef53, null, true],
  ["memory (tmpfs)", 0x01021994, null, true],
  ["NFS", 0x6969, "NFS", true],
  ["CephFS of the kernel", 0x00c36400, "CephFS", true],
  ["SMB, as a number with a sign", 0xff534d42 | 0, "SMB", true],
  ["a program in user space", 0x65735546, "FUSE", false],
])("what is known of %s", (_what, type, remote, syncsAll) => {
  expect(mediumOfType(type)).toEqual({ remote, syncsAll });
});

test("a folder that is not there is told", async () => {
  expect(await mediumOf(tmpdir())).toMatchObject({ syncsAll: expect.any(Boolean) });
  if (process.platform === "linux") expect(mediumOf("/nowhere")).rejects.toMatchObject({ code: "ENOENT" });
});
