#!/bin/bash
# A real systemd, booted in a container (systemd-nspawn) on a throwaway overlay of this machine's root with a private network: the bridge is
# installed by `make install`, run by its unit beside a PostgreSQL with peer authentication, stopped under load, hung, and started again.
#
# The script is its own driver: called plainly it enters a mount namespace and boots; with "inside" it is what the booted machine runs.
# Where the kernel allows no container here (inside another container without the rights), it says what was refused and skips.
set -u
BUILD=${BUILD:-release}
here=$(cd "$(dirname "$0")" && pwd)
unit=cpps-bridge.service
count=0 failed=0

# check WHAT COMMAND...: one TAP line.
check() {
	local what=$1 said
	shift
	count=$((count + 1))
	if said=$("$@" 2>&1); then
		echo "ok $count - $what"
	else
		failed=$((failed + 1))
		printf 'not ok %d - %s\n# %s\n' "$count" "$what" "$(printf %s "$said" | tail -n 20 | sed '2,$s/^/# /')"
	fi
}
close() {
	echo "1..$count"
	exit $((failed > 0))
}
# within SECONDS COMMAND...: waits until it succeeds; where it gives up, what the command said last.
within() {
	local said end=$((SECONDS + $1))
	shift
	until said=$("$@" 2>&1); do
		[ $SECONDS -lt $end ] || { echo "$said"; return 1; }
		sleep 0.1
	done
}

# ---- The booted machine ----

# is PROPERTY PATTERN: a property of the unit, as systemd has it.
is() {
	local value
	value=$(systemctl show -P "$1" $unit)
	# shellcheck disable=SC2053
	[[ $value == $2 ]] || { echo "$1 is '$value'"; return 1; }
}
ctl() { # as the service's account, which has the rights
	runuser -u cpps-bridge -- cppsctl "$@"
}
as_postgres() {
	(cd / && runuser -u postgres -- "$@")
}
head_of() {
	ctl status --json | grep -om1 '"head": *[0-9]*' | head -n 1 | tr -dc 0-9
}
head_beyond() {
	local now
	now=$(head_of)
	[ "${now:-0}" -gt "$1" ] || { echo "the head is '$now'"; return 1; }
}
# journal PATTERN FIELD=VALUE...: a line of the daemon with these fields and this text.
journal() {
	local pattern=$1
	shift
	journalctl --sync 2>/dev/null
	journalctl -q -o cat -u $unit "$@" | grep -e "$pattern" || { journalctl -q -u $unit -n 8; return 1; }
}
silent() {
	local said
	said=$("$@" 2>&1) && [ -z "$said" ] || { echo "$said"; return 1; }
}
warnings() { # since a cursor, beyond what the events deserve, and what a container's kernel does not let systemd do
	journalctl -q -u $unit -p warning -o cat --after-cursor="$1" | grep -v -e 'an event was quarantined' -e 'Failed to kill control group' || true
}
absent() {
	! grep -F "$@"
}
equal() {
	[ "$1" = "$2" ] || { echo "'$1' is not '$2'"; return 1; }
}

