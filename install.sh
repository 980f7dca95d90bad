#!/bin/sh
# Installs dync for the current user, on Linux and macOS, without root:
#
#   curl -fsSL https://downloads.example.org/dync/install.sh | sh
#
# `sh install.sh --help` says what else it can do. Everything is in functions and the last line calls main, so that
# a download of this script that breaks off does nothing at all.
set -eu

# Written by whoever gives this script away: `bun run release --base-url URL` the address, here and above; a server whose
# page offers it also where that server is, and its public key.
default_base_url=
default_server=
default_server_key=
windows_hint="on Windows use install.ps1, which lies beside this one, in PowerShell"

usage() {
  cat <<'USAGE'
Installs dync (sends files) and dync-server (receives them) for the current
user.

Usage: install.sh [--client | --server] [--to FOLDER]
                  [--server HOST --server-key KEY]
       install.sh --uninstall [--to FOLDER]

  --client             install dync alone (what a server's own page does)
  --server             (without HOST) install dync-server alone
  --to FOLDER          where the executables go (default ~/.local/bin)
  --server HOST        with --server-key: HOST or HOST:PORT of the key's server
  --server-key KEY     the server's public key: a file, an http(s) address, or
                       the 40 characters themselves
  --uninstall          remove the executables; keys stay
  -h, --help           print this text

Environment:
  DYNC_BASE_URL        where the files of the release are downloaded from
  DYNC_HOME            folder of keys and state (default ~/.dync)

Running it again upgrades the executables and touches no key.
USAGE
}

main() {
  stage=
  key_stage=
  parse_arguments "$@"
  # Set before anything is made, so that nothing is left behind however this ends.
  trap clean_up EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  trap 'exit 129' HUP
  if [ "$action" = uninstall ]; then
    uninstall
    return
  fi
  check_base_url
  check_home
  find_platform
  find_checksum_tool
  find_downloader
  open_stage
  [ -z "$server_key" ] || read_server_key
  fetch "$base_url/SHA256SUMS" "$stage/SHA256SUMS"
  for program in $programs; do
    stage_program "$program"
  done
  for program in $programs; do
    mv -f "$stage/$program" "$target/$program" || fail "cannot write $target/$program"
    say "Installed $target/$program"
  done
  for program in $programs; do
    install_completions "$program"
  done
  make_home
  check_secrets
  [ -z "$server_key" ] || install_server_key
  case " $programs " in
    *" dync "*)
      make_client_key
      if [ -n "$server_host" ]; then join_server; else show_client_key; fi
      ;;
  esac
  show_path
}

parse_arguments() {
  action=install
  programs=
  server_host=
  server_key=
  [ -n "${HOME:-}" ] || fail "HOME is not set"
  target=$HOME/.local/bin
  home=${DYNC_HOME:-$HOME/.dync}
  base_url=${DYNC_BASE_URL:-$default_base_url}
  base_url=${base_url%/}
  while [ $# -gt 0 ]; do
    case $1 in
      --client) programs=dync ;;
      --server=?*) server_host=${1#*=} ;;
      --server)
        case ${2:-} in
          "" | -*) programs=dync-server ;;
          *)
            server_host=$2
            shift
            ;;
        esac
        ;;
      --server-key=?*) server_key=${1#*=} ;;
      --to=?*) target=${1#*=} ;;
      --server-key | --to)
        [ -n "${2:-}" ] || usage_error "$1 needs a value"
        if [ "$1" = --to ]; then target=$2; else server_key=$2; fi
        shift
        ;;
      --uninstall) action=uninstall ;;
      -h | --help)
        usage
        exit 0
        ;;
      *) usage_error "unknown option $1" ;;
    esac
    shift
  done
  check_arguments
}

