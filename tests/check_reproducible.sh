#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds the library twice, from two copies of the sources in different folders, at times that differ by years, without a network, and
# compares what is installed, byte by byte: check_reproducible.sh [MESON_OPTION...]
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
desk=$(mktemp -d)
trap 'rm -rf "$desk"' EXIT
trap 'exit 1' HUP INT TERM
export CCACHE_DISABLE=1

# alone COMMAND...: without a network, where the system lets us.
alone()
{
    if unshare --net true 2>/dev/null; then unshare --net "$@"; else "$@"; fi
}

# make FOLDER TIME OPTION...
make()
{
    folder=$desk/$1 time=$2
    shift 2
    mkdir -p "$folder/source"
    (cd "$root" && tar -c --exclude=./build --exclude=./.git --exclude=./examples/data .) | tar -x -C "$folder/source"
    alone faketime -f "$time" meson setup "$folder/build" "$folder/source" --prefix=/usr --buildtype=release \
        -Dtests=false -Dexamples=false -Ddocs=disabled "$@"
    alone faketime -f "$time" ninja -C "$folder/build"
    DESTDIR=$folder/stage meson install -C "$folder/build" --quiet --no-rebuild
}

make one '+0' "$@"
make a/longer/name/for/the/other '+900d' "$@"
diff -r "$desk/one/stage" "$desk/a/longer/name/for/the/other/stage"
find "$desk/one/stage" -type f | grep -q 'libsixnet\.a$'
