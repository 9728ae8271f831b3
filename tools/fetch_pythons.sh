#!/bin/sh
# Builds CPythons from Debian's source packages into target/pythons/NAME/. Each is a prefix that runs in place:
#
#   fetch_pythons.sh [NAME...]     VERSION[t][-debug][-tracerefs], as 3.13t-debug; the default is all below
#
# t is --disable-gil, -debug is --with-pydebug, -tracerefs is --with-trace-refs. One takes two to seven minutes on two
# cores. An existing one stays as it is. The log of each build stays in target/pythons/NAME.log. A NAME whose source no
# mirror serves is skipped (fetch_unstable.sh brings some of them as Debian built them). Ends with `N built, N there, N
# failed, N skipped`. The status is 1 if one failed, and 2 if nothing can be downloaded.
set -u
cd "$(dirname "$0")/.." || exit 2
pythons=${PYREFCORE_PYTHONS:-target/pythons}
mkdir -p "$pythons" target/sources
pythons=$(cd "$pythons" && pwd)
threaded=$(ls flavours | sed -n 's/-refdebug/-debug/; s/^cp3\([0-9]*t\)\(-debug\)*\.txt$/3.\1\2/p' | sort -V)
names="$threaded 3.13-debug 3.13-tracerefs 3.13-debug-tracerefs 3.11-debug 3.11-tracerefs"
# shellcheck disable=SC2086
[ $# -gt 0 ] || set -- $names
for tool in cc make tar xz; do
    command -v $tool >/dev/null || { echo "no CPython can be built: there is no $tool; cure: install it" >&2; exit 2; }
done

# Headers that CPython's own tests need, beyond a compiler. A module whose header is not here is left out of the build.
wanted() {
    for pair in zlib.h:zlib1g-dev openssl/ssl.h:libssl-dev ffi.h:libffi-dev bzlib.h:libbz2-dev lzma.h:liblzma-dev \
        sqlite3.h:libsqlite3-dev readline/readline.h:libreadline-dev uuid/uuid.h:uuid-dev; do
        echo "#include <stdio.h>
#include <${pair%%:*}>" | cc -E - >/dev/null 2>&1 || printf ' %s' "${pair#*:}"
    done
}

# tarball VERSION: its path. If it can't be had, the status is that of fetch_apt.sh.
tarball() {
    set -- target/sources/python"$1"_*.orig.tar.?z "$1"
    if [ ! -f "$1" ]; then
        sh tools/fetch_apt.sh target/sources source "python$2" || return
        set -- target/sources/python"$2"_*.orig.tar.?z
    fi
    echo "$PWD/$1"
}

# build NAME TARBALL OPTION...: builds in a temporary folder, and renames it at the end. So a prefix is whole or not
# there. Only bytecode that tests read is made: for a debug build, all of it would take minutes.
build() {
    prefix=$pythons/$1 work=$pythons/.$1 source=$2
    shift 2
    rm -rf "$work"
    mkdir -p "$work/source" "$work/build"
    # A chain of commands, because `set -e` has no effect where a caller tests the status.
    (
        tar -xf "$source" -C "$work/source" --strip-components=1 &&
            cd "$work/build" &&
            ../source/configure --prefix="$prefix" --enable-shared --without-ensurepip "$@" \
                LDFLAGS="-Wl,-rpath,$prefix/lib" &&
            make -j"$(nproc)" &&
            make install DESTDIR="$work/stage" COMPILEALL_OPTS='-j1 -x .' &&
            mv "$work/stage$prefix" "$prefix" &&
            "$prefix/bin/python3" -I -m compileall -q -x '/tests?/|/idlelib/' "$prefix"/lib/python3.* &&
            "$prefix/bin/python3" -I -c 'import _testcapi, _ctypes, zlib'
    ) >"$prefix.log" 2>&1
    status=$?
    rm -rf "$work"
    [ $status -eq 0 ] || rm -rf "$prefix"
    return $status
}

missing=$(wanted)
[ -z "$missing" ] ||
    echo "some modules will be left out; cure: as root, apt-get install$missing, and remove $pythons to build again"

built=0 there=0 failed=0 skipped=0
for name; do
    flags=${name#?.??}
    version=${name%"$flags"}
    set --
    case $flags in t*) set -- "$@" --disable-gil ;; esac
    case $flags in *-debug*) set -- "$@" --with-pydebug ;; esac
    case $flags in *-tracerefs) set -- "$@" --with-trace-refs ;; esac
    case $flags in
    '' | t | -debug | t-debug | -tracerefs | t-tracerefs | -debug-tracerefs | t-debug-tracerefs) ;;
    *)
        echo "failed $name: no such name; it is VERSION[t][-debug][-tracerefs], as in 3.13t-debug"
        failed=$((failed + 1))
        continue
        ;;
    esac
    if [ -x "$pythons/$name/bin/python3" ]; then
        echo "there is $name"
        there=$((there + 1))
        continue
    fi
    started=$(date +%s)
    source=$(tarball "$version" 2>"$pythons/$name.log")
    case $? in
    0)
        if build "$name" "$source" "$@"; then
            echo "built $name in $(($(date +%s) - started)) s"
            built=$((built + 1))
        else
            tail -n 15 "$pythons/$name.log"
            echo "failed $name: the last lines of $pythons/$name.log stand above"
            failed=$((failed + 1))
        fi
        ;;
    1)
        echo "skipped $name: $(tail -n 1 "$pythons/$name.log"); cure: another mirror in /etc/apt/sources.list.d"
        skipped=$((skipped + 1))
        ;;
    *)
        echo "no CPython can be built: $(tail -n 1 "$pythons/$name.log")" >&2
        exit 2
        ;;
    esac
done
echo "$built built, $there there, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
