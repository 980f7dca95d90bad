// The unit of a service for systemd's manager of a user. Pure.

import { encodeLoosely, strayByte } from "../base/loose-utf8.ts";
import { Unwritable } from "./unwritable.ts";

export interface UnitTexts {
  /** One line for people. */
  readonly description: string;
  /** Absolute path of the program, and its arguments. */
  readonly command: readonly [string, ...string[]];
}

/** Throws `DyncError` ("configuration") where systemd cannot run a program of that path. */
export function systemdUnit({ description, command: [program, ...args] }: UnitTexts): string {
  // systemd takes no such characters in the path of a program, escaped or not.
  if (/["'\\\p{Cc}]/u.test(program) || strayByte(program) !== null)
    throw new Unwritable(
      "systemd",
      program,
      "its path has a quotation mark, a backslash or a control character",
    );
  const words = [`"${withoutSpecifiers(program)}"`, ...args.map(argument)];
  return `# Written by "dync service install"; "dync service uninstall" takes it away.

[Unit]
Description=${withoutSpecifiers(description)}
Documentation=https://github.com/qbicsoftware/dync
# However often it fails. dync itself makes the pauses longer.
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart=${words.join(" ")}
Restart=always
RestartSec=5
TimeoutStopSec=30
UMask=0077
# The runtime inside the executable obeys these.
UnsetEnvironment=BUN_OPTIONS BUN_BE_BUN BUN_INSPECT BUN_INSPECT_CONNECT_TO NODE_OPTIONS LD_PRELOAD DYNC_LIBZMQ
# A core dump would hold the secret key.
LimitCORE=0
# The instrument's own software comes first.
Nice=5
IOSchedulingPriority=6

# What a manager without rights can take away everywhere. What needs namespaces (ProtectSystem, PrivateTmp) is left out: where the
# system does not give them to users the service would not start. So is MemoryDenyWriteExecute: the JavaScript engine compiles to memory.
NoNewPrivileges=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM

[Install]
WantedBy=default.target
`;
}

/** A word of a command line: in quotes, nothing in it stands for something else. */
function argument(text: string): string {
  return `"${withoutSpecifiers([...text].map(escaped).join("")).replaceAll("$", "$$$$")}"`;
}

function escaped(character: string): string {
  if (character === '"' || character === "\\") return `\\${character}`;
  if (/\p{Cc}/u.test(character) || strayByte(character) !== null)
    return [...encodeLoosely(character)].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
  return character;
}

function withoutSpecifiers(text: string): string {
  return text.replaceAll("%", "%%");
}
