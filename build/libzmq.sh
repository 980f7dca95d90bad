#!/bin/sh
# Builds libzmq for a target from Debian's source packages, with CURVE, libsodium inside, and the patches in
# libzmq-patches/, each of which says why: libzmq.sh linux-x64 | linux-arm64 | windows-x64
# The npm package's libraries lack the patches, and its Windows addon exports no C functions.
#
# Prints the path of the library on stdout; everything else goes to stderr. Called by build/stage.ts and by hand.
# Exit status: 0 the library is there, 3 it cannot be built on this machine (one line says why), 1 the build failed.
# --cached only looks: it prints the path if the library is there, and is silent with status 3 if not.
# Libraries are kept in DYNC_BUILD_CACHE, or else in the user's cache folder, under a name with the recipe's hash: all
# checkouts share them.
# DYNC_INSTALL_PACKAGES=no keeps it from installing missing build tools (only ever done as root on Debian).
# It must not touch the machine's own package lists: it brings a sources list of its own.
set -eu

# Pinned sources. The hashes are those of the signed Debian index, so that a build is the same next year.
suite=bookworm
zeromq=4.3.4
zeromq_source="zeromq3=4.3.4-6"
sodium=1.0.18
sodium_source="libsodium=1.0.18-1+deb12u1"
pinned_hashes() {
  cat <<'HASHES'
0ff5a531c9ffaf0dfdc7dc78d13d1383088f454896d252934c429b2554d10559  zeromq3_4.3.4.orig.tar.gz
fbb0dcb4ffbf483d416d9af722db74ad4edd7004625ce10381e8cd3a71b6cd58  zeromq3_4.3.4-6.debian.tar.xz
d59323c6b712a1519a5daf710b68f5e7fde57040845ffec53850911f10a5d4f4  libsodium_1.0.18.orig.tar.gz
f410474e46346b06b162defa05b1be26906aeed6cf309e3d4ebe30b4d1350733  libsodium_1.0.18-1+deb12u1.debian.tar.xz
HASHES
}

# What the executables promise, whatever the machine has that builds them.
glibc_max=2.25

choose_target() {
  target=$1
  suffix=so
  case $target in
    linux-x64) host=x86_64-linux-gnu compiler=g++-x86-64-linux-gnu posix='' processor=x86_64 ;;
    linux-arm64) host=aarch64-linux-gnu compiler=g++-aarch64-linux-gnu posix='' processor=aarch64 ;;
    windows-x64)
      host=x86_64-w64-mingw32 compiler=g++-mingw-w64-x86-64-posix posix=-posix processor=x86_64 suffix=dll
      ;;
    *)
      echo "usage: libzmq.sh [--cached] linux-x64 | linux-arm64 | windows-x64" >&2
      exit 2
      ;;
  esac
  # The machine's own compiler comes with a plain name, and has the long one as well.
  [ "$(uname -m)" != "$processor" ] || [ $suffix = dll ] || compiler=g++
  packages="$compiler cmake make autoconf automake libtool dpkg-dev patch ca-certificates"
  needed="apt-get dpkg-source $host-g++$posix $host-gcc$posix $host-objdump cmake make autoconf automake libtoolize patch sha256sum"
}

