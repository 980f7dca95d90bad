// What `--help` prints for `dync-server web` and its command.

export const webUsage = `
The status page of a server: what is under way, what arrived, who may send.

Usage:
  dync-server web link  print a link that signs in there

The page is there where "http" is set in server.toml, for example
http = "127.0.0.1:8890", on the machine itself unless it has TLS. Where
"downloads" names the folder of a release, the page /install tells everybody
the line that installs the client and asks this server to let its user in.
`;

export const webLinkUsage = `
Print a link that signs in at the status page, once and within 15 minutes.

Usage:
  dync-server web link [options]

A viewer sees all that the page shows. A steward also lets keys in and takes
them back, cancels uploads, puts metadata right, and has hooks told again; each
of that is in the audit log, with the name. Who is signed in is forgotten when
the server starts anew.

Options:
      --role ROLE      viewer or steward (default viewer)
      --name NAME      whose it is, for the audit log (default: your account)
      --origin ORIGIN  where the page is, if a proxy is before it
      --json           print JSON lines for programs
  -h, --help           print this text

Examples:
  dync-server web link
  dync-server web link --role steward --name meyer
  dync-server web link --origin https://dync.example.org
`;
