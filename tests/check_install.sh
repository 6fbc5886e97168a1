#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs a build into an empty folder, and builds and runs tests/consumers/consumer.c from there as C and as C++, with the shared and with
# the static library, in every way that a program finds a library: check_install.sh BUILD_FOLDER. CC and CXX name the compilers.
set -eu

tests=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
build=$1
program=$tests/consumers/consumer.c
desk=$(mktemp -d)
trap 'rm -rf "$desk"' EXIT
trap 'exit 1' HUP INT TERM
stage=$desk/stage

# option NAME: what the build was configured with.
option()
{
    meson introspect --buildoptions "$build" |
        python3 -c 'import json, sys; print(*(o["value"] for o in json.load(sys.stdin) if o["name"] == sys.argv[1]))' "$1"
}

# package OPTION...: what pkg-config says of the library in its temporary home.
package()
{
    PKG_CONFIG_SYSROOT_DIR=$stage PKG_CONFIG_LIBDIR=$libdir/pkgconfig pkg-config "$@" sixnet
}

refuse()
{
    echo "$*"
    exit 1
}

# run TITLE COMMAND...: with the shared library that was installed.
run()
{
    echo "$1"
    shift
    LD_LIBRARY_PATH=$libdir "$@"
}

# consume HOW WORD...: builds the program as C and as C++, and examples/embed.cpp, with the words of a command line, and runs them.
consume()
{
    how=$1
    shift
    "${CC:-cc}" -std=c99 -Wall -Wextra -Wpedantic -Werror -x c "$program" -x none -o "$desk/consumer" "$@"
    run "$how, C" "$desk/consumer"
    "${CXX:-c++}" -std=c++11 -Wall -Wextra -Wpedantic -Werror -x c++ "$program" -x none -o "$desk/consumer" "$@"
    run "$how, C++" "$desk/consumer"
    "${CXX:-c++}" -std=c++17 -Wall -Wextra -Wpedantic -Werror "$tests/../examples/embed.cpp" -o "$desk/consumer" "$@"
    run "$how, sixnet.hpp" "$desk/consumer"
}

# find_package HOW OPTION...: builds the program with CMake.
find_package()
{
    how=$1
    shift
    rm -rf "$desk/cmake"
    cmake -G Ninja -S "$tests/consumers/cmake" -B "$desk/cmake" "-DCONSUMER=$program" "-DCMAKE_PREFIX_PATH=$stage$prefix" "$@" >"$desk/cmake.log" ||
        refuse "$(cat "$desk/cmake.log")"
    cmake --build "$desk/cmake" >"$desk/cmake.log" || refuse "$(cat "$desk/cmake.log")"
    run "$how, C" "$desk/cmake/consumer_c"
    run "$how, C++" "$desk/cmake/consumer_cpp"
}

prefix=$(option prefix)
libdir=$stage$prefix/$(option libdir)
includedir=$stage$prefix/$(option includedir)
version=$("$tests/../tools/version")
DESTDIR=$stage meson install -C "$build" --quiet

echo "what is installed, and where"
foreign=$(find "$stage" -type f ! -path "$stage$prefix/*sixnet*")
[ -z "$foreign" ] || refuse "not ours: $foreign"
for file in "$libdir/libsixnet.so" "$libdir/libsixnet.so.${version%%.*}" "$libdir/libsixnet.so.$version" "$libdir/libsixnet.a" \
    "$libdir/pkgconfig/sixnet.pc" "$libdir/cmake/sixnet/sixnet-config.cmake" "$libdir/cmake/sixnet/sixnet-config-version.cmake" \
    "$includedir/sixnet/sixnet.h" "$includedir/sixnet/layer.h" "$includedir/sixnet/version.h" \
    "$includedir/sixnet/sixnet.hpp" \
    "$stage$prefix/$(option mandir)/man3/sixnet.3"; do
    [ -e "$file" ] || refuse "not there: $file"
done
[ "$(package --modversion)" = "$version" ] || refuse "another version in sixnet.pc"
leaks=$(grep -rlF -e "$(CDPATH='' cd -- "$build" && pwd)" -e "$stage" "$libdir/pkgconfig" "$libdir/cmake" || true)
[ -z "$leaks" ] || refuse "names a folder of this machine: $leaks"

case $prefix in
/usr | /usr/local) ;; # where the loader looks by itself
*)
    echo "the program finds the library"
    [ "$(env -u LD_LIBRARY_PATH "$stage$prefix/$(option bindir)/sixnet" --version)" = "sixnet $version" ] || refuse "it does not"
    ;;
esac

echo "Python"
binding=$(find "$stage" -name sixnet.py)
[ "$(find "$stage" -name sixnet.py | wc -l)" = 1 ] || refuse "one sixnet.py is wanted: $binding"
run "the binding" env PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="${binding%/*}" python3 "$tests/consumers/consumer.py"

# shellcheck disable=SC2046 # lists of words
{
    consume "pkg-config, shared" $(package --cflags --libs) -lm
    consume "pkg-config, static" $(package --cflags --static --libs) -static
}
consume "plain, shared" "-I$includedir" "-L$libdir" -lsixnet -lm
consume "plain, static" "-I$includedir" "$libdir/libsixnet.a" -lm -lpthread
find_package "CMake, shared"
find_package "CMake, static" -Dsixnet_USE_STATIC_LIBS=ON

rm "$libdir"/libsixnet.so*
find_package "CMake, no other than static"
