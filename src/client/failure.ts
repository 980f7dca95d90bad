// Why a connection failed, in the words of the person who can do something about it.

import { DyncError } from "../base/error.ts";
import { formatServerAddress } from "../base/format-server-address.ts";
import { localTime } from "../base/local-time.ts";
import { isServiceName, type Place } from "../base/server-place.ts";
import type { PublicKey } from "../keys/key.ts";
import type { Reached } from "../keys/reached-servers.ts";
import type { ClientLinkOptions, FailedAt, LinkFailure } from "../transport/transport.ts";

/** Both ends of a connection: the server's address and key, and our keys. */
export interface ConnectionParty extends Omit<ClientLinkOptions, "identity" | "frameBytesMax"> {
  /** What is known of the server's key from earlier connections, where somebody keeps that in mind. */
  readonly memory?: KeyMemory | undefined;
  /** Is told at which of several addresses somebody else answers; see `ClientLinkEvents`. */
  readonly onStranger?: ((at: Place) => void) | undefined;
}

/** With which key a server was reached last, and who is told that it was reached. */
export interface KeyMemory {
  readonly last: Reached | null;
  /** The server proved that it holds `key`. */
  note(key: PublicKey): void;
}

/** The error for a link that went down with `failure`, which was that of the address `at` where there are several. */
export function connectionError(
  failure: LinkFailure,
  party: ConnectionParty,
  at: FailedAt = { host: party.host, port: party.port, others: 0 },
): DyncError {
  const error = errorAt(failure, party, at);
  if (at.others === 0) return error;
  const others = at.others === 1 ? "the other address" : `the ${at.others} other addresses`;
  return error.reworded({ message: `${error.message}, and the server was not found at ${others} either` });
}

/** What to say of somebody who answers at one of several addresses and does not hold the server's key. */
export function strangerError(party: ConnectionParty, at: Place): DyncError {
  // With which key the server was reached says nothing of one address among others.
  const { message } = errorAt("server-key-mismatch", { ...party, memory: undefined }, at);
  const hint =
    "nothing is sent there, and the other addresses are tried; take it out, or ask the administrator of the server: somebody may be posing as it";
  return new DyncError("wrong-server", message, { hint });
}

function errorAt(failure: LinkFailure, party: ConnectionParty, at: Place): DyncError {
  const { keys } = party;
  const { host } = at;
  const address = formatServerAddress(at);
  switch (failure) {
    case "refused":
      return new DyncError("unreachable", `Nothing listens at ${address}`, {
        hint: "check the port (-p) and that dync-server runs there",
      });
    case "not-offered":
      return new DyncError("unreachable", `DNS says that no dync server is there for "${host}"`, {
        hint: 'its SRV record is "."; ask who looks after that domain for the address of the server',
      });
    case "unknown-host":
      if (isServiceName(host))
        return new DyncError("unreachable", `There are no SRV records for "${host}"`, {
          hint: "check the spelling, and the network of this computer; or name the server by its host",
        });
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
      return otherKey(party, at);
    case "not-dync":
      return new DyncError("wrong-server", `What listens at ${address} is no dync server`, {
        hint: "check the host and the port (-p)",
      });
    case "lost":
      return new DyncError("unreachable", `The connection to ${address} was lost`, { hint: "try again" });
  }
}

/** The handshake failed as it does when a server has another key than that which is expected: which it has, it does not show. */
function otherKey({ memory, serverKey, ...server }: ConnectionParty, at: Place): DyncError {
  const [address, known] = [formatServerAddress(at), formatServerAddress(server)];
  const expected = serverKey.fingerprint;
  const last = memory?.last ?? null;
  if (last === null) {
    const text = `The server at ${address} does not hold the key that is expected of it (${expected})`;
    const hint = "get its current server.key from the administrator; somebody may be posing as the server";
    return new DyncError("wrong-server", text, { hint });
  }
  const day = localTime(last.at).slice(0, 10);
  if (last.fingerprint === expected) {
    const text = `The key of the server at ${address} has changed: on ${day} it was ${expected}, which what answers there now does not hold`;
    const hint = `it has new keys, or somebody is posing as it: ask its administrator by telephone, then, with its new server.key: dync trust --replace ${known} server.key`;
    return new DyncError("wrong-server", text, { hint });
  }
  const text = `The server at ${address} does not hold the key that is expected of it (${expected}): on ${day} it held ${last.fingerprint}`;
  const hint = `its key was replaced here since then: compare both with its administrator; "dync trust --replace ${known} FILE" sets the right one`;
  return new DyncError("wrong-server", text, { hint });
}
