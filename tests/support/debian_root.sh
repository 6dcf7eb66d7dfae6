#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# debian_root.sh FOLDER [--include=PACKAGE,...]
# Make the root of a small Debian of the host's own release in FOLDER, from where the host has its
# packages, unless it is there already with all of these packages. Needs root and mmdebstrap. Two
# callers at once wait for each other; nothing half made is ever left under the name.
set -eu

folder=${1:?usage: debian_root.sh FOLDER [--include=PACKAGE,...]}
wanted=
case ${2-} in
--include=*) wanted=${2#--include=} ;;
"") ;;
*) echo "debian_root.sh: $2: not an option" >&2; exit 2 ;;
esac
mkdir -p "$(dirname "$folder")"
folder=$(cd "$(dirname "$folder")" && pwd)/$(basename "$folder")
exec 9>"$folder.lock"
flock 9

# What is in it is said by dpkg, not by a mark that may lie.
has_all() {
	[ -e "$folder/.complete" ] || return 1
	for package in $(echo "$wanted" | tr , ' '); do
		grep -q "^Package: $package\$" "$folder/var/lib/dpkg/status" || return 1
	done
}
has_all && exit 0

# A later caller's packages are added to those of the ones before.
before=$(cat "$folder/.complete" 2>/dev/null || true)
wanted=$(printf '%s\n%s\n' "$before" "$wanted" | tr , '\n' | sort -u | sed '/^$/d' | paste -sd, -)

# shellcheck source=/dev/null  # the host's
. /etc/os-release
work=$(mktemp -d "$folder.XXXXXX")
trap 'rm -rf "$work"' EXIT
# How the host reaches its servers; that nothing of it was set is no fault.
apt-config dump | grep -E '^Acquire::([A-Za-z-]+ |.*::)' >"$work/apt.conf" || [ $? = 1 ]
sources() {
	# shellcheck disable=SC2016  # apt expands them
	apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' \
		'Created-By: Packages' 'Origin: Debian' 'Identifier: Packages' | sort -u |
		grep -E " $VERSION_CODENAME(-[a-z]+)? "
}
[ -n "$(sources)" ] || apt-get update -q
sources >"$work/sources.list"
# Manuals and translations are most of the time that it takes, and nobody reads them here.
mmdebstrap --quiet --variant=minbase --mode=root --aptopt="$work/apt.conf" \
	--dpkgopt='force-unsafe-io' --dpkgopt='path-exclude=/usr/share/locale/*' \
	--dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
	${wanted:+--include="$wanted"} "$VERSION_CODENAME" "$work/root" "$work/sources.list"
echo "$wanted" >"$work/root/.complete"
rm -rf "$folder"
mv "$work/root" "$folder"
