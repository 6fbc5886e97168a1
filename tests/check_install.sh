#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs a build into an empty folder, and builds and runs tests/consumer.c from there as C and as C++, with the shared and with the
# static library: check_install.sh BUILD_FOLDER. The compilers are those that CC and CXX name.
set -eu

tests=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
build=$1
desk=$(mktemp -d)
trap 'rm -rf "$desk"' EXIT
trap 'exit 1' HUP INT TERM
stage=$desk/stage

# package OPTION...: what pkg-config says of the library in its temporary home.
package()
{
    PKG_CONFIG_SYSROOT_DIR=$stage PKG_CONFIG_LIBDIR=$pkgconfig pkg-config "$@" sixnet
}

# consume TITLE COMPILER... : builds the program and runs it.
consume()
{
    echo "$1"
    shift
    # shellcheck disable=SC2046 # lists of words
    "$@" -Wall -Wextra -Wpedantic -Werror $(package --cflags) "$tests/consumer.c" -x none -o "$desk/consumer" \
        $(package $linkage --libs) $extra
    LD_LIBRARY_PATH=$libdir "$desk/consumer"
}

DESTDIR=$stage meson install -C "$build" --quiet
pkgconfig=$(dirname "$(find "$stage" -name sixnet.pc)")
libdir=$(dirname "$pkgconfig")

echo "the names that are installed"
foreign=$(find "$stage" -type f ! -path '*/opt/sixnet/*/*sixnet*')
[ -z "$foreign" ] || { echo "not ours: $foreign"; exit 1; }
[ -e "$libdir/libsixnet.so.1" ] && [ -e "$libdir/libsixnet.a" ] && [ -e "$(package --variable=includedir)/sixnet/sixnet.h" ]
[ "$(package --modversion)" = "$("$tests/../tools/version")" ]

linkage='' extra=''
consume "C, shared" "${CC:-cc}" -std=c99 -x c
consume "C++, shared" "${CXX:-c++}" -std=c++11 -x c++
linkage=--static extra=-static
consume "C, static" "${CC:-cc}" -std=c99 -x c
consume "C++, static" "${CXX:-c++}" -std=c++11 -x c++
