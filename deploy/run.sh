#!/bin/bash
# run.sh DIR: a bridge of one's own under DIR, in the foreground: a private PostgreSQL, migrated; the daemon, started again when it dies.
# Ctrl-C stops everything; a second run continues with the same data. BIN names the folder of the programs (default: build).
set -eu

here=$(cd "$(dirname "$0")" && pwd)
bin=$(cd "${BIN:-$here/../build}" && pwd)
mkdir -p "$1/log"
dir=$(cd "$1" && pwd)
config=$dir/cpps-bridge.yaml

exec 9>"$dir/lock"
flock -n 9 || {
	echo "run.sh: a bridge already runs in $dir: stop it first, or choose another directory with RUN_DIR=" >&2
	exit 1
}

# A socket's address holds 107 bytes, and an endpoint stands in a YAML list: where DIR is too long or has letters that mean something there, the
# sockets live in /tmp and DIR/sockets says where.
sockets=$dir/s
plain=yes
case $sockets in *[!A-Za-z0-9/._-]*) plain=no ;; esac
if [ ${#sockets} -gt 80 ] || [ $plain = no ]; then
	sockets=$(cat "$dir/sockets" 2>/dev/null || true)
	[ -n "$sockets" ] && [ -O "$sockets" ] || sockets=$(mktemp -d /tmp/cpps-XXXXXX)
	echo "$sockets" >"$dir/sockets"
fi
(umask 077 && mkdir -p "$sockets")

write_config() {
	cat >"$config" <<-YAML
		# A sandbox's configuration. Every option is explained in deploy/cpps-bridge.yaml. Yours to edit: it is written only where it is missing.
		stream: nz
		database: $1
		endpoints:
		  submit: [ipc://$sockets/submit]
		  live: [ipc://$sockets/live]
		  log: [ipc://$sockets/log]
		  control: ipc://$sockets/control
		sources:
		  - name: court
		    source: urn:nz:justice:cms
		    kind: court
		    live: [ipc://$sockets/court]
		  - name: prison
		    source: urn:nz:corrections:ioms
		    kind: prison
		    live: [ipc://$sockets/prison]
		  - name: tools
		    source: urn:nz:corrections:cpps
		    kind: tools
		testing:
		  clock: true
	YAML
}

# Two events of today, to try it with.
write_first() {
	local today later now
	today=$(TZ=Pacific/Auckland date +%F)
	later=$(TZ=Pacific/Auckland date -d '14 days' +%F)
	now=$(date -u +%FT%TZ)
	cat >"$dir/first.ndjson" <<-JSON
		{"specversion":"1.0","id":"first-1-$today","source":"urn:nz:justice:cms","type":"nz.govt.justice.cms.sentence.imposed","time":"$now","data":{"prn":"10203040","orderRef":"CRI-2026-085-001234/1","orderType":"SUPERVISION","imposedOn":"$today","startsOn":"$today","endsOn":"$(TZ=Pacific/Auckland date -d '1 year' +%F)","office":"WELLINGTON","court":"Wellington District Court","childSexOffence":false}}
		{"specversion":"1.0","id":"first-2-$today","source":"urn:nz:corrections:ioms","type":"nz.govt.corrections.ioms.release.scheduled","time":"$now","data":{"prn":"20304050","orderRef":"PAR-2026-000777","orderType":"PAROLE","releaseOn":"$later","office":"CHRISTCHURCH","prison":"Rolleston Prison"}}
	JSON
}

stopping=
child=
greeter=
stop() {
	stopping=yes
	[ -z "$child" ] || kill -TERM "$child" 2>/dev/null || true
}
finish() {
	[ -z "$greeter" ] || kill "$greeter" 2>/dev/null || true
	rm -f "$dir/cpps-bridged.pid"
	sh "$here/cluster.sh" stop "$dir" 9>&- || true
}
trap stop INT TERM HUP
trap finish EXIT

conninfo=$(sh "$here/cluster.sh" start "$dir" 9>&-)
if [ -f "$config" ]; then
	sed -i "s|^database:.*|database: $conninfo|" "$config"
	# Where DIR was moved, or /tmp emptied, the sockets are somewhere else now.
	earlier=$(sed -n 's|^  control: ipc://\([A-Za-z0-9/._-]*\)/control$|\1|p' "$config")
	[ -z "$earlier" ] || [ -d "$earlier" ] || sed -i "s|ipc://$earlier/|ipc://$sockets/|g" "$config"
else
	write_config "$conninfo"
fi
[ -f "$dir/first.ndjson" ] || write_first
"$bin/cppsctl" --config "$config" migrate

greet() {
	"$bin/cppsctl" --config "$config" status --wait 30 >/dev/null &
	waiting=$!
	trap 'kill "$waiting" 2>/dev/null; exit' TERM INT HUP
	wait "$waiting" || return 0
	cat <<-TEXT

		The bridge is up. In another terminal, in $(cd "$here/.." && pwd):

		  export CPPS_BRIDGE_CONFIG=$(printf %q "$config")
		  build/cppsctl submit $(printf %q "$dir/first.ndjson")   # a sentence, and a release to come
		  build/cppsctl requests         # the allocation requests they made
		  build/cppsctl tail --after 0   # every record published so far
		  build/cppsctl status           # how the bridge is

		Ctrl-C stops it; the data stays in $dir.

	TEXT
}
if [ -z "${QUIET:-}" ]; then
	greet 9>&- &
	greeter=$!
fi

while [ -z "$stopping" ]; do
	# Ctrl-C reaches every process of the terminal: the log must outlive the daemon's last line.
	"$bin/cpps-bridged" --config "$config" 9>&- 2> >(trap '' INT TERM HUP; exec 9>&-; exec tee -a "$dir/log/cpps-bridged.log" >&2) &
	child=$!
	echo "$child" >"$dir/cpps-bridged.pid.new" && mv "$dir/cpps-bridged.pid.new" "$dir/cpps-bridged.pid"
	status=0
	wait "$child" || status=$?
	if [ -n "$stopping" ]; then # a signal ends wait early: let the daemon drain
		wait "$child" 2>/dev/null || true
		break
	fi
	[ $status -lt 128 ] || echo "run.sh: the daemon died of signal $((status - 128)): starting it again" >&2
	[ $status -ge 128 ] || sleep 1
done