check_arguments() {
  if [ -z "$server_host$server_key" ] && [ "$programs" != dync-server ]; then
    server_host=$default_server
    server_key=$default_server_key
  fi
  # Who comes from a server's page wants to send.
  [ -n "$programs" ] || [ -z "$default_server" ] || [ "$action" = uninstall ] || programs=dync
  [ -n "$programs" ] || programs="dync dync-server"
  [ -z "$server_host" ] || [ -n "$server_key" ] || usage_error "--server $server_host needs --server-key"
  [ -z "$server_key" ] || [ -n "$server_host" ] || usage_error "--server-key needs --server HOST"
  case $target in
    /*) ;;
    *) target=$PWD/$target ;;
  esac
  [ -n "$server_host" ] || return 0
  # The name of the key file, as the client looks for it: lower case, no colons.
  server_file=$(printf '%s' "$server_host" | tr '[:upper:]' '[:lower:]' | sed 's/^\[\(.*\)\]/\1/' | tr : _)
  case $server_file in
    .* | *[!a-z0-9._%-]*) usage_error "--server needs a host name or HOST:PORT, found $server_host" ;;
  esac
}

check_base_url() {
  [ -n "$base_url" ] ||
    usage_error "set DYNC_BASE_URL to where the release is, such as https://HOST/dync"
}

say() {
  printf '%s\n' "$*"
}

warn() {
  printf 'install.sh: warning: %s\n' "$*" >&2
}

fail() {
  printf 'install.sh: %s\n' "$*" >&2
  exit 1
}

usage_error() {
  printf 'install.sh: %s (see --help)\n' "$*" >&2
  exit 2
}

# $1 as one word of a shell, whatever it holds.
quote() {
  case $1 in
    "" | *[!A-Za-z0-9_./:@%+,=-]*) printf "'%s'\n" "$(printf '%s\n' "$1" | sed "s/'/'\\\\''/g")" ;;
    *) printf '%s\n' "$1" ;;
  esac
}

clean_up() {
  status=$?
  trap - EXIT
  [ -z "$stage" ] || rm -rf "$stage"
  [ -z "$key_stage" ] || rm -f "$key_stage"
  exit "$status"
}

uninstall() {
  for program in $programs; do
    if [ -e "$target/$program" ]; then
      rm -f "$target/$program" || fail "cannot remove $target/$program"
      say "Removed $target/$program"
    fi
    for file in "$(bash_completions)/$program" "$(fish_completions)/$program.fish"; do
      ! is_our_completion "$program" "$file" || rm -f "$file"
    done
  done
  # The library that the programs unpack; a program that is still there unpacks it again.
  cache=${XDG_CACHE_HOME:-$HOME/.cache}/dync
  rm -f "$cache"/libzmq-*.so
  rmdir "$cache" 2>/dev/null || :
  [ ! -d "$home" ] || say "Keys and state stay in $home"
}

# --- which build ---------------------------------------------------------------------------------------------------

find_platform() {
  system=$(uname -s)
  machine=$(uname -m)
  case $machine in
    x86_64 | amd64) arch=x64 ;;
    aarch64 | arm64) arch=arm64 ;;
    *) fail "dync has no build for $system on $machine processors" ;;
  esac
  case $system in
    Linux)
      ! is_32_bit || fail "dync has no build for 32-bit systems, and this one is (on a 64-bit kernel)"
      platform=linux-$arch
      if is_musl; then
        [ "$arch" = x64 ] || fail "dync has no build for musl (Alpine) on $machine processors"
        platform=linux-x64-musl
      fi
      ;;
    Darwin)
      # A shell under Rosetta says x86_64 on a computer that is arm64.
      [ "$(sysctl -n hw.optional.arm64 2>/dev/null || echo 0)" != 1 ] || arch=arm64
      platform=macos-$arch
      ;;
    MINGW* | MSYS* | CYGWIN* | Windows*) fail "this script is for Linux and macOS; $windows_hint" ;;
    *) fail "dync has no build for $system" ;;
  esac
}

is_32_bit() {
  bits=$(getconf LONG_BIT 2>/dev/null || true)
  # Without getconf the shell's own ELF header tells: its fifth byte is 1 for 32 bits.
  [ -n "$bits" ] || [ "$(head -c 5 /bin/sh 2>/dev/null | tail -c 1 | od -An -tu1 | tr -d ' ')" != 1 ] || bits=32
  [ "$bits" = 32 ]
}

is_musl() {
  case $(ldd --version 2>&1 || true) in
    *musl*) return 0 ;;
    *GLIBC* | *"GNU libc"* | *"Free Software Foundation"*) return 1 ;;
  esac
  for loader in /lib/ld-musl-*.so.1; do
    [ -e "$loader" ] && [ ! -e /lib64/ld-linux-x86-64.so.2 ] && return 0
  done
  return 1
}

# --- downloads and checksums ---------------------------------------------------------------------------------------

# A tool only counts when it gives the right answer, so that a broken one cannot let everything through.
find_checksum_tool() {
  empty=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
  for checksum_tool in sha256sum shasum openssl; do
    [ "$(sha256 /dev/null 2>/dev/null || true)" != "$empty" ] || return 0
  done
  fail "cannot check downloads: none of sha256sum, shasum and openssl is here; install one of them"
}

sha256() {
  case $checksum_tool in
    sha256sum) sha256sum <"$1" ;;
    shasum) shasum -a 256 <"$1" ;;
    openssl) openssl dgst -sha256 -r <"$1" ;;
  esac | cut -d ' ' -f 1
}

find_downloader() {
  downloader=
  for candidate in curl wget; do
    found=$(command -v "$candidate" 2>/dev/null || true)
    case $found in
      "") ;;
      # curl from a snap may not write to hidden folders such as ~/.local.
      /snap/*) ;;
      *)
        downloader=$candidate
        break
        ;;
    esac
  done
  [ -n "$downloader" ] || fail "cannot download: neither curl nor wget is here; install one of them"
  case $base_url in
    http://127.0.0.1* | http://localhost* | http://\[::1\]*) ;;
    http://*) warn "$base_url is not encrypted: somebody on the way could replace both files and checksums" ;;
    https://*) [ "$downloader" = curl ] || is_gnu_wget ||
      warn "this wget may not check whose the certificate of $base_url is: with curl or GNU wget that would be sure" ;;
  esac
}

is_gnu_wget() {
  case $(wget --version 2>/dev/null || true) in
    *"GNU Wget"*) return 0 ;;
  esac
  return 1
}

# Downloads $1 to the file $2, or fails with one line.
fetch() {
  status=0
  if [ "$downloader" = curl ]; then
    case $1 in
      https://*) set -- "$1" "$2" --proto =https --tlsv1.2 ;;
    esac
    from=$1
    to=$2
    shift 2
    reason=$(curl -fsSL --connect-timeout 30 --retry 2 "$@" -o "$to" "$from" 2>&1 </dev/null) || status=$?
  else
    from=$1
    to=$2
    shift 2
    # Only GNU wget knows these, and without them it tries for many minutes.
    if is_gnu_wget; then
      set -- -t 2 -T 30
      # As curl does by itself: who has a certificate of an authority of their own says so once for both.
      authorities=${CURL_CA_BUNDLE:-${SSL_CERT_FILE:-}}
      [ -z "$authorities" ] || set -- "$@" --ca-certificate="$authorities"
    fi
    reason=$(wget -q "$@" -O "$to" "$from" 2>&1 </dev/null) || status=$?
  fi
  [ "$status" -ne 0 ] || return 0
  has_room || fail "no space left in $target"
  case $downloader-$status in
    curl-18) reason="the download broke off" ;;
    wget-4) reason="the network failed or the download broke off" ;;
    wget-8) reason="the server has no such file or refused it" ;;
  esac
  # curl may say something for every attempt; the last line is the one that counts.
  reason=$(printf '%s\n' "$reason" | sed -n '$p')
  fail "cannot download $from: ${reason:-$downloader failed with status $status}"
}

# Whether some more could be written; the tools do not say clearly when a disk is full.
has_room() {
  head -c 65536 /dev/zero >"$stage/room" 2>/dev/null && rm -f "$stage/room"
}

# Downloads go into a folder beside the target, so that the last step is a rename and cannot be half done.
open_stage() {
  mkdir -p "$target" 2>/dev/null || fail "cannot make the folder $target; choose another with --to FOLDER"
  for program in $programs; do
    [ ! -d "$target/$program" ] || fail "$target/$program is a folder; choose another place with --to FOLDER"
  done
  stage=$(mktemp -d "$target/.dync-install.XXXXXX" 2>/dev/null) || {
    stage=
    fail "cannot write to $target; choose another folder with --to FOLDER"
  }
}

stage_program() {
  name=$1-$platform
  expected=$(sed -n "s/^\([0-9a-f]\{64\}\) [ *]$name\$/\1/p" "$stage/SHA256SUMS")
  [ -n "$expected" ] || fail "the release at $base_url has no $name"
  say "Downloading $name"
  fetch "$base_url/$name" "$stage/$1"
  if [ "$(sha256 "$stage/$1")" != "$expected" ]; then
    has_room || fail "no space left in $target"
    fail "the download of $name is damaged or not the released file: its SHA-256 is not the one in SHA256SUMS"
  fi
  chmod 755 "$stage/$1"
  try_program "$1"
}

# Runs the new program before it replaces anything.
try_program() {
  if reply=$("$stage/$1" --version 2>&1 </dev/null); then
    say "$reply"
    return
  fi
  case $reply in
    *libstdc++* | *libgcc_s*)
      fail "$1 needs the C++ runtime: install libstdc++6 (Debian, Ubuntu) or libstdc++ (Fedora, RHEL, Alpine)"
      ;;
    # The runtime's own words, where not even an error of ours can be said.
    *"has crashed"*) fail "$1 does not start here: it needs /proc, and limits of memory that are not tight (ulimit -d, -v and -s)" ;;
    *GLIBC*) fail "$1 needs glibc 2.25 or newer, and this system's is older" ;;
    *"ermission denied"*) fail "programs in $target may not be run (mounted noexec?); choose another folder with --to" ;;
  esac
  fail "the new $1 does not run here: $(printf '%s\n' "$reply" | sed -n '/./{p;q;}')"
}

# --- completions ----------------------------------------------------------------------------------------------------

# Where the shells look for those of a user; zsh has no such place.
bash_completions() {
  printf '%s\n' "${XDG_DATA_HOME:-$HOME/.local/share}/bash-completion/completions"
}

fish_completions() {
  printf '%s\n' "${XDG_DATA_HOME:-$HOME/.local/share}/fish/vendor_completions.d"
}

is_our_completion() {
  grep -q "made by \"$1 completions" "$2" 2>/dev/null
}

# For the shells that are here. Without them everything works, so that nothing ends for their sake.
install_completions() {
  for shell in bash fish; do
    command -v "$shell" >/dev/null 2>&1 || continue
    if [ "$shell" = bash ]; then file=$(bash_completions)/$1; else file=$(fish_completions)/$1.fish; fi
    "$target/$1" completions "$shell" >"$stage/completions" 2>/dev/null </dev/null || continue
    [ -s "$stage/completions" ] || continue
    # One that the user wrote stays.
    [ ! -e "$file" ] || is_our_completion "$1" "$file" || continue
    mkdir -p "${file%/*}" 2>/dev/null || continue
    mv -f "$stage/completions" "$file" 2>/dev/null || :
  done
}

# --- keys ----------------------------------------------------------------------------------------------------------

# A folder that was there before keeps its permissions. One in which others could read, replace or add keys is refused,
# before anything is installed.
check_home() {
  case $home in
    /*) ;;
    *) home=$PWD/$home ;;
  esac
  [ -e "$home" ] || return 0
  [ -d "$home" ] || fail "$home is no folder; choose another place for keys with DYNC_HOME"
  other="choose another folder for keys with DYNC_HOME"
  [ "$(cd "$home" 2>/dev/null && pwd -P)" != / ] || fail "keys do not belong in /; $other"
  look_at "$home/."
  [ "$owner" = "$(id -u)" ] || fail "$home belongs to another user; $other"
  case $mode in
    ????------*) return 0 ;;
    ????????w*) fail "$home is shared with everybody; $other" ;;
  esac
  ! has_others_files || fail "$home is open to others and holds more than dync's files; $other"
  case $mode in
    ?????w*) fail "$home can be written by others; keep them out with: chmod 700 $(quote "$home")" ;;
  esac
  warn "$home is open to others; to keep them out: chmod 700 $(quote "$home")"
}

# Sets mode (as ls writes it) and owner (a number) to those of $1.
look_at() {
  # shellcheck disable=SC2012 # the name comes last, and is not read
  read -r mode _ owner _ <<PROPERTIES
$(LC_ALL=C ls -ldn "$1" | sed -n 1p)
PROPERTIES
}

has_others_files() {
  for entry in "$home"/* "$home"/.[!.]*; do
    case ${entry##*/} in
      "*" | ".[!.]*" | *.key* | clients | servers | uploads | data | *.toml) ;;
      *) return 0 ;;
    esac
  done
  return 1
}

