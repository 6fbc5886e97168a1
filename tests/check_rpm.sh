#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds the RPM packages of a release tarball, and looks at what is in them: check_rpm.sh TARBALL FOLDER. Debian's rpmbuild has to be told what
# Fedora's knows of Meson and Python.
set -eu

tests=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
spec=$tests/../tools/packaging/sixnet.spec
sources=$(CDPATH='' cd -- "$(dirname -- "$1")" && pwd)
mkdir -p "$2"
folder=$(CDPATH='' cd -- "$2" && pwd)
version=$("$tests/../tools/version")
tarball=$folder/SOURCES/sixnet-$version.tar.xz
mkdir -p "$folder/SOURCES"
cp "$sources/${1##*/}" "$tarball"

setup='meson setup %{_vpath_builddir} --prefix=%{_prefix} --libdir=%{_libdir} --mandir=%{_mandir} --buildtype=plain'
rpmbuild -bb --nodeps --define "_topdir $folder" --define 'debug_package %{nil}' --define '_vpath_builddir redhat-build' \
    --define "meson CFLAGS='%{optflags}' $setup" \
    --define 'meson_build ninja -C %{_vpath_builddir}' \
    --define 'meson_install DESTDIR=%{buildroot} meson install -C %{_vpath_builddir}; gzip -r %{buildroot}%{_mandir}' \
    --define 'meson_test meson test -C %{_vpath_builddir} --timeout-multiplier 10' \
    --define 'python3_sitelib /usr/lib/python3/dist-packages' --define 'pycached() %*' \
    --define '_libdir %{_prefix}/lib64' "$spec"

# contains PACKAGE FILE...
contains()
{
    package=$(find "$folder/RPMS" -name "$1-$version-*.rpm")
    shift
    for file in "$@"; do
        rpm -qlp "$package" | grep -qx "$file" || {
            echo "$package lacks $file"
            exit 1
        }
    done
}
contains sixnet /usr/bin/sixnet
contains sixnet-libs "/usr/lib64/libsixnet.so.${version%%.*}"
contains sixnet-devel /usr/include/sixnet/sixnet.h /usr/include/sixnet/sixnet.hpp /usr/lib64/pkgconfig/sixnet.pc
contains sixnet-static /usr/lib64/libsixnet.a
contains sixnet-doc /usr/share/doc/sixnet/html/index.html
contains python3-sixnet /usr/lib/python3/dist-packages/sixnet.py
