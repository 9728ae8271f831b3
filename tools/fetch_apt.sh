#!/bin/sh
# Downloads packages of Debian's unstable suite, and of bookworm, which has 3.11. Uses the mirror in this machine's own
# apt configuration:
#
#   fetch_apt.sh FOLDER deb PACKAGE...       the binary packages, into FOLDER
#   fetch_apt.sh FOLDER source PACKAGE...    the upstream tarballs of source packages, into FOLDER
#   fetch_apt.sh FOLDER tree PACKAGE...      the binary packages and all their dependencies, down to the C library
#
# Installs nothing and needs no root. The machine's own apt does not change: sources, lists and state are private, in
# target/apt. Ends with status 0. Status 1, with one line: the mirror does not serve a package. Status 2, with one line:
# nothing can be downloaded at all.
set -u
cd "$(dirname "$0")/.." || exit 2
apt=$PWD/target/apt

give_up() {
    echo "$*" >&2
    exit 2
}

[ $# -ge 2 ] || give_up "usage: fetch_apt.sh FOLDER deb|source|tree PACKAGE..."
folder=$1 what=$2
shift 2
for tool in apt-get apt-cache; do
    command -v $tool >/dev/null || give_up "there is no $tool here: CPythons and headers are brought in on Debian only"
done

# The mirror of the suite that this Debian runs, from any kind of file that names it.
mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' 2>/dev/null |
    sed -n 's/^\([^ ]*\) [^ -]* main$/\1/p' | grep -m 1 debian)
[ -n "$mirror" ] || give_up "this machine's apt has no Debian mirror; cure: one in /etc/apt/sources.list.d"

mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$folder"
keys=/usr/share/keyrings/debian-archive-keyring.gpg
{
    printf 'Types: deb deb-src\nURIs: %s\nSuites: unstable bookworm\nComponents: main\n' "$mirror"
    [ ! -f $keys ] || echo "Signed-By: $keys"
} >"$apt/new.sources"
cmp -s "$apt/new.sources" "$apt/debian.sources" || rm -f "$apt/updated"
mv "$apt/new.sources" "$apt/debian.sources"

# ours PROGRAM ARGUMENT...: runs an apt program with the private files only. Under root, apt would change to a user who
# may not write into this project.
ours() {
    program=$1
    shift
    "$program" -q -o Dir::Etc::SourceList="$apt/debian.sources" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::State="$apt" -o Dir::State::lists="$apt/lists" -o Dir::State::status=/var/lib/dpkg/status \
        -o Dir::Cache="$apt/cache" -o APT::Sandbox::User="$(id -un)" -o Acquire::Retries=2 \
        -o Acquire::Languages=none -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false "$@"
}

# Lists of these suites are used again for a day.
log=$apt/log
if [ -z "$(find "$apt/updated" -mmin -1440 2>/dev/null)" ]; then
    ours apt-get -o APT::Update::Error-Mode=any update >"$log" 2>&1 || {
        grep -m 3 '^[EW]:' "$log" >&2
        give_up "the lists of $mirror can't be had: is this machine offline? ($log)"
    }
    touch "$apt/updated"
fi

# upstream PACKAGE: its tarball, newest version first. A mirror sometimes lacks a file of the newest version.
upstream() {
    versions=$(ours apt-cache showsrc --only-source "$1" 2>>"$log" | sed -n 's/^Version: //p' | sort -rV)
    for version in $versions; do
        ours apt-get source --download-only --tar-only --only-source "$1=$version" >>"$log" 2>&1 && return
    done
    return 1
}

not_served() {
    grep '^E:' "$log" | tail -n 3 >&2
    grep -Eq '404|Unable to (find|locate)' "$log" || give_up "can't download $*: is this machine offline? ($log)"
    echo "$mirror doesn't serve $*" >&2
    exit 1
}

cd "$folder" || exit 2
: >"$log"
case $what in
deb) ours apt-get download "$@" >"$log" 2>&1 || not_served "$@" ;;
source)
    for package; do
        upstream "$package" || not_served "the source of $package, in any version that it lists"
    done
    ;;
tree)
    # Pretends that nothing is installed on this machine.
    : >"$apt/nothing"
    mkdir -p partial
    ours apt-get -y -o Dir::State::status="$apt/nothing" -o Dir::Cache::archives="$PWD" --no-install-recommends \
        --download-only install "$@" >"$log" 2>&1 || not_served "$@"
    ;;
*) give_up "fetch_apt.sh: unknown part '$what'" ;;
esac
