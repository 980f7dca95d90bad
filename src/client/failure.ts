// Why a connection failed, in the words of the person who can do something about it.

import { DyncError } from "../base/error.ts";
import { formatServerAddress } from "../base/format-server-address.ts";
import type { ClientLinkOptions, LinkFailure } from "../transport/transport.ts";

/** Both ends of a connection: the server's address and key, and our keys. */
export type ConnectionParty = Omit<ClientLinkOptions, "identity" | "frameBytesMax">;

/** The error for a link that went down with `failure`. */
export function connectionError(failure: LinkFailure, party: ConnectionParty): DyncError {
  const { host, keys, serverKey } = party;
  const address = formatServerAddress(party);
  switch (failure) {
    case "refused":
      return new DyncError("unreachable", `Nothing listens at ${address}`, {
        hint: "check the port (-p) and that dync-server runs there",
      });
    case "unknown-host":
      return new DyncError("unreachable", `There is no host named "${host}"`, {
        hint: "check the spelling, and the network of this computer",
      });
    case "unreachable":
      return new DyncError("unreachable", `${address} cannot be reached`, {
        hint: "check the network of this computer, and firewalls on the way",
      });
    case "handshake-timeout":
      return new DyncError("unreachable", `${address} took the connection but did not answer in time`, {
        hint: "it may be overloaded, or not a dync server; try again",
      });
    case "key-refused":
      return new DyncError(
        "key-refused",
        `The server at ${address} does not accept the key ${keys.publicKey.fingerprint}`,
        {
          hint: 'it may be new there, or have expired: send the file USER@HOST.key that "dync keygen" made to its administrator, who can compare this',
        },
      );
    case "server-error":
      return new DyncError("unreachable", `The server at ${address} cannot check keys just now`, {
        hint: "try again later, or tell its administrator",
      });
    case "server-key-mismatch":
      return new DyncError(
        "wrong-server",
        `The server at ${address} does not hold the key that is expected of it (${serverKey.fingerprint})`,
        { hint: "get its current server.key from the administrator; somebody may be posing as the server" },
      );
    case "not-dync":
      return new DyncError("wrong-server", `What listens at ${address} is no dync server`, {
        hint: "check the host and the port (-p)",
      });
    case "lost":
      return new DyncError("unreachable", `The connection to ${address} was lost`, { hint: "try again" });
  }
}
