# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# For the programs in this folder: saying what happens, and getting what they need.

say() { printf '== %s\n' "$*"; }

die()
{
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

# The Python that tests/meson.build picks.
python() { PATH=/usr/bin:$PATH command python3 "$@"; }

can_download() { has curl || has wget; }

as_root()
{
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif has sudo; then
        sudo "$@"
    else
        die "not root, and there is no sudo; let an administrator run: $*"
    fi
}

# need PACKAGES WHAT COMMAND...: notes Debian's packages, and what they are in plain words, unless the command succeeds.
need()
{
    need_packages=$1
    need_what=$2
    shift 2
    case "$wanted" in *"
    $need_what ("*) return 0 ;; esac
    if ! "$@" >/dev/null 2>&1; then
        packages="$packages $need_packages"
        wanted="$wanted
    $need_what (Debian: $need_packages)"
    fi
}

# provide NEEDS: installs what the function NEEDS, a list of calls of need, finds missing. Does nothing if all is there.
provide()
{
    packages='' wanted=''
    "$1"
    [ -n "$packages" ] || return 0
    has apt-get || die "this system has no apt-get; please install with its own means, then start me again:$wanted"
    say "installing with apt-get:$packages"
    as_root apt-get update -q || say "the package lists could not be fetched; trying with those that are here"
    # shellcheck disable=SC2086 # a list of words
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $packages ||
        die "apt-get could not install them"
    packages='' wanted=''
    "$1"
    [ -z "$packages" ] || die "apt-get has installed its packages, but these are still missing or too old:$wanted"
}

compiles()
{
    printf '#include <math.h>\n#include <stdio.h>\nint main(void) { return 0; }\n' | "$1" -x "$2" -o /dev/null -
}

runs_libfuzzer()
{
    printf '#include <stddef.h>\nint LLVMFuzzerTestOneInput(const void *p, size_t n) { return (void)p, (void)n, 0; }\n' |
        clang -x c -fsanitize=fuzzer,address,undefined -o /dev/null -
}

meson_is_new() { has meson && meson --version | awk -F. '{ exit !($1 >= 1) }'; }

# Whether Debian's package is installed, where no command of its own tells.
is_installed() { dpkg-query -W -f '${db:Status-Abbrev}' "$1" | grep -q '^ii'; }

# What building takes.
build_needs()
{
    need 'gcc libc6-dev' 'a C compiler' compiles "${CC:-cc}" c
    need meson 'Meson 1.0 or newer' meson_is_new
    need ninja-build 'Ninja' has ninja
    need pkg-config 'pkg-config' has pkg-config
}

# release_tarball TREE FOLDER: packs the tree's last commit as FOLDER/sixnet-VERSION.tar.xz.
release_tarball()
{
    meson setup "$2/dist" "$1" -Dtests=false -Dexamples=false -Dtools=false -Ddocs=disabled >"$2/dist.log"
    meson dist -C "$2/dist" --no-tests --allow-dirty >>"$2/dist.log"
    mv "$2"/dist/meson-dist/* "$2"
    rm -rf "$2/dist"
}

# What drawing pictures takes.
picture_needs()
{
    need gnuplot-nox 'gnuplot' has gnuplot
    need graphviz 'Graphviz' has dot
}

# What packing for Debian takes.
deb_needs()
{
    build_needs
    need build-essential 'what Debian takes for granted when it builds' is_installed build-essential
    need git 'git' has git
    need dpkg-dev 'dpkg-buildpackage' has dpkg-buildpackage
    need debhelper 'debhelper' has dh
    need dh-python 'dh-python' has dh_python3
    need doxygen 'Doxygen' has doxygen
    need graphviz 'Graphviz' has dot
    need libcmocka-dev 'CMocka' pkg-config --exists cmocka
    need python3-numpy 'NumPy' /usr/bin/python3 -I -c 'import numpy'
    need lintian 'lintian' has lintian
    need xz-utils 'xz' has xz
}

# What making a fresh Debian takes.
chroot_needs()
{
    need debootstrap 'debootstrap' has debootstrap
}

# fresh_debian FOLDER PACKAGES: a Debian as it is when it was just installed, with the packages named, which commas part.
fresh_debian()
{
    as_root debootstrap --variant=minbase "--include=$2" bookworm "$1" "${DEBIAN_MIRROR:-http://deb.debian.org/debian}"
}

# inside FOLDER COMMAND...: runs a command in such a Debian, with an environment of its own. /proc is mounted for that command alone.
inside()
{
    # shellcheck disable=SC2016 # expanded by the inner shell
    as_root unshare --mount --pid --fork sh -c 'mount -t proc proc "$1/proc" && exec chroot "$@"' inside \
        "$1" /usr/bin/env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin sh -euc "$2"
}