make_database() {
	local bin
	for bin in /usr/lib/postgresql/*/bin; do :; done
	install -d -m 0700 -o postgres /var/lib/cpps-test
	as_postgres "$bin/initdb" --no-sync -A peer -E UTF8 --locale=C.UTF-8 -D /var/lib/cpps-test/data
	cat >/run/systemd/system/postgresql.service <<-UNIT
		[Service]
		Type=notify
		User=postgres
		RuntimeDirectory=postgresql
		ExecStart=$bin/postgres -D /var/lib/cpps-test/data -k /run/postgresql -c listen_addresses= -c shared_buffers=16MB
	UNIT
}

# As sql/roles.md has it.
fill_database() {
	as_postgres createdb cpps &&
		as_postgres cppsctl migrate --database 'dbname=cpps user=postgres' &&
		as_postgres psql -qX -d cpps -c 'CREATE ROLE "cpps-bridge" LOGIN IN ROLE cpps_bridge'
}

starts() {
	check 'the unit and the manual it names have no fault' silent systemd-analyze verify --man=yes $unit
	check 'it is shut in' systemd-analyze security --threshold=25 $unit
	check 'systemd-sysusers makes the account' systemd-sysusers
	check 'the configuration is closed to others' equal "$(stat -c %a /etc/cpps-bridge/cpps-bridge.yaml)" 640
	systemctl start --no-block $unit
	check 'without a database it is starting, not ready' within 20 is StatusText 'starting: *database*'
	check 'and stays activating' is ActiveState activating
	check 'PostgreSQL starts' systemctl start postgresql.service
	check 'the database is made' fill_database
	check 'READY: the unit is active as soon as it leads' within 30 is ActiveState active
	check 'STATUS says so' is StatusText 'leader: *'
	check 'it watches itself' is WatchdogUSec 10s
	check 'it does not run as root' equal "$(stat -c %U "/proc/$(systemctl show -P MainPID $unit)")" cpps-bridge
	check 'cppsctl reaches it' ctl status
}

logs() {
	local pid
	pid=$(systemctl show -P MainPID $unit)
	check 'the journal has the term with its fields' journal 'the term begins' CPPS_STREAM=nz "_PID=$pid" PRIORITY=6
	check 'every change of state is logged' journal 'starting -> leader: ' PRIORITY=5
	cat >/tmp/bad.json <<-JSON
		{"specversion":"1.0","id":"bad-1","source":"urn:nz:justice:cms","type":"nz.govt.justice.cms.sentence.imposed","time":"2026-01-05T00:00:00Z","data":{"prn":"77665544","orderRef":"CRI-2026-085-000001/1","orderType":"SUPERVISION","imposedOn":"2026-01-05","startsOn":"2026-01-05","endsOn":"2026-12-05","office":"NOWHERE","court":"Wellington District Court"}}
	JSON
	ctl submit /tmp/bad.json >/dev/null
	check 'a quarantine is a warning with reason, event and order' journal 'an event was quarantined' CPPS_REASON=UNKNOWN_OFFICE \
		CPPS_EVENT_ID=bad-1 CPPS_EVENT_SOURCE=urn:nz:justice:cms CPPS_ORDER_REF=CRI-2026-085-000001/1 PRIORITY=4
	journalctl -q -u $unit -o export >/tmp/journal
	check 'nothing of the payload is logged' absent -e 'Wellington District Court' -e NOWHERE /tmp/journal
	check 'it is reloaded' systemctl reload $unit
	check 'RELOADING ends as it began: active' within 10 is ActiveState active
	check 'the policy was loaded again' within 10 journal 'the policy was loaded again'
}

# Stopped while thousands of events are under way: what it has acknowledged is committed, and the feeder goes on when it is back.
drains() {
	local submit code records cursor
	ctl generate --events 3000 --seed 5 >/tmp/events.ndjson
	ctl submit --json /tmp/events.ndjson >/tmp/acks.ndjson 2>/tmp/submit.err &
	submit=$!
	check 'thousands of events are coming in' within 20 head_beyond 100
	cursor=$(journalctl -n 0 --show-cursor | sed -n 's/^-- cursor: //p')
	check 'it stops' systemctl stop $unit
	check 'cleanly' is Result success
	check 'with status 0' is ExecMainStatus 0
	check 'by itself, not by the stop timeout' is ActiveState inactive
	check 'STOPPING: it says that it drains' journal 'leader -> stopping: asked to stop'
	check 'and warns of nothing' silent warnings "$cursor"
	check 'the feeder waits' kill -0 $submit
	check 'it starts again' systemctl start $unit
	wait $submit
	code=$?
	check 'the feeder goes on and ends by itself' [ $code -eq 0 -o $code -eq 3 ]
	check 'with an ack for every event' equal "$(wc -l </tmp/acks.ndjson)" 3000
	records=$(ctl tail --after 0 | sed -n 's/.*"sequence":"0*\([0-9]*\)".*/\1/p' | awk '$1 != NR { bad++ } END { print NR, bad + 0 }')
	check 'and the log has no gap and no repeat' equal "${records#* }" 0
}

changed_pid() {
	is ActiveState active && ! is MainPID "$1"
}

# A daemon that hangs cannot be asked; the watchdog ends it.
hangs() {
	local pid head
	pid=$(systemctl show -P MainPID $unit)
	head=$(head_of)
	kill -STOP "$pid"
	check 'a daemon that hangs is ended and started again' within 30 changed_pid "$pid"
	check 'by the watchdog' journal 'Watchdog timeout'
	check 'once' is NRestarts 1
	check 'it leads again' within 20 is StatusText 'leader: *'
	check 'with the log it had' equal "$(head_of)" "$head"
	pid=$(systemctl show -P MainPID $unit)
	kill -KILL "$pid"
	check 'one that is killed is started again too' within 20 changed_pid "$pid"
}

# A feeder is a service too. A line is answered in the journal.
feeds() {
	local unit=cpps-feeder@court-1.service pid line
	line=$(cppsctl generate --events 1)
	mkfifo /run/lines
	chown cpps-bridge /run/lines
	echo 'FEEDER=--json --bind ipc:///run/cpps-feeder/court-1/live --bind-log ipc:///run/cpps-feeder/court-1/log /run/lines' >/etc/cpps-bridge/feeder-court-1.conf
	check 'the unit of a feeder has no fault' silent systemd-analyze verify --man=yes $unit
	check 'it is shut in' systemd-analyze security --threshold=25 $unit
	check 'READY: it is active as soon as it serves' systemctl start $unit
	check 'it does not run as root' equal "$(stat -c %U "/proc/$(systemctl show -P MainPID $unit)")" cpps-bridge
	echo "$line" >/run/lines
	check 'it stores a line' within 10 journal '"disposition":"stored".*"seq":1}'
	check 'in a file that is closed to others' equal "$(stat -c %a /var/lib/cpps-feeder/court-1.log)" 600
	pid=$(systemctl show -P MainPID $unit)
	kill -KILL "$pid"
	check 'one that is killed is started again' within 20 changed_pid "$pid"
	check 'and is active' within 20 is ActiveState active
	echo "$line" >/run/lines
	check 'with the log it had' within 10 journal '"disposition":"known".*"seq":1}'
	check 'it stops' systemctl stop $unit
	check 'cleanly' is Result success
}

