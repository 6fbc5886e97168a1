#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the library gives to a program and takes from the system: check_symbols.py SHARED_LIBRARY STATIC_LIBRARY

The shared library exports the functions that the headers declare and nothing else, imports only what tests/imports.txt allows, and
needs libc and libm only; every global name of the static library begins with sixnet_ or six_. What is allowed and can fail is made to
fail by tests/faults.c. The C++ header uses all that there is.
"""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SYSTEM = re.compile(r"lib(c|m|pthread)\.(so|musl)|ld-|linux-vdso")


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def names(library, *options):
    """Types and names of a library's symbols, without their versions."""
    for line in run("nm", "-P", *options, library).splitlines():
        words = line.split()
        if len(words) >= 2 and len(words[1]) == 1:
            yield words[1], words[0].split("@")[0]


def headers(pattern):
    text = "".join(p.read_text() for p in sorted((ROOT / "include/sixnet").glob(pattern)))
    return re.sub(r"/\*.*?\*/", "", text, flags=re.S)


def declared():
    return set(re.findall(r"^SIXNET_API\b[^;(]*?\b(\w+)\(", headers("*.h"), re.M))


def listed():
    """The names of tests/imports.txt, and those of them that can fail."""
    lines = (line.split("#")[0].split() for line in (ROOT / "tests/imports.txt").read_text().splitlines())
    words = {word for line in lines for word in line}
    return {word.rstrip("!") for word in words}, {word.rstrip("!") for word in words if word.endswith("!")}


ALLOWED, FALLIBLE = listed()

# None of these may pass, in any of the forms that headers give them.
NEVER = """abort exit _exit _Exit quick_exit atexit __assert_fail raise kill signal sigaction sigprocmask alarm setitimer
    printf fprintf vfprintf dprintf puts putchar fputs fputc fwrite perror __printf_chk __fprintf_chk __vfprintf_chk __dprintf_chk
    stdout stderr syslog rand srand random srandom rand_r drand48 getrandom arc4random setlocale uselocale newlocale
    fesetround fesetenv feenableexcept setenv putenv getenv __secure_getenv chdir umask fork vfork execve system popen
    dlopen dlsym longjmp __longjmp_chk pthread_atfork pthread_exit pthread_cancel pthread_detach usleep nanosleep sleep
    fopen fopen64 mmap mmap64 mkstemp tmpfile socket ioctl""".split()


def plain(name):
    """A libc function's own name: fortified, large-file and older forms stand for the same function."""
    match = re.fullmatch(r"__(?:isoc\d+_|xpg_)?(\w+?)(?:_chk|_2|_time64)?", name)
    own = re.sub(r"64$", "", match[1] if match else name)
    return re.sub(r"^([fl])xstat$", r"\1stat", own)


def is_allowed(name):
    return bool({name, plain(name)} & ALLOWED)


def check(title, wrong):
    print(f"{title}: {'ok' if not wrong else ' '.join(sorted(wrong))}")
    return not wrong


def check_shared(library):
    exported = {name for kind, name in names(library, "-D", "--defined-only") if kind in "TWDBRV"}
    exported = {name for name in exported if not name.startswith("SIXNET_")}  # the names of symbol versions
    imported = {name for kind, name in names(library, "-D", "--undefined-only") if kind == "U"}
    needed = set(re.findall(r"NEEDED.*?\[?([\w.+-]+\.so[\w.]*)\]?$", run("readelf", "-d", library), re.M))
    fallible = {plain(name) for name in imported} & FALLIBLE
    injected = set(re.findall(r"\b__wrap_(\w+)\(", (ROOT / "tests/faults.c").read_text()))
    return all([check("declared but not exported", declared() - exported),
                check("exported but not declared", exported - declared()),
                check("imported but not allowed", {name for name in imported if not is_allowed(name)}),
                check("allowed though it must not be", {name for name in NEVER if is_allowed(name)}),
                check("can fail but does not in tests/faults.c", fallible - injected),
                check("imports that can fail", set() if fallible else {"none"}),
                check("needed besides libc and libm", {name for name in needed if not SYSTEM.match(name)}),
                check("declared but not in the C++ header", declared() - set(re.findall(r"\bsixnet_\w+", headers("*.hpp")))),
                check("functions declared", set() if declared() else {"none"})])


def check_static(library):
    given = {name for kind, name in names(library, "--defined-only", "--extern-only")}
    return check("global names of another's", {name for name in given if not re.match(r"six(net)?_", name)})


def main():
    shared, static = sys.argv[1:]
    return 0 if all([check_shared(shared), check_static(static)]) else 1


sys.exit(main())
