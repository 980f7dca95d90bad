// The help text of `dync watch`.

export const watchUsage = `
Send what appears in a folder, each file and sub-folder when it is complete.

Usage:
  dync watch [options] [SERVER] DIR
  dync watch --send ENTRY | --leave ENTRY | --wait ENTRY [SERVER] DIR
  dync watch --profiles | --reasons

Looks at DIR again and again, for as long as nobody stops it. A file is sent as
it is, a sub-folder as one upload, all or nothing, as "dync --help" says it.
Complete is what was quiet for --settle: the same files with the same sizes and
times, look after look; and what no program of this user has open for writing,
as far as the system tells. Still changing is no error. What was sent is
remembered in DYNC_HOME and not sent again; what changes after that is said,
and sent once more: what becomes of that is for the server's rules to say. A
drive that goes away and comes back costs nothing but time. One dync watches a
folder at a time.

Metadata are those of -m; over them -k; over them --path-metadata; over them
the file beside an entry NAME, NAME.meta.json, or in a folder metadata.json.
What has none waits, and so does what lacks fields that the server's rules want,
until they are there. What the server refuses waits until it, its metadata, its
name or the rules change, or dync is started anew.

An instrument's end of a run is known better than by quiet: --profile says which
instrument it is, what is one run of it, and which sign tells that it is over.
With --live the upload of such a run begins with it, and ends behind its sign:
it is on the server minutes after its end, all or nothing as always.

Options:
      --profile NAME       what is known of the instrument: one that --profiles
                           lists, or a file of your own: ./my.toml
      --unit WHAT          "file" or "folder": send only these (default both)
      --depth NUMBER       how deep entries lie: folders so many levels below
                           DIR, files as many or fewer (default 1: in DIR, or as
                           the profile says)
      --settle DURATION    how long an entry has to be quiet (default 60s, or as
                           the profile says); a quarter of it behind a sign
      --live               send a run while it is written, and publish it when
                           the sign of its end is there; needs a --profile that
                           knows one, of runs that are folders. What it has to
                           say in its metadata must be there when it begins
      --once               send what is complete, or is so after --settle, and
                           end; see below for the exit status
      --explain            send nothing: say of each entry what it waits for, as
                           the dync knows it that watches DIR, if one does
      --send ENTRY         a person decides: send this entry when it is quiet,
                           though its instrument says that the run failed, or
                           the sign of its end is not there; also while DIR is
                           watched, which sees it with its next look. ENTRY is
                           the path from DIR on; may be given many times
      --leave ENTRY        leave this entry alone for good, likewise
      --wait ENTRY         forget what was decided of this entry
      --reasons            list why something may not be sent yet
      --profiles           list the kinds of instruments that are known
  -m, --meta FILE          metadata of all: a file that holds one JSON object
  -k, --key-value KEY:VALUE
                           one field of metadata of all, as "dync --help" says
      --path-metadata FORM fields that the path of an entry below DIR holds:
                           "{project}/{sample}/*"
      --name-template TEXT names on the server, as "dync --help" says
      --exclude PATTERN    leave out what matches, in DIR and in its folders;
                           may be given many times
      --also FOLDER        a folder beside, such as the calibration of the
                           instrument, that is sent along when it has changed,
                           as a dataset NAME-TIME; may be given many times
      --every DURATION     with --also: how often that is looked at (default
                           8h); once for all, or once for each
      --after WHAT         what becomes of an entry that was sent: "keep"
                           (default), "delete", or "move=DIR", which keeps its
                           path below DIR; only if it is proved in that moment
                           that the server has it, as "dync free --help" says
      --keep-for DURATION  with --after: how long it stays here before that
                           (default 7d)
      --on-trouble WHAT    who is told, once, of what needs a person: a program,
                           by its path, which reads JSON, or a URL
      --notices            show notices of that on the desktop (the default;
                           --no-notices: none)
      --label TEXT         what DIR is called where instruments are listed on
                           the server (default: this computer, and the last
                           part of DIR)
      --report             tell the server every few minutes what waits, how
                           full the disk is and the like (the default;
                           --no-report: nothing)
  -p, --port PORT          port of the server (default 8889)
      --server-key FILE    key of the server, instead of the one in DYNC_HOME
      --jobs NUMBER        so many uploads at once (default 4)
      --limit RATE         send no faster, as "dync limit --help" says it
      --priority WHAT      low, normal or high, as "dync --help" says
      --retry-for DURATION with --once: how long to keep trying when the server
                           cannot be reached (default 15m); else it is forever
  -q, --quiet              print warnings and errors only
      --json               print JSON lines for programs
  -h, --help               print this text

Exit status of --once: 0 nothing is left but what waits, 3 something was refused
or could not be sent, 5 the server could not be reached; others as those of
"dync send". Of --explain: 0. Without either it ends by a signal only.

Examples:
  dync watch --profile illumina -k instrument:NovaSeq lab /data/runs
  dync watch --live --profile illumina -k instrument:NovaSeq lab /data/runs
  dync watch --unit folder -k instrument:NovaSeq server.example.org /data/runs
  dync watch --also /opt/instrument/calibration --every 8h lab /data/runs
  dync watch --after delete --keep-for 14d lab /data/runs
  dync watch --once --depth 2 --path-metadata "{project}/*" lab D:\\Data
`;
