// The definition of a service for Windows' task scheduler: a task of one user, at logon, without administrator rights. Pure.

import { Unwritable } from "./unwritable.ts";
import { expectXmlText, xmlText } from "./xml-text.ts";

export interface TaskTexts {
  readonly description: string;
  /** Whose task it is: `COMPUTER\user`. */
  readonly user: string;
  /** Absolute path of the program, and its arguments. */
  readonly command: readonly [string, ...string[]];
}

/** Throws `DyncError` ("configuration") where a word would not arrive as it is. */
export function scheduledTask({ description, user, command }: TaskTexts): string {
  for (const word of command) {
    expectXmlText("The task scheduler", word);
    // %PATH% is replaced by the variable's value, $(Arg0) by what a task is started with: neither can be escaped.
    if (/%|\$\(/.test(word)) throw new Unwritable("The task scheduler", word, 'it has a "%" or a "$("');
  }
  const [program, ...args] = command;
  // A logon starts it, and whatever ended it, it is started again within five minutes, also before the first logon after it was
  // installed: while it runs, another start is ignored.
  return `<?xml version="1.0" encoding="UTF-16"?>
<!-- Written by "dync service install"; "dync service uninstall" takes it away. -->
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Description>${xmlText(description)}</Description>
  </RegistrationInfo>
  <Triggers>
    <LogonTrigger>
      <Enabled>true</Enabled>
      <UserId>${xmlText(user)}</UserId>
    </LogonTrigger>
    <TimeTrigger>
      <Repetition>
        <Interval>PT5M</Interval>
      </Repetition>
      <StartBoundary>2026-01-01T00:00:00</StartBoundary>
      <Enabled>true</Enabled>
    </TimeTrigger>
  </Triggers>
  <Principals>
    <Principal id="Author">
      <UserId>${xmlText(user)}</UserId>
      <LogonType>InteractiveToken</LogonType>
      <RunLevel>LeastPrivilege</RunLevel>
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <StartWhenAvailable>true</StartWhenAvailable>
    <AllowStartOnDemand>true</AllowStartOnDemand>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <Priority>7</Priority>
    <RestartOnFailure>
      <Interval>PT1M</Interval>
      <Count>999</Count>
    </RestartOnFailure>
  </Settings>
  <Actions Context="Author">
    <Exec>
      <Command>${xmlText(`"${program}"`)}</Command>
      <Arguments>${xmlText(windowsArguments(args))}</Arguments>
    </Exec>
  </Actions>
</Task>
`;
}

/** Words as one text, which programs for Windows take apart again (as `CommandLineToArgvW` does). */
export function windowsArguments(words: readonly string[]): string {
  return words.map((it) => (/^[^\s"]+$/.test(it) ? it : quoted(it))).join(" ");
}

/** Backslashes mean themselves but before a quotation mark, where two are one. */
function quoted(word: string): string {
  return `"${word.replace(/(\\*)("|$)/g, (_, slashes: string, end: string) => slashes + slashes + (end === "" ? "" : `\\${end}`))}"`;
}
