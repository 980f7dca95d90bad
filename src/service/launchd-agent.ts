// The property list of a service for launchd, as an agent of a user. Pure.

import { expectXmlText, xmlText } from "./xml-text.ts";

export interface AgentTexts {
  readonly label: string;
  /** Absolute path of the program, and its arguments. */
  readonly command: readonly [string, ...string[]];
}

/** Throws `DyncError` ("configuration") where a word has what no property list can hold. */
export function launchdAgent({ label, command }: AgentTexts): string {
  for (const word of command) expectXmlText("launchd", word);
  const words = command.map((it) => `    <string>${xmlText(it)}</string>\n`).join("");
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<!-- Written by "dync service install"; "dync service uninstall" takes it away. -->
<plist version="1.0">
<dict>
  <key>Label</key>
  <string>${xmlText(label)}</string>
  <key>ProgramArguments</key>
  <array>
${words}  </array>
  <key>RunAtLoad</key>
  <true/>
  <key>KeepAlive</key>
  <true/>
  <key>ThrottleInterval</key>
  <integer>10</integer>
  <key>ProcessType</key>
  <string>Background</string>
  <key>LowPriorityIO</key>
  <true/>
  <key>Umask</key>
  <integer>63</integer>
</dict>
</plist>
`;
}