make_home() {
  [ -d "$home" ] || (umask 077 && mkdir -p "$home") || fail "cannot make the folder $home"
}

check_secrets() {
  for secret in "$home/client.key_secret" "$home/server.key_secret"; do
    [ -f "$secret" ] || continue
    look_at "$secret"
    case $mode in
      ????------*) ;;
      *) warn "others may read the secret key $secret, so dync refuses it; to mend that: chmod 600 $(quote "$secret")" ;;
    esac
  done
}

# Takes the server's key from a file, an address or the command line, before anything is installed.
read_server_key() {
  case $server_key in
    http://* | https://*)
      fetch "$server_key" "$stage/server.key"
      from=$server_key
      ;;
    *)
      # A path can look like a key, so a file that is there comes first.
      if [ -f "$server_key" ]; then
        from=$server_key
        cat "$server_key" >"$stage/server.key" 2>/dev/null || fail "cannot read $server_key"
      else
        from="--server-key"
        is_key "$server_key" || fail "--server-key is neither a file, an http(s) address nor a key of 40 characters: $server_key"
        printf '%s\n' "$server_key" >"$stage/server.key" || fail "no space left in $target"
      fi
      ;;
  esac
  ! grep -q 'secret-key' "$stage/server.key" ||
    fail "$from holds a secret key, which must never leave the server: ask for the public one (server.key)"
  server_public_key=$(public_key_in "$stage/server.key")
  is_key "$server_public_key" || fail "$from holds no public key of a dync server"
  file=$home/servers/$server_file.key
  [ ! -e "$file" ] || [ "$(public_key_in "$file")" = "$server_public_key" ] ||
    fail "$file holds another key, and stays; remove it first if the server's key has really changed"
}

