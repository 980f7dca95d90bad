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

type Sent = NonNullable<InjectionOptions["sends"]>;

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
// What else an unpacked dataset asks of the system: a file and a folder for each member, one sync and one rename for all.
const datasetCases: readonly (readonly [string, string])[] = [
  ["openat", "error=EIO"],
  ["openat", "error=EMFILE"],
  ["pwrite64", "error=EIO"],
  ["pwrite64", "error=ENOSPC"],
  ["syncfs", "error=EIO"],
  ["syncfs", "error=ENOSPC"],
  ["fsync", "error=EIO"],
  ["mkdir", "error=ENOSPC"],
  ["rename", "error=EIO"],
  ["link", "error=EIO"],
  ["unlink", "error=EIO"],
];
const persistentDatasetCases: readonly (readonly [string, string])[] = [
  [writing, "error=EROFS"],
  ["pwrite64", "error=ENOSPC"],
  ["syncfs,fsync,fdatasync", "error=EIO"],
  ["openat", "error=EMFILE"],
];
const datasetClientCases: readonly (readonly [string, string])[] = [
  ["openat", "error=EMFILE"],
  ["pread64", "error=EIO"],
  ["rename", "error=EIO"],
  ["pread64", "signal=SIGKILL"],
  ["sendto", "signal=SIGKILL"],
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
    (run: (options: InjectionOptions) => Promise<InjectionResult>, who: string, sends: Sent) =>
    ([calls, fault]: readonly [string, string]): void => {
      test(
        `${who}: ${calls} with ${fault}, the Nth, for every N`,
        async () => noted(who, calls, fault, await run({ calls, fault, nMax, sends })),
        15 * minuteMs,
      );
    };
  const persistent =
    (who: string, sends: Sent) =>
    ([calls, fault]: readonly [string, string]): void => {
      test(
        `${who}: ${calls} with ${fault}, all from the Nth on, for N up to six`,
        async () => {
          const result = await runServerFaults({ calls, fault, nMax: 6, persistent: true, sends });
          noted(`${who}, persistent`, calls, fault, result);
          expect(result.hits).toBeGreaterThan(0);
        },
        15 * minuteMs,
      );
    };
  for (const it of serverCases) one(runServerFaults, "server", "file")(it);
  for (const it of clientCases) one(runClientFaults, "client", "file")(it);
  for (const it of persistentCases) persistent("server", "file")(it);
  for (const it of datasetCases) one(runServerFaults, "server, a dataset", "dataset")(it);
  for (const it of datasetClientCases) one(runClientFaults, "client, a dataset", "dataset")(it);
  for (const it of persistentDatasetCases) persistent("server, a dataset", "dataset")(it);
});

function noted(who: string, calls: string, fault: string, { runs, hits, codes }: InjectionResult): void {
  const ends = Object.entries(codes).map(([code, count]) => `${count} x status ${code}`);
  note(`${who}: ${calls} ${fault}`, { runs, hits, ends: ends.join(" + ") });
  expect(runs).toBeGreaterThan(0);
}
