// What `completions --help` prints, of both programs.

/** The help text for `program`; `listsServers` is whether it has the option of that name. */
export function completionsUsage(program: string, listsServers: boolean): string {
  const own = `_${program}`;
  return `
Print the script with which a shell completes words of ${program}: commands,
options with what each is for, values${listsServers ? ", files and the servers that are known" : " and files"}.

Usage:
  ${program} completions bash|zsh|fish|powershell

Examples:
  ${program} completions bash >> ~/.bash_completion
  ${program} completions zsh > ~/.zfunc/${own}
  ${program} completions fish > ~/.config/fish/completions/${program}.fish
  ${program} completions powershell >> $PROFILE

The folder has to be there. bash reads it where the package bash-completion is;
without that, "source" the script in ~/.bashrc. zsh has to be told of its folder
in ~/.zshrc, before "compinit": fpath=(~/.zfunc $fpath). Every shell that is
begun then completes; after an upgrade make the script anew.

Options:
${listsServers ? "      --servers  print what is known to stand for SERVER, as the scripts ask\n" : ""}  -h, --help     print this text
`;
}
