// What `--help` prints for `dync-server receipts` and its commands.

export const receiptsUsage = `
The key with which the server signs receipts of what it stored.

Usage:
  dync-server receipts key         print the public keys
  dync-server receipts rotate-key  put a new key in the place of the old one

A client that wants it gets a receipt for each upload: who sent what, its size
and SHA-256, and when all of it was there. "dync verify-receipt" checks it
without the server, years later, and so does every tool that knows JWS.

The server makes its key when it first starts, beside its other keys:
  receipts.key_secret  the key, which nobody else may ever see
  receipts.jwks        its public keys (a JWK Set): the one in use, then those
                       before it; and with what each signed over the next one
Make a copy of both where copies of server.key_secret are.
`;

export const receiptsKeyUsage = `
Print the public keys with which receipts are checked: a JWK Set (RFC 7517).

Usage:
  dync-server receipts key [options]

The key in use comes first, then those before it. "dync verify-receipt" takes
this as a file with keys; hand it to whoever has to check receipts and never
sent anything. It is also in DYNC_HOME/receipts.jwks.

Options:
      --json  print JSON lines for programs
  -h, --help  print this text

Example:
  dync-server receipts key > server.jwks
`;

export const receiptsRotateUsage = `
Put a new key in the place of the one with which receipts are signed.

Usage:
  dync-server receipts rotate-key [options]

The old key signs the new one over, and is destroyed; receipts that it signed
stay good. Clients follow from one to the other by themselves: each receipt has
the last three changes in it. A server that runs makes the new key itself, signs
with it from then on, and records that in its audit log; without one the next
start records which key it has.

Where somebody else has got the old key, that signature proves nothing: move
receipts.key_secret away instead, and restart. Clients then say that the new key
was not signed over, until they are given it by another way.

Options:
      --json  print JSON lines for programs
  -h, --help  print this text

Example:
  dync-server receipts rotate-key
`;
