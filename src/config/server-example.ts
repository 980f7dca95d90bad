// A server's file with everything that it may say, for people to begin with.

import { serverSettings } from "./server-settings.ts";
import { aboutText, type Scope, type Setting, writeInFile } from "./setting.ts";

const head = `# The configuration of dync-server. It lies in DYNC_HOME/server.toml, or where
# --config says.
#
# A setting has its default while there is a "#" before it. Each one is also an
# option (--max-uploads 500) and a variable (DYNC_SERVER_MAX_UPLOADS=500): an
# option counts before a variable, and a variable before this file.
#
#   dync-server config check   says what is wrong with the file
#   dync-server config show    says what holds, and where it is said
#   dync-server reload         makes the running server take it; what is marked
#                              [restart] it takes when it starts again`;

const rulesChapter = `# ---- Which uploads are taken
#
# Without any rule all are, as long as they have metadata. With rules the first
# one that takes an upload judges it; what none takes is refused. Of each line
# that a rule has, one alternative has to hold. Patterns are globs, or regular
# expressions between slashes (RE2's syntax); names regard no case.

#[groups]
#mass-spec = ["meyer", "/^ms[0-9]+@/"]

#[[rules]]
#name = "mass spectrometry"
#groups = ["mass-spec"]                  # and "users", for those of no group
#files = ["*.raw", "*.d"]                # names that they are stored as
#datasets = false                        # true: folders only; else both
#barcode = true                          # one valid barcode in the name
#metadata = { "instrument.kind" = ["ms", "/^lc-/"] }    # values, expressions
#schema = "ms.schema.json"               # JSON Schema 2020-12, beside this file
#
# Where it goes, below the data folder, and how. A path is made of words and of
# {user}, {name}, {stem}, {ext} (name without ending, ending), {date},
# {date:%Y/%m}, {meta.FIELD} and {upload} (its id); what is in a value cannot
# lead elsewhere.
#path = "ms/{date:%Y}/{meta.project}/{name}"     # default: "{user}/{name}"
#names = "portable"             # "posix": also names that Linux alone can store
#existing = "refuse"            # where that is taken: "number" puts a number
#                               # before the ending, "identical" takes the same
#layout = "plain"               # of a dataset; "bagit": a bag with manifests;
#                               # "openbis": files in folders, as its dropboxes
#                               # want them, with a marker if NAME has a barcode
#untar = false                  # true, as with "openbis": NAME.tar is unpacked
#                               # if its metadata have untar = "True"
#on-refusal = "refuse"          # metadata that are not as wanted; "hold" takes
#                               # the bytes, which wait for "uploads amend"
#mode = "0640"                  # permissions, of folders that are made as well
#group = "ms-data"              # whom they belong to; default: the server's own
#sidecars = ["sha256", "meta.json", "marker"]    # "marker": once it is whole,
#                               # an empty .MARKER_is_finished_NAME, for openBIS`;

const limitsChapter = `# ---- What some users may have
#
# Of each line below "name" the first entry counts that fits the user and has
# that line: so what is for a few stands before what is for many, and what has
# neither "users" nor "groups" is for all. It goes over "uploads-per-user" and
# "max-unfinished" above.

#[[limits]]
#name = "instruments"
#users = ["ms-*", "/^nmr[0-9]+$/"]       # patterns, as in rules
#groups = ["mass-spec"]                  # and those of [groups]
#upload-size = "2TiB"                    # of one upload, as it is sent
#quota = "10TiB"                         # stored and announced by one user
#group-quota = "50TiB"                   # by all for whom this entry counts
#files = ["*.raw", "*.d"]                # names that they may be stored as
#uploads = 50                            # open at once
#unfinished = 2000                       # with a client or suspended
#priority = "high"                       # the highest they may send with; it is
#                                        # "normal" unless an entry says so
#contact = "data@example.org"            # whom a refusal says to ask for more`;

