#!/bin/sh
# Builds the stand-in bcryptprimitives.dll for tests under wine into build/cache/wine. Prints its path on stdout.
# Exit status 3 when there is no mingw compiler here. Called by test/support/wine.ts.
set -eu

main() {
  here=$(cd "$(dirname "$0")" && pwd)
  target=$here/../../../build/cache/wine
  library=$target/bcryptprimitives.dll
  if [ -z "$(find "$library" -newer "$here/bcryptprimitives.c" 2>/dev/null)" ]; then
    compiler=$(command -v x86_64-w64-mingw32-gcc-posix || command -v x86_64-w64-mingw32-gcc) || {
      echo "bcryptprimitives.dll for wine cannot be built here: missing x86_64-w64-mingw32-gcc" >&2
      exit 3
    }
    mkdir -p "$target"
    "$compiler" -O2 -shared -static -s -o "$library.$$" "$here/bcryptprimitives.c" -ladvapi32
    mv "$library.$$" "$library"
  fi
  (cd "$target" && echo "$PWD/bcryptprimitives.dll")
}

main "$@"
