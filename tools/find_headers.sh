#!/bin/sh
# Prints `VERSION SWITCHES FOLDERS` for each set of headers of CPython 3.8 or later that it finds. It looks at the
# interpreters of find_pythons.sh, at pyenv, at the system, and at the headers from `make headers`.
#
#   find_headers.sh                       all of them
#   find_headers.sh --for FLAVOUR <LIST   those lines of a list that the flavour can be compared with
#
# VERSION is for example 3.13.0. SWITCHES are those that its pyconfig.h sets by itself, joined by commas, or "-". All
# others may be defined in front of Python.h. FOLDERS, joined by colons, are those that a compiler needs. Uses CC.

set -u
here=$(cd "$(dirname "$0")/.." && pwd)
cd "$here" || exit 2

# switches FLAVOUR: the switches of its build, one a line.
switches() {
    sed -n 's/^build_flags=//p' "flavours/$1.txt" | tr ',' '\n' | grep .
}

if [ "${1:-}" = --for ]; then
    [ -f "flavours/$2.txt" ] || { echo "find_headers.sh: there is no flavour '$2'" >&2; exit 2; }
    version=$(sed -n 's/^version=//p' "flavours/$2.txt")
    # Py_DEBUG brings Py_REF_DEBUG along, so headers of a debug build are those of a -refdebug flavour.
    wanted=" $(switches "$2" | tr '\n' ' ')"
    case $wanted in *" Py_REF_DEBUG "*) wanted="$wanted Py_DEBUG " ;; esac
    while read -r found set folders; do
        case $found in "$version" | "$version".* | "$version"[abr]*) ;; *) continue ;; esac
        fits=1
        for switch in $(echo "$set" | tr ',-' '  '); do
            case $wanted in *" $switch "*) ;; *) fits=0 ;; esac
        done
        [ $fits = 0 ] || echo "$found $set $folders"
    done | awk '
        # If a version is here with and without Py_DEBUG, the nearest to the flavour is taken: the others have the same
        # text.
        { key = $1 ($2 ~ /Py_DEBUG/) }
        !(key in best) { order[++n] = key }
        !(key in best) || length($2) > length(set[key]) { best[key] = $0; set[key] = $2 }
        END { for (i = 1; i <= n; i++) print best[order[i]] }'
    exit 0
fi

# The folders that may hold a Python.h.
candidates() {
    sh tools/find_pythons.sh | while read -r _ python _; do
        LD_PRELOAD='' "$python" -I -S -c 'import sysconfig
for name in "include", "platinclude":
    print(sysconfig.get_path(name))' 2>/dev/null </dev/null
    done
    for root in ${PYENV_ROOT:+"$PYENV_ROOT"/versions} ${HOME:+"$HOME"/.pyenv/versions} \
        "${PYREFCORE_PYTHONS:-target/pythons}" /usr /usr/local; do
        printf '%s\n' "$root"/include/python3.* "$root"/*/include/python3.*
    done
    find -L "${PYREFCORE_HEADERS:-target/headers}" -name Python.h -exec dirname {} \; 2>/dev/null
}

# macros FOLDERS: the macros of patchlevel.h and pyconfig.h.
macros() {
    rest=$1:
    set --
    while [ -n "$rest" ]; do
        set -- "$@" -I "${rest%%:*}"
        rest=${rest#*:}
    done
    printf '#include <patchlevel.h>\n#include <pyconfig.h>\n' | ${CC:-cc} -dM -E "$@" - 2>/dev/null
}

# described FOLDER: its line, with a checksum of the headers in front.
described() {
    # Debian's pyconfig.h includes another one by a name that starts in the folder above.
    for folders in "$1" "$1:$(dirname "$1")"; do
        macros "$folders" >"$macros" && break
        folders=
    done
    if [ -z "$folders" ]; then
        echo "find_headers.sh: $1 has a Python.h and no pyconfig.h that can be compiled" >&2
        return
    fi
    sum=$(find "$1/" -name '*.h' ! -name 'pyconfig*.h' | LC_ALL=C sort | while IFS= read -r file; do cat "$file"; done | cksum)
    awk -v folders="$folders" -v sum="${sum% *}" '
        $2 == "PY_VERSION" { version = $3; gsub(/"/, "", version) }
        $2 == "PY_MAJOR_VERSION" { major = $3 }
        $2 == "PY_MINOR_VERSION" { minor = $3 }
        $2 ~ /^Py_(DEBUG|REF_DEBUG|TRACE_REFS|GIL_DISABLED)$/ { set = set (set == "" ? "" : ",") $2 }
        END { if (major == 3 && minor >= 8) print sum, version, (set == "" ? "-" : set), folders }' "$macros"
}

macros=$(mktemp) || exit 2
trap 'rm -f "$macros"' EXIT
# The same headers in another folder are compared only once.
candidates | while IFS= read -r folder; do
    [ ! -f "$folder/Python.h" ] || readlink -f "$folder"
done | sort -Vu | while IFS= read -r folder; do
    described "$folder"
done | sort -s -k 2V,2 -k 3,3 | awk '!seen[$1, $3]++' | cut -d ' ' -f 2-