# The key in a certificate file, or in a file that holds nothing but the 40 characters.
public_key_in() {
  key=$(sed -n 's/^[[:space:]]*public-key[[:space:]]*=[[:space:]]*"\(.*\)".*$/\1/p' "$1" | sed -n 1p)
  [ -n "$key" ] || key=$(head -c 64 "$1" | tr -d '\r' | sed -n 1p)
  printf '%s\n' "$key"
}

is_key() {
  printf '%s\n' "$1" | LC_ALL=C grep -Eq '^[]0-9a-zA-Z.:+=^!/*?&<>()[{}@%$#-]{40}$' && key_bytes "$1" >/dev/null
}

# The 32 bytes of a key in Z85, as octal escapes for printf.
key_bytes() {
  printf '%s\n' "$1" | LC_ALL=C awk '
    {
      alphabet = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
      for (group = 0; group < 8; group++) {
        value = 0
        for (digit = 1; digit <= 5; digit++)
          value = value * 85 + index(alphabet, substr($0, group * 5 + digit, 1)) - 1
        if (value > 4294967295) exit 1
        for (divisor = 16777216; divisor >= 1; divisor /= 256)
          printf "\\%03o", int(value / divisor) % 256
      }
    }'
}

# SHA256: and base64, as ssh and dync write it.
fingerprint() {
  # shellcheck disable=SC2059 # the escapes are what it is for
  printf "$(key_bytes "$1")" >"$stage/key"
  sha256 "$stage/key" | awk '
    {
      alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
      text = ""
      # Two hexadecimal zeros make the 256 bits a multiple of 6 and of 12.
      hex = $1 "00"
      for (at = 1; at <= 64; at += 3) {
        value = 0
        for (digit = 0; digit < 3; digit++)
          value = value * 16 + index("0123456789abcdef", substr(hex, at + digit, 1)) - 1
        text = text substr(alphabet, int(value / 64) + 1, 1) substr(alphabet, value % 64 + 1, 1)
      }
      print "SHA256:" substr(text, 1, 43)
    }'
}