inside() {
	export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8
	make_database >/tmp/database 2>&1 || cat /tmp/database
	# The leak check would trace the daemon, which the unit forbids.
	for name in $unit cpps-feeder@.service; do
		mkdir -p "/run/systemd/system/$name.d"
		printf '[Service]\nEnvironment=ASAN_OPTIONS=detect_leaks=0\n' >"/run/systemd/system/$name.d/sanitizer.conf"
	done
	systemctl daemon-reload
	starts
	[ $failed -eq 0 ] || { # nothing below could hold
		journalctl -q -o cat -n 40 | sed 's/^/# /'
		close
	}
	logs
	drains
	hangs
	feeds
	check 'no sanitizer complained' absent -e 'AddressSanitizer' -e 'runtime error:' -e 'LeakSanitizer' <(journalctl -q -o cat)
	close
}

# ---- Outside: the overlay and the boot ----

skip() {
	echo "ok 1 - # SKIP $*"
	exit 0
}

boot() {
	local work root said
	work=$(mktemp -d /tmp/cpps-systemd-XXXXXX)
	trap 'rmdir "$work"' EXIT
	root=$work/root
	said=$(mount -t tmpfs -o size=2g tmpfs "$work" 2>&1) || skip "the kernel refuses a tmpfs here: $said"
	trap 'umount -l "$work/root" 2>/dev/null; umount -l "$work"; rmdir "$work"' EXIT
	mkdir "$work/upper" "$work/work" "$root"
	said=$(mount -t overlay -o "lowerdir=/,upperdir=$work/upper,workdir=$work/work" overlay "$root" 2>&1) ||
		skip "the kernel refuses an overlay of / here: $said"
	# Not what this machine has set up: our units only. And systemd-nspawn leaves nothing in this machine's /run.
	rm -rf "$root/etc/systemd/system" "$root/etc/systemd/network" "$root/etc/cpps-bridge" "$root/etc/postgresql"
	# An id of its own: not this machine's, and none would make it a first boot, which enables every unit there is.
	tr -d - </proc/sys/kernel/random/uuid >"$root/etc/machine-id"
	mkdir -p "$root/etc/systemd/system" "$root/cpps-test" /run/systemd
	mount -t tmpfs tmpfs /run/systemd || skip 'the kernel refuses a tmpfs here'
	make -s -C "$here/../.." install "BUILD=$BUILD" "DESTDIR=$root" >"$work/install" 2>&1 || {
		echo 'not ok 1 - make install'
		sed 's/^/# /' "$work/install"
		exit 1
	}
	cp "$here/test_systemd.sh" "$root/cpps-test/driver.sh"
	cat >"$root/etc/systemd/system/cpps-test.target" <<-UNIT
		[Unit]
		Requires=cpps-test.service
		After=cpps-test.service
	UNIT
	cat >"$root/etc/systemd/system/cpps-test.service" <<-UNIT
		[Unit]
		After=systemd-journald.service systemd-tmpfiles-setup.service
		SuccessAction=exit-force
		FailureAction=exit-force
		[Service]
		Type=oneshot
		Environment=BUILD=$BUILD
		StandardOutput=file:/cpps-test/out
		StandardError=file:/cpps-test/err
		ExecStart=/bin/bash /cpps-test/driver.sh inside
	UNIT
	timeout 150 systemd-nspawn --quiet --boot --register=no --keep-unit --link-journal=no --private-network --console=pipe \
		--machine="cpps-$$" --directory="$root" -- systemd.unit=cpps-test.target systemd.show_status=false \
		>"$work/console" 2>&1 </dev/null
	if [ -s "$root/cpps-test/out" ]; then
		cat "$root/cpps-test/out"
		sed 's/^/# /' "$root/cpps-test/err"
		grep -q '^1\.\.' "$root/cpps-test/out" && ! grep -q '^not ok' "$root/cpps-test/out"
		exit
	fi
	said=$(grep -m 1 -e 'Operation not permitted' -e 'Permission denied' -e 'Read-only file system' -e 'Function not implemented' \
		"$work/console") && skip "the kernel refuses a container here: $said"
	echo 'not ok 1 - systemd boots in a container'
	tail -n 30 "$work/console" | sed 's/^/# /'
	exit 1
}

case ${1:-} in
inside) inside ;;
boot) boot ;;
*)
	[ "$(id -u)" -eq 0 ] || skip 'the kernel lets root alone boot a container'
	said=$(unshare --mount true 2>&1) || skip "the kernel refuses a mount namespace here: $said"
	exec unshare --mount --propagation private bash "$0" boot
	;;
esac
