// What `dync service … --help` prints.

import { usageSections } from "../usage-text.ts";
import { serviceOptions } from "./service-words.ts";
import { watchUsage } from "./usage-watch.ts";

export const serviceUsage = `
Watch a folder in the background: from now on and at each login, for as long as
nobody stops it. No administrator rights are needed. What starts it, and starts
it again after a crash, is systemd, launchd or the task scheduler of Windows.

Usage:
  dync service install [--name NAME] [options] [SERVER] DIR
  dync service status [NAME]        what runs, and what it waits for
  dync service logs [-f] [NAME]     what it said
  dync service stop [NAME]          until the next login
  dync service start [NAME]
  dync service uninstall [NAME]

NAME may be left out where there is one service.

Examples:
  dync service install --unit folder server.example.org /data/runs
  dync service status
`;

export const serviceInstallUsage = `
Watch a folder in the background, as "dync watch" does, and begin now.

Usage:
  dync service install [--name NAME] [options of dync watch] [SERVER] DIR

Everything is checked before anything is written. A service of that name is
installed anew, with what is said now. The definition is in
DYNC_HOME/services/NAME.json, the log in NAME.log beside it.

On Linux it runs while you are logged in, and from boot on where lingering is
enabled: "loginctl enable-linger", by an administrator where you may not.

Options:
      --name NAME          name of the service (default: the folder's)
      --print              only show the files that would be written
${watchingOptions()}

Exit status: 0 it was started, 1 the system would not do it, 2 wrong options.

Examples:
  dync service install --unit folder server.example.org /data/runs
  dync service install --name novaseq --print lab /data/runs
`;

export const serviceStartUsage = controlUsage("start", "started", `Start a service that was stopped.`);

export const serviceStopUsage = controlUsage(
  "stop",
  "stopped",
  `Stop a service until the next login, or until it is started. What is under way
is gone on with then.`,
);

export const serviceStatusUsage = `
Say of a service, or of all, whether it runs and since when, what it waits for,
and what needed a person last.

Usage:
  dync service status [NAME]

Options:
      --json  print JSON lines for programs
  -h, --help  print this text

Exit status: 0 all of them run, 3 at least one does not, 1 the system does not
answer, 2 no such service.

Example:
  dync service status novaseq
`;

export const serviceLogsUsage = `
Print what a service said, the newest last. Each line has the local time. The
log is in DYNC_HOME/services, in files of at most 4 MiB: NAME.log, and the four
before it, NAME.log.1 to NAME.log.4.

Usage:
  dync service logs [-f] [-n NUMBER] [NAME]

Options:
  -n, --lines NUMBER  so many lines (default 100)
  -f, --follow        go on with what is added
      --json          print JSON lines for programs
  -h, --help          print this text

Example:
  dync service logs -f novaseq
`;

export const serviceUninstallUsage = controlUsage(
  "uninstall",
  "it is gone",
  `End a service and take away all that "dync service install" wrote, with its log.
What was sent stays known, and is not sent again.`,
);

export const serviceRunUsage = `
Watch as a definition says, and write into its log: what the system starts for
"dync service install". Nobody else needs it.

Usage:
  dync service run DYNC_HOME/services/NAME.json

Options:
  -h, --help  print this text

Example:
  dync service run ~/.dync/services/novaseq.json
`;

/** The help of `dync service WHAT [NAME]`; its exit status 0 is `done`. */
function controlUsage(what: string, done: string, about: string): string {
  return `
${about}

Usage:
  dync service ${what} [NAME]

Options:
      --json  print JSON lines for programs
  -h, --help  print this text

Exit status: 0 ${done}, 1 the system would not do it, 2 no such service.

Example:
  dync service ${what} novaseq
`;
}

/** What the help of `dync watch` says of options, without what is for somebody who looks. */
function watchingOptions(): string {
  const lines = usageSections(watchUsage).find(({ title }) => title === "Options")?.lines ?? [];
  const blocks = lines.join("\n").split(/\n(?= {2}(?:-\w,| {3}) --)/);
  const nameIn = (block: string): string => / --([a-z-]+)/.exec(block)?.[1] ?? "";
  // Its words name an option that services have not.
  const profile = `      --profile NAME       what is known of the instrument, or your own file`;
  const own = (block: string): string => (nameIn(block) === "profile" ? profile : block);
  return blocks
    .filter((it) => nameIn(it) in serviceOptions)
    .map(own)
    .join("\n");
}
