// What `--help` prints for `dync check`.

export const checkUsage = `
Tell whether a server has what lies here, without sending anything.

Usage:
  dync check [options] [SERVER] PATH...

Asks the server about each file, and each file in a folder, under the name by
which "dync send" would store it; then reads what is there and compares the
checksums. What is not stored is printed: "missing", or "differs" with what is
different. Only your own uploads count. SERVER is as for "dync send".

With metadata it also says what would become of what is missing: "would be
taken", by which rule of the server, or "refused", with all that is wrong with
its name and metadata. Nothing is sent for that, and nothing read.

With --offline no server is asked: it judges by the copy of the rules that each
check leaves here as soon as the server has others, prints "accepted" or
"refused", and how old the copy is. It cannot know what is stored already, nor
what the server finds out only then, such as how much room there is.

Exit status 0 means that all of it is stored, 3 that something is not, 6 that
metadata would be refused, 7 that something would be refused for another reason,
and 9 that nobody can know: the server cannot be asked, as it is an older or the
original one, or there is no copy of its rules. Offline 0 means that all of it
would be taken.

Examples:
  dync check dync.example.org day7/
  dync check --dataset dync.example.org day7/run*/
  dync check -m run42.json dync.example.org run42.raw
  dync check --offline -m run42.json dync.example.org run42.raw
  dync check --metadata-from runs.csv dync.example.org day7/*.raw

Options:
      --dataset            each PATH is a folder that was sent as a dataset
      --offline            judge here, by the rules that this server had last
      --by-content         what is not there under its name may have another one
  -m, --meta FILE, -k, --key-value KEY:VALUE, --metadata-from FILE, --sidecars
                           as with "dync send"; where any of them is given, the
                           metadata have to be the same, too
  -n, --name NAME, --name-template TEXT
                           as with "dync send"
      --include PATTERN, --exclude PATTERN, --links HOW, --all
                           what of folders is looked at, as with "dync send"
  -p, --port PORT          port of the server (default 8889)
      --server-key FILE    key of the server, instead of the one in DYNC_HOME
      --jobs NUMBER        so many files at once (default 4)
      --retry-for DURATION keep trying for so long when the server cannot be
                           reached (default, once it was reached: 24h, and 15m
                           where no terminal is)
  -q, --quiet              print errors, and what is not stored
      --json               print JSON lines for programs
  -h, --help               print this text
`;