install_server_key() {
  file=$home/servers/$server_file.key
  if [ -e "$file" ]; then
    say "Server key of $server_host is there already: $file"
    return
  fi
  (umask 077 && mkdir -p "$home/servers") || fail "cannot make the folder $home/servers"
  key_stage=$(mktemp "$home/servers/.dync-install.XXXXXX" 2>/dev/null) || {
    key_stage=
    fail "cannot write to $home/servers"
  }
  cat >"$key_stage" <<CERTIFICATE || fail "no space left in $home"
#   ZeroMQ CURVE Public Certificate of the dync server $server_host

metadata
curve
    public-key = "$server_public_key"
CERTIFICATE
  mv "$key_stage" "$file" || fail "cannot write $file"
  key_stage=
  say "Installed the key of the server $server_host: $file"
  say "    fingerprint $(fingerprint "$server_public_key") (compare it with what the administrator tells you)"
}

make_client_key() {
  [ ! -e "$home/client.key_secret" ] || return 0
  reply=$(DYNC_HOME=$home "$target/dync" keygen 2>&1 </dev/null) ||
    fail "dync is installed, but made no keys: $(printf '%s\n' "$reply" | sed -n '/./{p;q;}')"
}

# Asks the server to let this user in, so that whoever looks after it finds the key there. Where it does not answer, the
# key can still be sent to them.
join_server() {
  say ""
  status=0
  { trouble=$(DYNC_HOME=$home "$target/dync" join "$server_host" 2>&1 >&3 </dev/null) || status=$?; } 3>&1
  if [ -n "$trouble" ]; then
    warn "the server was not asked to let you in: $(printf '%s\n' "$trouble" | sed -n '1s/^dync: error: //p')"
    show_client_key
    say "Or try again later:  $(dync_command) join $server_host"
    return
  fi
  say ""
  if [ "$status" = 0 ]; then say "To send a file:"; else say "Then send the first file:"; fi
  say "    $(dync_command) -k sample:S-17 $server_host FILE"
  say "If that does not work, this says why:  $(dync_command) doctor $server_host"
}

