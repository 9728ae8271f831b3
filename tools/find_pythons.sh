#!/bin/sh
# Prints `FLAVOUR PATH replaceable|static` for each CPython from 3.8 on that it finds. It looks on the PATH (past
# shims), under pyenv's versions folder, in /usr/bin, and in the folder of `make pythons`. Prints nothing if there is
# none. A FLAVOUR may have no file in flavours/; a caller that needs the file skips it by name.
set -u
here=$(cd "$(dirname "$0")/.." && pwd)

# The names that a Python may have in a folder, whether or not such files exist.
names() {
    for name in python3 python3.[0-9] python3.[0-9][0-9] python3.[0-9][0-9]t python3.[0-9]-dbg python3.[0-9][0-9]-dbg; do
        for file in "$1"/$name; do
            [ -f "$file" ] && [ -x "$file" ] && printf '%s\n' "$file"
        done
    done
}

candidates() {
    printf '%s\n' "$PATH" | tr : '\n' | while IFS= read -r folder; do
        [ -n "$folder" ] && names "$folder"
    done
    for root in ${PYENV_ROOT:+"$PYENV_ROOT"} ${HOME:+"$HOME/.pyenv"}; do
        for folder in "$root"/versions/*/bin; do
            [ -d "$folder" ] && names "$folder"
        done
    done
    names /usr/bin
    brought=$(cd "$here" && cd "${PYREFCORE_PYTHONS:-target/pythons}" 2>/dev/null && pwd) || return
    for folder in "$brought"/*/bin; do
        [ -d "$folder" ] && names "$folder"
    done
}

# The real interpreter behind a name, and the library that holds its CPython, one a line.
probe='
import os, sys
if sys.implementation.name != "cpython" or sys.version_info < (3, 8):
    sys.exit(1)
print(os.path.realpath(sys.executable))
with open("/proc/self/maps") as maps:
    files = [line.split(None, 5)[-1].rstrip("\n") for line in maps]
found = [name for name in files if os.path.basename(name).startswith("libpython")]
print(found[0] if found else "")
'

# A library is replaceable if it looks up its own births or deaths by name.
kind() {
    if [ -n "$1" ] && LC_ALL=C readelf -rW "$1" 2>/dev/null |
        grep -Eq '(JUMP_SLO|JUMP26|GLOB_DAT).* _Py_Dealloc( |@|$)'; then
        echo replaceable
    else
        echo static
    fi
}

seen='
'
candidates | {
    tried='
'
    while IFS= read -r python; do
        # Several names or links of one file are tried once. A shim is one file for many Pythons.
        file=$(stat -Lc %d:%i "$python")
        case $(readlink -f "$python") in
        */shims/*) ;;
        *)
            case $tried in *"
$file
"*) continue ;; esac
            ;;
        esac
        tried="$tried$file
"
        found=$(LD_PRELOAD='' "$python" -I -S -c "$probe" 2>/dev/null </dev/null) || continue
        real=${found%%
*}
        library=${found#"$real"}
        library=${library#
}
        case $seen in *"
$real
"*) continue ;; esac
        seen="$seen$real
"
        printf '%s %s %s\n' "$(LD_PRELOAD='' sh "$here/flavours/detect.sh" "$real")" "$real" "$(kind "$library")"
    done
}
exit 0
