#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# try.sh ROOT OLD NEW
# What an administrator does with the packages, in a machine of its own: systemd as process 1 in a copy
# of the Debian in folder ROOT. OLD and NEW hold the .deb files of two versions. Ends at the first thing
# that is not as it should be. Needs root, systemd-nspawn and Debian's package servers.
set -euo pipefail

root=$1 old=$2 new=$3
work=$(mktemp -d)
machine=$work/machine
leader=

finish() {
	code=$?
	[ "$code" = 0 ] || { [ -z "$leader" ] || journal || true; tail -n 20 "$work/console" || true; }
	if [ -n "$leader" ]; then
		inside systemctl poweroff >/dev/null 2>&1 || kill "$nspawn" || true
		wait "$nspawn" || true
	fi
	rm -rf "$work"
	exit "$code"
}
trap finish EXIT

step() { printf -- '--- %s\n' "$*"; }
fail() { echo "try.sh: $*" >&2; exit 1; }
inside() {
	nsenter --target "$leader" --all env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 HOME=/root \
		TERM=dumb DEBIAN_FRONTEND="${frontend:-noninteractive}" "$@"
}
journal() { inside journalctl --no-pager --quiet --lines 40 --unit 'traild*'; }
# as USER COMMAND...
as() {
	local user=$1
	shift
	inside runuser --user "$user" -- env HOME="/home/$user" "$@"
}
# must WORDS COMMAND...: it succeeds, and says the words.
must() {
	local words=$1
	shift
	case $1 in
	as) "$@" ;;
	*) inside "$@" ;;
	esac >"$work/out" 2>&1 || { code=$?; cat "$work/out"; fail "exit $code of: $*"; }
	grep -qF -- "$words" "$work/out" || { cat "$work/out"; fail "no '$words' from: $*"; }
}
is() { [ "$(inside systemctl is-active "$1")" = "$2" ] || fail "$1 is not $2"; }
install_from() {
	rm -rf "$machine/root/debs"
	cp -r "$1" "$machine/root/debs"
	inside sh -c 'apt-get install -qy --no-install-recommends /root/debs/*.deb' >"$work/out" 2>&1 ||
		{ cat "$work/out"; fail "apt-get cannot install $1"; }
}
version() { inside dpkg-query -f "\${Version}" -W traild; }
size() { inside trail checkpoint | sed -n 2p; }

start_machine() {
	cp -a --reflink=auto "$root" "$machine"
	# The signer locks its secrets in memory, which systemd-nspawn else forbids.
	systemd-nspawn --quiet --directory "$machine" --register=no --keep-unit --boot --console=pipe \
		--link-journal=no --system-call-filter=@memlock </dev/null >"$work/console" 2>&1 &
	nspawn=$!
	for _ in $(seq 600); do
		kill -0 "$nspawn" 2>/dev/null || fail "systemd-nspawn ended"
		leader=$(pgrep --exact --parent "$nspawn" systemd || true)
		[ -z "$leader" ] || ! inside test -S /run/systemd/private || break
		sleep 0.1
	done
	# In a container a unit or two of the machine's own may fail; that it came up is what counts.
	state=$(inside systemctl is-system-running --wait || true)
	case $state in
	running | degraded) ;;
	*) fail "the machine did not come up: ${state:-systemd does not answer}" ;;
	esac
	inside apt-get update -q >"$work/out" 2>&1 || { cat "$work/out"; fail "no package servers"; }
}

# The history of the patient's journal, as often as its events were written; and all of it is provable.
log_goes_on() {
	inside trail key >"$work/key"
	[ ! -e "$work/identity" ] || cmp "$work/identity" "$work/key" || fail "another log answers"
	cp "$work/key" "$work/identity"
	must '/journal/4711' trail history /journal/4711
	must 'anna' trail history /journal/4711
	must 'valid' trail verify --payloads
	if [ -e "$work/checkpoint" ]; then
		cp "$work/checkpoint" "$work/identity" "$machine/root/"
		must 'valid' trail verify --log /root/identity --checkpoint /root/checkpoint
		[ "$(size)" -gt "$(sed -n 2p "$work/checkpoint")" ] || fail "the log did not grow"
	fi
	inside trail checkpoint >"$work/checkpoint"
}

# One event after the other until told to stop; says of each that was not taken why.
write_without_end() {
	# shellcheck disable=SC2016 # it is the inner shell that reads its $?
	inside sh -c 'until [ -e /root/enough ]; do
		trail emit read /journal/4711 --actor berta --purpose upgrade >/dev/null 2>/root/why ||
			{ echo "exit $?: $(cat /root/why)"; }
	done' >"$work/refused"
}

step "a fresh Debian"
start_machine

step "install: the sockets listen, no log is made before somebody writes"
install_from "$old"
is traild.socket active
is traild-signer.socket active
is traild.service inactive
! inside test -e /var/lib/trail/identity || fail "a log was made before it could be named"