# How dync is called in this terminal.
dync_command() {
  case ":$PATH:" in
    *":$target:"*) say dync ;;
    *) quote "$target/dync" ;;
  esac
}

show_client_key() {
  public_key=$(public_key_in "$home/client.key" 2>/dev/null || true)
  if ! is_key "$public_key"; then
    warn "there is a secret key in $home, but no public one beside it (client.key)"
    return
  fi
  say ""
  say "Its fingerprint:  $(fingerprint "$public_key")"
  hand_over=$home/client.key
  for file in "$home"/*@*.key; do
    [ "$(public_key_in "$file" 2>/dev/null)" = "$public_key" ] && hand_over=$file
  done
  say "Send the file $hand_over to the administrator of the server, who then lets you send data."
  say "Never give away $home/client.key_secret."
}

# --- what is left to do --------------------------------------------------------------------------------------------

show_path() {
  first=${programs%% *}
  case $target in
    *:*)
      warn "$target has a colon, so it cannot be in PATH; choose another folder with --to, or type the whole path"
      return
      ;;
  esac
  case ":$PATH:" in
    *":$target:"*)
      found=$(command -v "$first" 2>/dev/null || true)
      [ "$found" = "$target/$first" ] || warn "\"$first\" still means $found, which comes earlier in PATH"
      return
      ;;
  esac
  say ""
  case ${SHELL:-} in
    */fish) say "Add $target to your PATH: fish_add_path $(quote_for_fish "$target")" ;;
    */zsh) path_line "$HOME/.zshrc" ;;
    */bash) path_line "$HOME/.bashrc" ;;
    *) path_line "$HOME/.profile" ;;
  esac
}

path_line() {
  say "Add this line to $1, then open a new terminal:"
  case $(quote "$target") in
    "$target") say "    export PATH=\"$target:\$PATH\"" ;;
    *) say "    export PATH=$(quote "$target"):\"\$PATH\"" ;;
  esac
}

quote_for_fish() {
  printf "'%s'\n" "$(printf '%s\n' "$1" | sed -e 's/\\/\\\\/g' -e "s/'/\\\\'/g")"
}

main "$@"
