// What `dync-server storage … --help` prints.

export const storageUsage = `
Look at the object store to which uploads go.

Usage:
  dync-server storage check [options]    what lies there and is nobody's
`;

export const storageCheckUsage = `
Say what lies in the object store below the server's prefix and is nobody's:
parts of uploads that no server knows, as a crash between two requests or an
answer that got lost leaves them, metadata that hold a name without a file, and
files of datasets that were given up.
What is left of uploads that expired, or failed, the server removes itself. No
server needs to run, and one may.

Usage:
  dync-server storage check [options]

Options:
      --remove       take it away
      --older DURATION
                     what is at least so old (default 1d): an upload may have
                     begun just now
      --config FILE  the configuration (default DYNC_HOME/server.toml)
      --json         print JSON lines for programs
  -h, --help         print this text

Exit status: 0 there is nothing, or not any more; 1 there is.

Example:
  dync-server storage check --remove
`;
