// Failing system calls of both compiled programs, with strace: the Nth call of each kind, N counted up until none is
// hit any more, and all of them from the first on. A call that dies is in ordering.test.ts, for the server.

import { describe, expect, test } from "bun:test";
import { executablesMissing } from "../support/executables.ts";
import {
  type InjectionOptions,
  type InjectionResult,
  runClientFaults,
  runServerFaults,
} from "../support/injection-runs.ts";
import { straceMissing } from "../support/system-calls.ts";
import { note } from "./note.ts";

const minuteMs = 60_000;
const reason = executablesMissing ?? straceMissing;
const nMax = 40;

const serverCases: readonly (readonly [string, string])[] = [
  ["pwrite64", "error=EIO"],
  ["pwrite64", "error=ENOSPC"],
  ["fsync", "error=EIO"],
  ["fsync", "error=ENOSPC"],
  ["fdatasync", "error=EIO"],
  ["link", "error=EIO"],
  ["link", "error=ENOSPC"],
  ["unlink", "error=EIO"],
  ["mkdir", "error=ENOSPC"],
  ["chmod", "error=EIO"],
  ["fchmod", "error=EIO"],
  ["ftruncate", "error=EIO"],
];
// Everything that changes a disk, as on a file system that turned read-only; a full one; a dead one.
const writing = "pwrite64,ftruncate,link,unlink,mkdir,rename";
const persistentCases: readonly (readonly [string, string])[] = [
  [writing, "error=EROFS"],
  ["pwrite64", "error=ENOSPC"],
  ["fsync,fdatasync", "error=EIO"],
  ["openat", "error=EMFILE"],
];
const clientCases: readonly (readonly [string, string])[] = [
  ["pread64", "error=EIO"],
  ["fsync", "error=EIO"],
  ["rename", "error=EIO"],
  ["mkdir", "error=EACCES"],
  ["unlink", "error=EIO"],
  ["pread64", "signal=SIGKILL"],
  ["fsync", "signal=SIGKILL"],
  ["rename", "signal=SIGKILL"],
  ["unlink", "signal=SIGKILL"],
  ["sendto", "signal=SIGKILL"],
];

describe.skipIf(reason !== null)(`system calls that fail (${reason ?? "compiled"})`, () => {
  const one =
    (run: (options: InjectionOptions) => Promise<InjectionResult>, who: string) =>
    ([calls, fault]: readonly [string, string]): void => {
      test(
        `${who}: ${calls} with ${fault}, the Nth, for every N`,
        async () => noted(who, calls, fault, await run({ calls, fault, nMax })),
        15 * minuteMs,
      );
    };
  for (const it of serverCases) one(runServerFaults, "server")(it);
  for (const it of clientCases) one(runClientFaults, "client")(it);

  for (const [calls, fault] of persistentCases) {
    test(
      `server: ${calls} with ${fault}, all from the Nth on, for N up to six`,
      async () => {
        const result = await runServerFaults({ calls, fault, nMax: 6, persistent: true });
        noted("server, persistent", calls, fault, result);
        expect(result.hits).toBeGreaterThan(0);
      },
      15 * minuteMs,
    );
  }
});

function noted(who: string, calls: string, fault: string, { runs, hits, codes }: InjectionResult): void {
  const ends = Object.entries(codes).map(([code, count]) => `${count} x status ${code}`);
  note(`${who}: ${calls} ${fault}`, { runs, hits, ends: ends.join(" + ") });
  expect(runs).toBeGreaterThan(0);
}