main() {
  cached_only=no
  if [ "${1:-}" = --cached ]; then
    cached_only=yes
    shift
  fi
  choose_target "${1:-}"
  here=$(cd "$(dirname "$0")" && pwd)
  command -v sha256sum >/dev/null 2>&1 || cannot "missing sha256sum"
  cache=${DYNC_BUILD_CACHE:-${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}/dync-build}
  library=$cache/libzmq-$target-$(recipe).$suffix
  stamp=$library.sha256
  if is_cached; then
    echo "$library"
    return
  fi
  [ "$cached_only" = no ] || exit 3
  need_tools
  mkdir -p "$cache" 2>/dev/null || cannot "no folder $cache: set DYNC_BUILD_CACHE"
  work=$(mktemp -d "$cache/libzmq-build.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  trap 'exit 1' HUP INT TERM
  log=$cache/libzmq-$target.log
  : >"$log"
  step "fetching sources" fetch_sources
  step "building libsodium $sodium" build_sodium
  step "building libzmq $zeromq" build_zeromq
  step "checking the library" check_library
  publish
  echo "$library"
}

# Everything here that decides what the library is.
recipe() {
  (
    cd "$here"
    sha256sum libzmq.sh libzmq-old-glibc.c libzmq-patches/*.patch libzmq-patches/*.hpp
  ) | sha256sum | cut -c 1-16
}

is_cached() {
  [ -f "$stamp" ] && [ -f "$library" ] || return 1
  [ "$(cat "$stamp")" = "$(sha256sum "$library" | cut -c 1-64)" ]
}

# Runs one step with its output in the log. The step runs in a subshell of its own, because `set -e` is off
# inside anything that `if` or `||` looks at.
step() {
  say "$1"
  shift
  set +e
  (
    set -e
    "$@"
  ) >>"$log" 2>&1
  status=$?
  set -e
  [ "$status" -eq 0 ] && return
  tail -n 15 "$log" >&2
  [ "$status" -eq 3 ] && cannot "Debian's source packages cannot be fetched"
  say "failed; the whole log is $log"
  exit 1
}

say() {
  echo "libzmq for $target: $*" >&2
}

cannot() {
  say "cannot be built here: $*"
  exit 3
}

need_tools() {
  missing=$(missing_tools)
  if [ -n "$missing" ] && may_install; then
    say "installing $packages"
    # shellcheck disable=SC2086 # a list of words
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $packages >/dev/null 2>&1 || true
    missing=$(missing_tools)
  fi
  [ -z "$missing" ] || cannot "missing $missing (Debian: apt-get install $packages)"
  [ -f /usr/share/keyrings/debian-archive-keyring.gpg ] || cannot "missing the package debian-archive-keyring"
}

missing_tools() {
  list=
  for tool in $needed; do
    command -v "$tool" >/dev/null 2>&1 || list="$list $tool"
  done
  echo "${list# }"
}

may_install() {
  [ "${DYNC_INSTALL_PACKAGES:-yes}" = yes ] && [ "$(id -u)" -eq 0 ] && [ -f /etc/debian_version ] &&
    command -v apt-get >/dev/null 2>&1
}

fetch_sources() {
  cd "$work"
  mkdir -p lists/partial archives/partial sources
  # The mirror that this machine uses for its packages has the sources as well.
  # shellcheck disable=SC2016 # apt-get's own placeholder
  mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Component: main' | grep '/debian/*$' | head -n 1)
  [ -n "$mirror" ] || cannot "no Debian mirror among the package sources of this machine (apt-get update)"
  echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" >sources.list
  own="-o Dir::Etc::sourcelist=$work/sources.list -o Dir::Etc::sourceparts=/dev/null"
  own="$own -o Dir::State::lists=$work/lists -o Dir::Cache=$work/archives -o APT::Sandbox::User=root"
  own="$own -o Acquire::Retries=1 -o Acquire::http::Timeout=20"
  # shellcheck disable=SC2086 # a list of options; the folder comes from mktemp and this checkout
  apt-get -q $own update || exit 3
  cd sources
  # shellcheck disable=SC2086
  apt-get -q $own source --download-only "$zeromq_source" "$sodium_source" || exit 3
  pinned_hashes >SHA256SUMS
  sha256sum -c SHA256SUMS
  dpkg-source --no-check -x zeromq3_*.dsc "$work/zeromq"
  dpkg-source --no-check -x libsodium_*.dsc "$work/sodium"
  for change in "$here"/libzmq-patches/*.patch; do
    patch -d "$work/zeromq" -p1 --fuzz=0 <"$change"
  done
  cp "$here"/libzmq-patches/*.hpp "$work/zeromq/src"
}

# No build path, date or host name may reach the library: the same sources give the same bytes.
compile_flags() {
  case $target in
    # With more, mingw asks for a library of checked copies.
    windows-*) echo "-O2 -g0 -ffile-prefix-map=$work=." ;;
    *) echo "-O3 -g0 -fPIC -ffile-prefix-map=$work=." ;;
  esac
}

build_sodium() {
  cd "$work/sodium"
  export SOURCE_DATE_EPOCH=0 ZERO_AR_DATE=1
  ./autogen.sh
  ./configure --host=$host --disable-shared --enable-static --prefix="$work/prefix" \
    CC=$host-gcc$posix CFLAGS="$(compile_flags)"
  make -j "$(nproc 2>/dev/null || echo 2)"
  make install
}

# With the draft options, as the npm package's builds have them: ZMQ_IN_BATCH_SIZE is one in this version.
build_zeromq() {
  cd "$work"
  export SOURCE_DATE_EPOCH=0
  # shellcheck disable=SC2046 # a list of options without spaces in them
  PKG_CONFIG_LIBDIR="$work/prefix/lib/pkgconfig" cmake -S zeromq -B zeromq-build -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_SYSTEM_PROCESSOR=$processor -DCMAKE_C_COMPILER=$host-gcc$posix -DCMAKE_CXX_COMPILER=$host-g++$posix \
    -DCMAKE_FIND_ROOT_PATH="$work/prefix;/usr/$host" -DCMAKE_FIND_ROOT_PATH_MODE_INCLUDE=ONLY \
    -DCMAKE_FIND_ROOT_PATH_MODE_LIBRARY=ONLY -DCMAKE_FIND_ROOT_PATH_MODE_PROGRAM=NEVER \
    -DSODIUM_INCLUDE_DIRS="$work/prefix/include" -DSODIUM_LIBRARIES="$work/prefix/lib/libsodium.a" \
    -DPOLLER=epoll -DENABLE_CURVE=ON -DWITH_LIBSODIUM=ON -DWITH_LIBBSD=OFF -DBUILD_SHARED=ON -DBUILD_STATIC=OFF \
    -DBUILD_TESTS=OFF -DWITH_PERF_TOOL=OFF -DWITH_DOCS=OFF -DENABLE_CPACK=OFF -DENABLE_DRAFTS=ON -DENABLE_WS=OFF \
    $(system_options) \
    -DCMAKE_SHARED_LINKER_FLAGS="$(link_flags)" \
    -DCMAKE_C_FLAGS="$(compile_flags) -I$work/shim" \
    -DCMAKE_CXX_FLAGS="$(compile_flags) -I$work/shim -I$work/prefix/include -DSODIUM_STATIC"
  case $target in
    windows-*) correct_windows_platform ;;
  esac
  grep -q '^#define ZMQ_HAVE_CURVE' zeromq-build/platform.hpp
  grep -q '^#define ZMQ_USE_LIBSODIUM' zeromq-build/platform.hpp
  grep -q '^#define ZMQ_IOTHREAD_POLLER_USE_EPOLL' zeromq-build/platform.hpp
  cmake --build zeromq-build -j "$(nproc 2>/dev/null || echo 2)"
}

system_options() {
  case $target in
    windows-*)
      # wepoll.c asks for the headers by names that only match on a file system that ignores case.
      mkdir -p shim
      for header in WinSock2.h WS2tcpip.h Windows.h; do
        echo "#include <$(echo $header | tr '[:upper:]' '[:lower:]')>" >"shim/$header"
      done
      echo "-DCMAKE_SYSTEM_NAME=Windows -DCMAKE_SYSTEM_VERSION=6.2 -DCMAKE_RC_COMPILER=$host-windres"
      echo "-DZMQ_WIN32_WINNT=0x0602 -DZMQ_CV_IMPL=win32api"
      ;;
    *) echo "-DCMAKE_SYSTEM_NAME=Linux -DZMQ_CV_IMPL=pthreads" ;;
  esac
}

link_flags() {
  case $target in
    windows-*) echo "-static -s -Wl,--no-insert-timestamp" ;;
    *)
      # shellcheck disable=SC2046 # a list of options
      $host-gcc -std=gnu11 $(compile_flags) -c "$here/libzmq-old-glibc.c" -o old-glibc.o
      # C++ is inside and stays there: systems have older ones, and the program has one of its own. Threads were a
      # library of their own in older glibcs.
      echo "$work/old-glibc.o -static-libgcc -static-libstdc++ -Wl,--exclude-libs,ALL -s -Wl,-z,relro,-z,now" \
        "-Wl,--no-as-needed -l:libpthread.so.0 -Wl,--as-needed -Wl,--build-id=none"
      ;;
  esac
}

# CMake's probes run against the wrong headers when cross-compiling: mingw has no afunix.h that libzmq can use, and
# the C++11 condition variable is chosen although the win32 one was asked for.
correct_windows_platform() {
  platform=$work/zeromq-build/platform.hpp
  sed -e 's/^#define ZMQ_HAVE_IPC.*/\/\* no IPC \*\//' \
    -e 's/^#define ZMQ_USE_CV_IMPL_STL11.*/#define ZMQ_USE_CV_IMPL_WIN32API/' "$platform" >"$platform.new"
  mv "$platform.new" "$platform"
  grep -q '^#define ZMQ_USE_CV_IMPL_WIN32API' "$platform"
}

built_library() {
  case $target in
    windows-*) find "$work/zeromq-build" -name 'libzmq*.dll' -type f ;;
    *) find "$work/zeromq-build" -name 'libzmq.so*' -type f ;;
  esac
}

