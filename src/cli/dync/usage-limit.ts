// What `dync limit --help` prints.

export const limitUsage = `
Show or set how fast files are sent from here, also by commands that run.

Usage:
  dync limit [--json]
  dync limit RATE
  dync limit --clear

RATE is a number of bytes in a second, such as 20MB/s or 512KiB/s, "unlimited",
or a timetable: entries between commas, each a rate with days, times, or both
before it. The first entry that fits counts, and one without days and times for
the rest of the time; where there is none, that is unlimited. Times are those of
this computer, also when they change for summer and winter; 22:00-06:00 belongs
to the day on which it begins.

It is written to DYNC_HOME/limit. Commands that run take it within a second, in
place of what they were started with. Others begin with a limit of their own,
else DYNC_LIMIT, else that file, else limit in client.toml. Each command has all
of the rate for itself, and shares it among the files that it sends at once.

Examples:
  dync limit 5MB/s
  dync limit "Mon-Fri 08:00-18:00 5MB/s, 20MB/s"
  dync limit "22:00-06:00 unlimited, Sat-Sun unlimited, 2MB/s"

Options:
      --clear    remove that file: commands that run go on with what they were
                 started with
      --json     print JSON lines for programs
  -h, --help     print this text
`;
