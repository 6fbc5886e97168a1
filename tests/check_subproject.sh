#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds and runs a program that has the library as a Meson subproject, without a network: check_subproject.sh
set -eu

tests=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
desk=$(mktemp -d)
trap 'rm -rf "$desk"' EXIT
trap 'exit 1' HUP INT TERM

mkdir "$desk/subprojects"
cp "$tests/consumers/meson/meson.build" "$tests/consumers/consumer.c" "$desk"
cp "$tests/consumers/meson/sixnet.wrap" "$desk/subprojects"
ln -s "$tests/.." "$desk/subprojects/sixnet"
meson setup "$desk/build" "$desk" --wrap-mode=nodownload --buildtype=debug -Dsixnet:isa=none
meson test -C "$desk/build" --print-errorlogs
