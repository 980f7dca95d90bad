// What `--help` prints for `dync receipts` and `dync verify-receipt`.

export const receiptsUsage = `
List the receipts that are kept here: what servers signed of what was sent.

Usage:
  dync receipts [options]
  dync receipts show ID          print one, as it was signed

Each line has when all of it had come, in local time, and the size; then the
name, the user and the server; then the SHA-256, and the server's id of the
upload. "dync verify-receipt" checks one. Servers that are older, and the
original one, give no receipts.

Options:
  -n, --name NAME   only of what is called so on the server
      --since WHEN  only of what was stored since then: a date (2026-07-30), a
                    time ("2026-07-30 14:00"), or so long ago (7d, 12h)
      --json        print JSON lines for programs, with the file of each
  -h, --help        print this text

The files are in DYNC_HOME/receipts/, a folder for each month; those of uploads
that followed each other closely are in files with several, one a line. Nothing
there is ever removed; copy it where proofs are kept.

Example:
  dync receipts
`;

export const receiptsShowUsage = `
Print a receipt as the server signed it: a JWS (RFC 7515) in its compact form.

Usage:
  dync receipts show [options] ID

ID is the server's id of the upload, or as much of its beginning as is needed.

Options:
      --json  print JSON lines for programs
  -h, --help  print this text

Example:
  dync receipts show 3f2a > run42.receipt
`;

export const verifyReceiptUsage = `
Check a receipt, and say what it proves and by which key. No server is asked.

Usage:
  dync verify-receipt [options] FILE [DATA]

FILE holds a receipt, as "dync receipts show" prints it. With DATA it is also
checked that this is what was stored: the file, the folder of a dataset (as it
was sent, without what was left out then), or its tar.

The key has to be one of those that the server had when receipts came here
first, or one that such a key signed over; or, with --key, one of FILE. What is
proved is that who has this key said so: that the server had all of it, with
this checksum, at that time. That it is there today, "dync check" tells.

Options:
      --key FILE       the server's keys, instead of those that are kept in
                       DYNC_HOME/receipts/servers/: what its administrator gets
                       from "dync-server receipts key", or one key as a JWK
  -m, --metadata FILE  also check that the metadata that were sent are those of
                       FILE: the JSON that was sent, or NAME.meta.json
      --json           print JSON lines for programs
  -h, --help           print this text

Examples:
  dync verify-receipt run42.receipt run42.raw
  dync verify-receipt --key server.jwks -m run42.json run42.receipt

Exit status:
  0  proved: receipt, key and what was named with it
  8  the receipt was changed, or data or metadata are others
  7  the signature is right, and the key is not known here
  4  a file cannot be read      2  usage, or FILE of --key holds no key
`;