check_library() {
  built=$(built_library)
  [ -f "$built" ]
  case $target in
    windows-*) $host-objdump -p "$built" >"$work/headers" ;;
    *) $host-objdump -T -p "$built" >"$work/headers" ;;
  esac
  for name in zmq_ctx_new zmq_ctx_term zmq_ctx_set zmq_socket zmq_close zmq_setsockopt zmq_getsockopt zmq_bind \
    zmq_connect zmq_send zmq_recv zmq_poll zmq_msg_init zmq_msg_init_size zmq_msg_send zmq_msg_recv zmq_msg_data \
    zmq_msg_size zmq_msg_more zmq_msg_gets zmq_msg_close zmq_errno zmq_strerror zmq_version zmq_has \
    zmq_socket_monitor zmq_curve_keypair zmq_curve_public; do
    grep -q "[[:space:]]$name\$" "$work/headers" || {
      echo "the library does not export $name"
      exit 1
    }
  done
  case $target in
    windows-*) check_windows_needs ;;
    *) check_linux_needs ;;
  esac
}

# Only what every Windows brings: a mingw runtime of its own would have to be shipped too.
check_windows_needs() {
  if grep 'DLL Name' "$work/headers" | grep -viE 'kernel32|msvcrt|ws2_32|advapi32|iphlpapi|rpcrt4|user32'; then
    echo "the library needs a DLL that Windows does not bring"
    exit 1
  fi
}

check_linux_needs() {
  newest=$(grep -o 'GLIBC_[0-9.]*' "$work/headers" | sed 's/^GLIBC_//' | sort -u -V | tail -n 1)
  if [ "$(printf '%s\n%s\n' "$newest" "$glibc_max" | sort -V | tail -n 1)" != "$glibc_max" ]; then
    echo "the library needs glibc $newest, want $glibc_max at most: build/libzmq-old-glibc.c has to name these"
    grep -E "GLIBC_$newest" "$work/headers"
    exit 1
  fi
  if grep NEEDED "$work/headers" | grep -vE 'libc\.so\.6|libpthread\.so\.0|ld-linux|libm\.so\.6|librt\.so\.1'; then
    echo "the library needs one that not every system has"
    exit 1
  fi
}

publish() {
  cp "$(built_library)" "$work/built"
  rm -f "$stamp"
  mv "$work/built" "$library"
  sha256sum "$library" | cut -c 1-64 >"$stamp"
}

main "$@"
