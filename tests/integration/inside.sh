# SPDX-License-Identifier: Apache-2.0
# Run by test_systemd.py inside a container whose process 1 is systemd, with traild installed below
# /usr. Every line must succeed (bash -eux); what each part shows is said above it.

set -o pipefail
fails() { # "$@" must not succeed; -e does not look at !
	if "$@"; then echo "succeeded: $*"; exit 1; fi
}
wait_for() { # until "$@" succeeds, for 30 s at most
	for _ in $(seq 300); do "$@" && return 0; sleep 0.1; done
	echo "never: $*"; return 1
}
ended() {
	journalctl --no-pager -o cat -u 'traild*' | tail -80
	systemctl --no-pager --full status 'traild*' || true
}
trap ended EXIT
as() { setpriv --reuid="$1" --regid="$1" --init-groups "${@:2}"; }
main_pid() { systemctl show -P MainPID "$1"; }
useradd --groups trail emitter
useradd stranger

# ---- the sockets, before any daemon runs: whose they are, and who gets in
systemctl enable --now traild.socket traild-signer.socket
[ "$(stat -c '%a %U %G' /run/trail /run/trail/trail.sock)" = "755 root root
660 root trail" ]
[ "$(stat -c '%a %U %G' /run/trail-signer/trail.sock)" = "600 trail trail" ]
[ "$(systemctl is-active traild.service || true)" = inactive ]

# Keys for 2^16 seals take seconds to make, on a busy machine more than a client waits.
echo 'seal_height = 8' >>/etc/trail/traild.conf

# ---- the first event starts traild, which starts its signer, which makes the key
as emitter trail emit read /journal/1
systemctl is-active traild.service traild-signer.service
systemctl status traild.service | grep 'Status: "'
[ "$(ps -o user= -p "$(main_pid traild)")" = trail ]
[ "$(ps -o user:20= -p "$(main_pid traild-signer)")" = trail-signer ]
# what systemd was asked for has taken hold: no new privileges, a filter, no capabilities
for unit in traild traild-signer; do
	grep -qE '^NoNewPrivs:\s*1$' "/proc/$(main_pid $unit)/status"
	grep -qE '^Seccomp:\s*2$' "/proc/$(main_pid $unit)/status"
	grep -qE '^CapBnd:\s*0+$' "/proc/$(main_pid $unit)/status"
done

# ---- strangers reach neither; emitters do not reach the signer, nor any file of the log
fails as stranger trail emit read /journal/1
fails as emitter test -w /run/trail-signer/trail.sock
fails as emitter ls /var/lib/trail
fails as trail ls /var/lib/trail-signer
[ -z "$(find /var/lib/trail /var/lib/trail-signer -perm /077 ! -name seal.pub)" ]
fails as emitter trail history /journal/1
trail history /journal/1 | grep emitter

# ---- restarts under a client that insists: never refused, nothing acked is lost
cat >/tmp/load.sh <<'LOAD'
n=0
while [ ! -e /tmp/over ]; do
	n=$((n + 1))
	if trail emit create "/load/$n" >/dev/null 2>>/tmp/load.err; then echo "/load/$n" >>/tmp/acked; fi
done
LOAD
chmod 1777 /tmp
as emitter bash /tmp/load.sh &
load=$!
acked() { [ "$(wc -l </tmp/acked)" -gt "$1" ]; }
wait_for acked 5
for how in restart restart kill restart kill-signer restart restart restart; do
	before=$(wc -l </tmp/acked)
	case $how in
	restart) systemctl restart traild.service ;;
	kill) systemctl kill --signal=KILL traild.service ;;
	kill-signer) systemctl kill --signal=KILL traild-signer.service ;;
	esac
	wait_for acked $((before + 5))
done
touch /tmp/over
wait $load
touch /tmp/load.err
fails grep -iE 'refused|no such file' /tmp/load.err
trail search action:create -n 0 -o csv | grep -o '/load/[0-9]*' | sort -u >/tmp/held
sort -u /tmp/acked | comm -23 - /tmp/held >/tmp/lost
[ ! -s /tmp/lost ]
echo "acked $(wc -l </tmp/acked) events through 8 restarts"

# ---- the watchdog and the timeouts are systemd's own words
[ "$(systemctl show -P WatchdogUSec traild)" = 2min ]
[ "$(systemctl show -P Type traild)" = notify ]

# ---- a second log on the same host, its own name, folder, socket and signer
cat >/etc/trail/two.conf <<'CONF'
origin = "example.org/two"
signer_socket = "/run/trail-signer/two.sock"
seal_height = 8
CONF
systemctl enable traild@two.service
systemctl is-enabled traild@two.socket
systemctl enable --now traild@two.socket traild-signer@two.socket
as emitter trail --connect unix:/run/trail/two.sock emit read /two/1
trail --connect unix:/run/trail/two.sock checkpoint | head -1 | grep '^example.org/two$'
[ -f /var/lib/traild-signer/two/key ]
[ -f /var/lib/traild/two/identity ]
# without a configuration of its own there is no second log: two may not have one name
fails systemctl start traild@three.service
systemctl stop traild@two.service

# ---- stop: the socket stays, and who comes starts it again; then all of it
systemctl stop traild.service
wait_for sh -c '! systemctl -q is-active traild-signer.service'
[ -S /run/trail/trail.sock ]
as emitter trail emit read /journal/2
systemctl stop traild.socket traild.service
[ -d /run/trail ]
[ "$(systemctl show -P Result traild.service)" = success ]

# ---- a log that contradicts its signer is not started again and again: clients are refused
mv /var/lib/traild-signer/two/head /tmp/head
systemctl reset-failed
fails as emitter trail --connect unix:/run/trail/two.sock emit read /two/2
wait_for sh -c 'systemctl -q is-failed traild@two.socket'
[ "$(journalctl --no-pager -o cat -u traild@two.service | grep -c '^Starting')" -le 12 ]
mv /tmp/head /var/lib/traild-signer/two/head
systemctl reset-failed
systemctl start traild@two.service
as emitter trail --connect unix:/run/trail/two.sock emit read /two/3
systemctl stop traild@two.socket traild@two.service

# ---- what lies on the disk is the whole log
traild check --state-dir /var/lib/trail --signer-dir /var/lib/trail-signer
traild check --state-dir /var/lib/traild/two --signer-dir /var/lib/traild-signer/two
fails traild check --state-dir /var/lib/trail --signer-dir /var/lib/traild-signer/two
journalctl --no-pager >/tmp/journal
fails grep -iE 'SIGSYS|status=31|code=dumped' /tmp/journal
echo "all of it"
trap - EXIT
