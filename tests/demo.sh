#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# What traild is for, in half a minute: real events go in, one is shown with its receipt, it says who
# changed a file and who asked, the daemon is killed and comes back with all of them, the log is
# verified through it and without it, and a copy with one flipped bit is found out. Ends with 0 only
# when it saw all of that.
#
#   TRAIL_BUILD   folder with the programs   (build/release)
set -euo pipefail
cd "$(dirname "$0")/.."
build=${TRAIL_BUILD:-build/release}
work=$(mktemp -d)
daemon=
finish() {
	[ -z "$daemon" ] || kill -9 "$daemon" 2>/dev/null || :
	rm -rf "$work"
}
trap finish EXIT
export TRAIL_CONNECT="unix:$work/sock" XDG_STATE_HOME="$work/client"
trail=$build/trail

step() { printf '\n== %s\n' "$*"; }
fail() {
	printf '\nThe demo did not see what it promises: %s\n' "$*" >&2
	[ ! -s "$work/daemon.log" ] || sed 's/^/   daemon: /' "$work/daemon.log" >&2
	exit 1
}
# see "what" FILE PATTERN: the file must hold the pattern; the matching lines are shown
see() { grep -E -- "$3" "$2" || fail "$1 (looked for: $3)"; }

start() {
	rm -f "$work/sock"
	"$build/traild" --state-dir "$work/log" --listen "$TRAIL_CONNECT" \
		--origin demo.example/log >>"$work/daemon.log" 2>&1 &
	daemon=$!
	for _ in $(seq 600); do
		[ ! -S "$work/sock" ] || return 0
		kill -0 "$daemon" 2>/dev/null || fail "the daemon ended at its start"
		sleep 0.1
	done
	fail "the daemon was not ready within a minute"
}

step "A daemon starts; the first start makes the log, its key and its seals"
start
"$trail" key >"$work/identity" 2>"$work/said"
see "a log identity" "$work/identity" '^trail-log/v1$'

step "20,000 real events go in: who created, changed, deleted which file of a large project"
gzip -dc tests/data/git-events-20k.jsonl.gz >"$work/git-events.jsonl"
"$trail" --log "$work/identity" import "$work/git-events.jsonl" >"$work/import" 2>&1
see "all events imported" "$work/import" 'imported 20000 events \(0 already there\)'

step "One more, by hand, with its receipt"
"$trail" --log "$work/identity" emit read /journal/4711 --subject p-93 --purpose case:2026-118 \
	--source demo >"$work/receipt" 2>&1
see "a verified receipt" "$work/receipt" '^(index|received|leaf|checkpoint|verified) '
see "that the receipt was verified" "$work/receipt" '^verified +record, commitment, inclusion' >"$work/null"

step "One of the imported, with its proof"
"$trail" --log "$work/identity" show 10000 >"$work/show" 2>&1
see "the event" "$work/show" '^(index|source|time|action|actor.id|object.id|verified) '
see "its verification" "$work/show" '^verified +included in checkpoint' >"$work/null"

step "Who changed this file?"
"$trail" --log "$work/identity" history git-export.c >"$work/history" 2>"$work/complete"
see "who created it" "$work/history" ' created file git-export\.c'
see "who changed it" "$work/history" ' modified file git-export\.c'
see "who deleted it" "$work/history" ' deleted file git-export\.c'
[ "$(grep -c . "$work/history")" = 6 ] || fail "its six events and nothing else"
see "how complete the answer is" "$work/complete" \
	'^6 events . 2 of 2 sources current . 0 gaps . (scan|index) . checkpoint [0-9]+$'

step "And who asked? The question was on record before it was answered"
"$trail" --log "$work/identity" search source:traild action:read -o json >"$work/asked" 2>"$work/said"
see "the question, in full" "$work/asked" '"verb":"history".*"value":"git-export\.c"|"value":"git-export\.c".*"verb":"history"'

step "The whole log is verified through the daemon: records, events, numbering, checkpoint"
"$trail" --log "$work/identity" verify --payloads >"$work/verify" 2>&1 || fail "exit code 0 of verify"
see "the verdict valid" "$work/verify" '^valid'

step "The daemon is killed (kill -9) and started again"
"$trail" checkpoint >"$work/before"
kill -9 "$daemon"
{ wait "$daemon" || :; } 2>/dev/null
start
"$trail" --log "$work/identity" checkpoint >"$work/after"
printf 'size before %s, after %s\n' "$(sed -n 2p "$work/before")" "$(sed -n 2p "$work/after")"
[ "$(sed -n 2p "$work/after")" -ge "$(sed -n 2p "$work/before")" ] || fail "no event is lost"
"$trail" --log "$work/identity" import "$work/git-events.jsonl" >"$work/again" 2>&1
see "every event is still there, once" "$work/again" 'imported 0 events \(20000 already there\)'
"$trail" --log "$work/identity" show 10000 -o json | sed -n 's/.*"leaf":"\([^"]*\)".*/\1/p' \
	| base64 -d >"$work/leaf"
[ "$(stat -c %s "$work/leaf")" = 32 ] || fail "a leaf hash of 32 bytes"

step "It stops, and the store is checked with no daemon"
kill "$daemon"
wait "$daemon" || fail "the daemon stops cleanly"
daemon=
code=0
"$build/traild" check --state-dir "$work/log" --log "$work/identity" >"$work/check" 2>&1 || code=$?
see "the verdict valid" "$work/check" '^valid'
[ "$code" = 0 ] || fail "exit code 0 of a valid store, not $code"

step "One bit of one record is flipped in a copy"
cp -a "$work/log" "$work/copy"
# Record 10001 names the leaf of record 10000: the bit is flipped where these 32 bytes stand.
perl -e 'use strict; local $/; my ($leaf, $store) = map { open(my $f, "<:raw", $_) or die; <$f> } @ARGV;
	my $at = index($store, $leaf); die "not in the file\n" if $at < 0;
	substr($store, $at, 1) ^= "\x01"; open(my $f, "+<:raw", $ARGV[1]) or die;
	seek($f, $at, 0) && print($f substr($store, $at, 1)) && close($f) or die;' \
	"$work/leaf" "$work/copy/log/data.mdb" || fail "record 10001 found in the file"
code=0
"$build/traild" check --state-dir "$work/copy" --log "$work/identity" >"$work/found" 2>&1 || code=$?
see "the verdict invalid, with the record" "$work/found" '^invalid|1000[01]'
see "the record's index" "$work/found" '\b10001\b' >"$work/null"
[ "$code" = 5 ] || fail "exit code 5 of a damaged store, not $code"

printf '\nThe demo saw what it promises.\n'
