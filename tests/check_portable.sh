#!/bin/sh
# SPDX-License-Identifier: MIT
# Whether a library does on another machine what it does on this one: check_portable.sh LIBRARY OTHER_LIBRARY NEEDED COMPILER [RUNNER...]
# The compiler builds tests/portable.c with the other static library, and the runner runs it. Every line it prints must be one
# that it prints here, and NEEDED names the beginnings of lines that must be among them.
set -eu

tests=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
native=$1 other=$2 needed=$3 compiler=$4
shift 4
desk=$(mktemp -d)
trap 'rm -rf "$desk"' EXIT
trap 'exit 1' HUP INT TERM

# program COMPILER LIBRARY NAME
program()
{
    "$1" -std=c11 -O1 -static '-DSIXNET_HEADER=<sixnet/sixnet.h>' "-I$tests/../include" "$tests/portable.c" -o "$desk/$3" \
        "$2" -lm -lpthread
}

program gcc "$native" here
program "$compiler" "$other" there
"$desk/here" | sort -u >"$desk/expected"
"$@" "$desk/there" | sort -u >"$desk/found"
cat "$desk/found"
[ -z "$(comm -13 "$desk/expected" "$desk/found")" ] || { echo "here it prints:"; cat "$desk/expected"; exit 1; }
for word in $needed; do
    grep -q "^$word " "$desk/found" || { echo "no $word"; exit 1; }
done
