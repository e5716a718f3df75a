#!/bin/bash
# demo.sh DIR: a bridge under DIR, a realistic day of court and prison events, what came of them, and one PTP case; then it stops.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/.." && pwd)
dir=$1
export CPPS_BRIDGE_CONFIG
ctl=$root/build/cppsctl
sh "$here/cluster.sh" remove "$dir" 2>/dev/null || true
rm -rf "$dir"
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
CPPS_BRIDGE_CONFIG=$dir/cpps-bridge.yaml

say() {
	printf '\n== %s\n\n' "$*"
}
show() {
	printf '$ cppsctl %s\n' "$*"
	"$ctl" "$@"
}

field() { # field NAME JSON
	printf '%s\n' "$2" | sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p"
}
# play FILE: submits each event on the day it happens. Who lets a task lie past its due time is shown before they act.
play() {
	local line today on answer days
	today=$(field time "$(head -1 "$1")")
	today=${today%%T*}
	while IFS= read -r line; do
		on=$(field time "$line")
		on=${on%%T*}
		days=$((($(date -ud "$on" +%s) - $(date -ud "$today" +%s)) / 86400))
		today=$on
		[ $days -eq 0 ] || "$ctl" clock advance "${days}d" >/dev/null
		[ $days -le 9 ] || show tasks --kind PTP --overdue
		answer=$(printf '%s\n' "$line" | "$ctl" submit --json -)
		printf '%s  %-52s %s\n' "$on" "$(field id "$line")" "$(field disposition "$answer")"
	done <"$1"
	echo
}

QUIET=1 bash "$here/run.sh" "$dir" >"$dir/run.out" 2>&1 &
runner=$!
trap 'kill -TERM $runner 2>/dev/null; wait $runner 2>/dev/null || true' EXIT
say "A bridge of its own starts in $dir"
for _ in $(seq 100); do [ -S "$dir/s/control" ] || [ -f "$dir/sockets" ] && break; sleep 0.1; done
"$ctl" status --wait 60 >/dev/null || { cat "$dir/run.out" >&2; exit 1; }

say "A day at the courts and prisons: sentences, releases, papers, allocations (and a few mistakes)"
"$ctl" generate --events 400 --seed 11 --from "$(TZ=Pacific/Auckland date -d yesterday +%F)" >"$dir/day.ndjson"
show submit "$dir/day.ndjson" || [ $? -eq 3 ]
say "What the day made: allocation requests in Wellington"
show requests --office WELLINGTON --limit 10
say "What people there have to do"
show tasks --office WELLINGTON --state OPEN --limit 10
say "What was set aside, and why"
show quarantine --limit 5

say "One PTP case, from first consideration to imposition: each event on its day, the sandbox's clock goes along"
sh "$here/as_of.sh" "$root/tests/fixtures/ptp-case.ndjson" >"$dir/ptp-case.ndjson"
play "$dir/ptp-case.ndjson"
show ptp
show show "$(sed -n 's/.*"ptpRef":"\([^"]*\)".*/\1/p' "$dir/ptp-case.ndjson" | head -1)"

say "The log: the newest records, complete and in order"
head=$("$ctl" status --json | grep -o '"head": *[0-9]*' | head -1 | tr -dc 0-9)
"$ctl" tail --after $((head > 3 ? head - 3 : 0))
say "Done. The bridge stops; its data stays in $dir until the next demo"