const hooksChapter = `# ---- What is asked before an upload, and told of what was stored
#
# A hook is a program that gets a JSON object on its standard input
# (doc/operations.md has examples). "before" an upload it answers with one:
# {"refuse": "why"}, or {"metadata": {...}} with members to be added, or {}.
# "after" one was stored no upload waits for it: one that fails is told again,
# after pauses from a second to an hour.

#[[hooks]]
#name = "lims"
#event = "before"
#command = ["/usr/local/bin/ask-lims"]
#timeout = "10s"                         # then it is ended, and has failed
#on-failure = "refuse"                   # the upload has to come again later;
#                                        # "accept": it goes on

#[[hooks]]
#name = "index"
#event = "after"
#command = ["/usr/local/bin/index-run", "fast"]
#                                        # or a POST to a web service:
#                                        # url = "https://...", and its headers,
#                                        # secret-file, allow-http
#timeout = "60s"                         # then it is ended, and has failed
#at-once = 4                             # how many of it run side by side
#users = ["anna"]                        # whose uploads; else everybody's
#groups = ["mass-spec"]
#rules = ["mass spectrometry"]           # taken by one of these rules`;

const alarmsChapter = `# ---- Of what somebody is told
#
# An alarm is told to hooks with event = "alarm" when it begins, again while it
# goes on, and once when it is over. "dync-server alarms" lists those that are
# not over, and "dync-server alarms try NAME" tries one out.

#[[hooks]]
#name = "operators"
#event = "alarm"
#mail = ["data@example.org"]             # by the local sendmail; or a command,
#                                        # or a url, as with other hooks
#from = "dync@example.org"               # default: as the mail system has it
#sendmail = "/usr/sbin/sendmail"

#[[alarms]]
#name = "instruments"
#when = "silent"                         # who sends at least so often, has not
#after = "6h"
#during = "Mon-Fri 08:00-18:00"          # hours that count; default: all
#users = ["ms-*"]                        # each by itself; those who sent once
#groups = ["mass-spec"]
#together = false                        # true: who of them sends last counts
#tell = ["operators"]                    # default: all hooks for alarms
#again = "1d"                            # told again after so long

#[[alarms]]
#name = "stalled"
#when = "stalled"                        # an upload got nothing for so long
#after = "1d"

#[[alarms]]
#name = "disk"
#when = "disk-full"
#within = "14d"                          # full by then, as it went on last day
#free = "500GiB"                         # or less than that is free

#[[alarms]]
#name = "hooks"
#when = "hook-failing"                   # did not take something for so long
#after = "10m"

#[[alarms]]
#name = "damage"
#when = "damaged"                        # found by "dync-server uploads verify"

#[[alarms]]
#name = "keys"
#when = "key-expiring"
#within = "14d"`;

const signInChapter = `# ---- Who looks at the status page, where a proxy signs people in
#
# Without this "dync-server web link" lets people in. The proxy has to set the
# header for each request, and to take away what browsers send by that name.

#[sign-in]
#header = "X-Remote-User"                # names who is signed in there
#from = ["127.0.0.1", "10.1.0.0/16"]     # proxies; default: this machine
#stewards = ["anna", "/@ops$/"]          # act; patterns, as in rules
#viewers = ["*"]                         # look
#sign-out = "/oauth2/sign_out"           # where the proxy signs them out`;

const chapters: Readonly<Record<Scope, string>> = {
  process: "# ---- The server",
  user: "# ---- Each user's uploads",
};

/** A TOML file that says nothing: each setting stands in it with its default, behind a `#`. */
export function exampleText(): string {
  const rows: readonly Setting<unknown>[] = Object.values(serverSettings);
  const chapter = (scope: Scope): string =>
    [chapters[scope], ...rows.filter((it) => it.scope === scope).map(entryOf)].join("\n\n");
  return `${[head, chapter("process"), chapter("user"), rulesChapter, limitsChapter, hooksChapter, alarmsChapter, signInChapter].join("\n\n")}\n`;
}

function entryOf(row: Setting<unknown>): string {
  // The default stands in the line below.
  const about = row.about.includes("(default") ? aboutText(row) : row.about;
  const lines = `${about}${row.isLive ? "" : " [restart]"} `.replace(/(.{1,76}) /g, "# $1\n");
  return `${lines}#${row.name} = ${writeInFile(row, row.default)}`;
}
