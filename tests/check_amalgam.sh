#!/bin/sh
# SPDX-License-Identifier: MIT
# Makes the one-file form, compiles it in the ways that are offered, without a warning, and compares what tests/portable.c prints with what
# it prints with the library of a build: check_amalgam.sh BUILD_FOLDER
set -eu

tests=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
build=$(CDPATH='' cd -- "$1" && pwd)
desk=$(mktemp -d)
trap 'rm -rf "$desk"' EXIT
trap 'exit 1' HUP INT TERM
files='-DSIXNET_NO_FILES'
threads='-DSIXNET_NO_THREADS'
inference='-DSIXNET_INFERENCE_ONLY'

# expected NAME OPTION...: what the program prints with the library.
expected()
{
    name=$1
    shift
    gcc -std=c11 "$@" '-DSIXNET_HEADER=<sixnet/sixnet.h>' "-I$tests/../include" "$tests/portable.c" -o "$desk/$name" \
        "$build/lib/libsixnet.a" -lm -lpthread
    "$desk/$name" >"$desk/$name.out"
}

# object NAME COMPILER OPTION...: compiles the file, from another folder.
object()
{
    name=$1
    shift
    "$@" -Wall -Wextra -Werror -c "$desk/one/sixnet.c" -o "$desk/$name.o" 2>"$desk/$name.log" || echo failed >"$desk/$name.failed"
}

# same NAME EXPECTED OPTION...: whether an object does the same.
same()
{
    name=$1 like=$2
    shift 2
    [ ! -e "$desk/$name.failed" ] || { cat "$desk/$name.log"; return 1; }
    gcc -std=c11 "$@" '-DSIXNET_HEADER="sixnet.h"' "-I$desk/one" "$tests/portable.c" -o "$desk/program" "$desk/$name.o" -lm -lpthread
    "$desk/program" | diff "$desk/$like.out" - >&2
    echo "$name: the same results; $(size "$desk/$name.o" | awk 'END { print $1 }') bytes of code"
}

# imports_none NAME: nothing of files or threads is asked of the system.
imports_none()
{
    for symbol in $(nm -P -u "$desk/$1.o" | cut -d' ' -f1); do
        case " $forbidden $symbol" in
        *" $symbol "* | *" pthread_"* | *" sched_"*)
            echo "$1 asks for $symbol"
            return 1
            ;;
        esac
    done
}

forbidden=$(awk '/^# / { files = /^# files/ } files && !/^#/' "$tests/imports.txt" | tr '\n' ' ')
[ -n "$forbidden" ]
"$tests/../tools/amalgamate" "$desk/one"
"$tests/../tools/amalgamate" "$desk/again"
diff -r "$desk/one" "$desk/again"
expected all
expected predictions $inference

object gcc gcc -std=c11 -O2 -fPIC &
object clang clang -std=c11 -O2 &
wait
object plain gcc $threads $files -O2 &
object small gcc $inference -Os &
object least clang -std=c11 $inference $threads $files -Os &
wait

same gcc all
same clang all
same plain all $threads $files
same small predictions $inference
same least predictions $inference $threads $files
imports_none plain
imports_none least

echo "what it gives and takes"
gcc -shared "$desk/gcc.o" -o "$desk/one.so" -lm -lpthread
python3 "$tests/check_symbols.py" "$desk/one.so" "$desk/gcc.o"

echo "as a user has it"
sed 's,<sixnet/layer.h>,"sixnet.h",' "$tests/consumers/consumer.c" >"$desk/one/consumer.cpp"
(cd "$desk/one" && g++ -std=c++11 -Wall -Wextra -Wpedantic -Werror consumer.cpp ../gcc.o -o consumer -lm -lpthread && ./consumer)