step "who is in group trail writes, who is not does not"
inside useradd --create-home --groups trail clerk
inside useradd --create-home stranger
inside systemctl start traild.socket
must 'record' as clerk trail emit create /journal/4711 --actor anna --subject p-93
must 'record' as clerk trail emit read /journal/4711 --actor anna --purpose case:2026-118
! as clerk trail history /journal/4711 >/dev/null 2>&1 || fail "who may write may read, too"
! as stranger trail emit read /journal/4711 2>/dev/null || fail "a stranger may write"
is traild.service active
is traild-signer.service active
log_goes_on
[ "$(inside stat -c '%U %a' /var/lib/trail /var/lib/trail-signer | paste -sd' ')" = \
	'trail 700 trail-signer 700' ] || fail "others may look into the log"

step "stop: the store is whole without its daemon"
inside systemctl stop traild.socket traild.service
is traild.service inactive
must 'valid' traild check --state-dir /var/lib/trail --signer-dir /var/lib/trail-signer
inside systemctl start traild.socket

# Bash speaks enough HTTP for this.
ask_witness() {
	must "$1" bash -c 'exec 3<>/dev/tcp/127.0.0.1/7380 && printf "GET / HTTP/1.0\r\n\r\n" >&3 && cat <&3'
}

step "a witness waits until it has a name; then it watches the log of next door"
is trail-witness.socket inactive
is trail-witness.service inactive
! inside test -e /var/lib/trail-witness/key || fail "a witness was made before it could be named"
inside sh -c 'echo OPTIONS=--name witness.example/w1 >/etc/trail/witness.env
	trail key | sed -n "2s/^/vkey /p" >>/etc/trail/witness.logs' ||
	fail "the witness cannot be told of the log"
inside systemctl enable --now trail-witness.socket trail-witness.service
is trail-witness.service active
ask_witness 'watches 1 log'
inside runuser --user trail-witness -- trail-witness key >"$work/witness"
ask_witness "$(cat "$work/witness")"
[ "$(inside stat -c '%U %a' /var/lib/trail-witness)" = 'trail-witness 700' ] || fail "others may look at the witness"

step "upgrade: the same log goes on, and nobody who writes is refused meanwhile"
must 'record' trail emit read /journal/4711 --actor anna
before=$(inside systemctl show --value --property MainPID traild.service)
was=$(version)
write_without_end &
writer=$!
install_from "$new"
[ "$(version)" != "$was" ] || fail "still $was"
after=$(inside systemctl show --value --property MainPID traild.service)
[ "$after" != "$before" ] || fail "the old daemon still runs"
must 'record' trail emit read /journal/4711 --actor anna
inside touch /root/enough
wait "$writer"
# Who was in the middle of it may be told that its connection broke; nobody is told that nobody listens.
broke=$(grep -c 'exit 3: trail: the connection .* broke' "$work/refused" || true)
if [ "$(wc -l <"$work/refused")" != "$broke" ] || [ "$broke" -gt 1 ]; then
	cat "$work/refused"
	fail "clients were refused while traild was upgraded"
fi
must 'berta' trail history /journal/4711
log_goes_on
is trail-witness.service active
ask_witness "$(cat "$work/witness")"

step "remove: nothing listens, the log and the signer's state stay"
inside apt-get remove -qy traild >/dev/null 2>&1
is traild.socket inactive
is traild.service inactive
is traild-signer.service inactive
inside test -s /var/lib/trail/log/data.mdb
inside test -s /var/lib/trail-signer/key
install_from "$new"
must 'record' trail emit read /journal/4711 --actor anna
log_goes_on

step "purge where nobody can be asked: the log stays, and where is said"
must '/var/lib/trail /var/lib/trail-signer' apt-get purge -qy traild
inside test -s /var/lib/trail/log/data.mdb
! inside test -e /etc/trail/traild.conf || fail "a purge left the settings"
install_from "$new"
must 'record' trail emit read /journal/4711 --actor anna
log_goes_on

# On a terminal, as debconf asks where there is one; answered when it has asked.
purge_answering() {
	mkfifo "$work/answer"
	frontend=teletype inside script -qec 'apt-get purge -qy traild' /dev/null <"$work/answer" \
		>"$work/asked" 2>&1 &
	local purge=$!
	exec 8>"$work/answer"
	until grep -q 'yes/no' "$work/asked"; do
		kill -0 "$purge" 2>/dev/null || { cat "$work/asked"; fail "nothing was asked"; }
		sleep 0.1
	done
	echo "$1" >&8
	wait "$purge" || { cat "$work/asked"; fail "the purge failed"; }
	exec 8>&-
	rm "$work/answer"
	grep -q 'Delete the audit log' "$work/asked" || fail "something else was asked"
}

step "purge, answered with no: the log stays"
purge_answering no
inside test -s /var/lib/trail/log/data.mdb
install_from "$new"
must 'record' trail emit read /journal/4711 --actor anna
log_goes_on

step "purge, answered with yes: it is gone"
purge_answering yes
! inside test -e /var/lib/trail || fail "the log is still there"
! inside test -e /var/lib/trail-signer || fail "the signer's state is still there"

step "a purged witness keeps what its signatures are worth, and says where"
must '/var/lib/trail-witness' apt-get purge -qy trail-witness
is trail-witness.socket inactive
inside test -s /var/lib/trail-witness/key
echo "all steps done"
