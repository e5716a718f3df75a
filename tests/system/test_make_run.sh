#!/bin/bash
# `make run` as a newcomer meets it, in a copy of the tree: as root and as an ordinary user. What it prints is done to the letter; Ctrl-C, early
# and late, leaves no process; a second run goes on with the same data; a daemon that is killed comes back.
set -u
# Whoever runs the tests in the background may ignore Ctrl-C, and a shell cannot take that back: begin again without.
[ -n "${CPPS_TEST_SIGNALS:-}" ] || CPPS_TEST_SIGNALS=default exec env --default-signal bash "$0" "$@"
set -m # a background job is a process group with its own Ctrl-C, as a terminal's is
BUILD=${BUILD:-release}
source=$(cd "$(dirname "$0")/../.." && pwd)
count=0 failed=0
export CPPS_TEST_RUN=$$-$RANDOM
unset RUN_DIR BIN QUIET FSYNC CPPS_BRIDGE_CONFIG MAKEFLAGS MAKELEVEL MFLAGS

check() {
	local what=$1 said
	shift
	count=$((count + 1))
	if said=$("$@" 2>&1); then
		echo "ok $count - $who: $what"
	else
		failed=$((failed + 1))
		printf 'not ok %d - %s: %s\n# %s\n' "$count" "$who" "$what" "$(printf %s "$said" | tail -n 20 | sed '2,$s/^/# /')"
	fi
}
within() {
	local said end=$((SECONDS + $1))
	shift
	until said=$("$@" 2>&1); do
		[ $SECONDS -lt $end ] || { echo "$said"; return 1; }
		sleep 0.05
	done
}
equal() {
	[ "$1" = "$2" ] || { echo "'$1' is not '$2'"; return 1; }
}

# The processes of this test's runs, by their environment or, where they have overwritten it, by the folder they name.
processes() {
	local p
	for p in /proc/[0-9]*; do
		{ [ "${p#/proc/}" != $$ ] && { grep -qaF "CPPS_TEST_RUN=$CPPS_TEST_RUN" "$p/environ" || grep -qaF "$tree" "$p/cmdline"; }; } 2>/dev/null &&
			! grep -q "^PPid:[[:space:]]*$$\$" "$p/status" 2>/dev/null && echo "${p#/proc/} $(tr '\0' ' ' <"$p/cmdline" 2>/dev/null)"
	done
	return 0
}
is_gone() {
	! kill -0 "$1" 2>/dev/null
}
no_process() {
	local left
	left=$(processes | grep -v 'test_make_run.sh')
	[ -z "$left" ] || { echo "$left"; return 1; }
}

# A copy of the sources and of what is built, for the account.
copy() {
	work=$(mktemp -d /tmp/cpps-run-XXXXXX)
	chmod 0755 "$work"
	tree=$work/tree
	mkdir "$tree"
	(cd "$source" && { git ls-files --cached --others --exclude-standard 2>/dev/null || find . -path ./build -prune -o -type f -print; } | tar -cf - -T - "build/$BUILD") |
		tar -xf - -C "$tree"
	[ -z "$account" ] || chown -R "$account" "$work"
	cd "$tree" || exit 1
}
as() {
	if [ -n "$account" ]; then
		runuser -u "$account" -- "$@"
	else
		"$@"
	fi
}

# make_run OUT [RUN_DIR=DIR]: in the background, as a terminal would run it; $run is its process group.
make_run() {
	local out=$1
	shift
	as make run "BUILD=$BUILD" "$@" >"$out" 2>&1 </dev/null &
	run=$!
}
interrupt() { # Ctrl-C
	kill -INT -- -"$run"
}
greeted() {
	grep -q 'Ctrl-C stops it' "$1" || { tail -n 5 "$1"; return 1; }
}
# The lines it tells people to type, as they stand.
told() {
	sed -n 's/^  \(export .*\|build\/.*\)$/\1/p' "$1"
}
# What README.md tells a newcomer to type (1), or shows as the answer (0), for this folder.
readme() {
	awk -v commands="$1" '/^## / { on = /Try it/ } /^```/ { block = !block; sh = /sh/; next } on && block && sh == commands' README.md |
		sed "s|\.run|$dir|g" | grep -vx 'make run'
}
# Every line of it: done, or done with something quarantined.
readme_works() {
	local line
	[ -s "$work/readme" ] || { echo 'README.md has no commands under "Try it"'; return 1; }
	{
		echo 'told() { [ $1 -eq 0 ] || [ $1 -eq 3 ] || { echo "status $1: $2"; exit 1; }; }'
		while read -r line; do
			printf '%s\ntold $? %q\n' "$line" "$line"
		done <"$work/readme"
	} >"$work/readme.sh"
	as bash "$work/readme.sh" >"$work/readme.out" 2>&1 || { tail -n 5 "$work/readme.out"; return 1; }
}
# Its answers, but for moments and the widths of columns.
readme_is_true() {
	local line
	tr -s ' ' <"$work/readme.out" | sed 's/^ //; s/ $//' >"$work/readme.said"
	while read -r line; do
		grep -qxF -e "$line" "$work/readme.said" || { echo "'$line' is not in:"; cat "$work/readme.said"; return 1; }
	done < <(readme 0 | grep -v '[0-9]-[0-9][0-9]-[0-9]' | tr -s ' ' | sed 's/^ //; s/ $//')
}
ctl() {
	as env "CPPS_BRIDGE_CONFIG=$tree/$dir/cpps-bridge.yaml" build/cppsctl "$@"
}
head_of() {
	ctl status --json | grep -om1 '"head": *[0-9]*' | head -n 1 | tr -dc 0-9
}
head_is() {
	equal "$(head_of)" "$1"
}
has() {
	[ "$(stat -c %a "$1")" = "$2" ] || { stat "$1"; return 1; }
}
other_pid() {
	local now
	now=$(cat "$dir/cpps-bridged.pid") && [ "$now" != "$1" ] && ctl status --wait 1
}
refused() {
	local said
	said=$(as make run "BUILD=$BUILD" ${arguments[@]+"${arguments[@]}"} 2>&1 </dev/null) && return 1
	echo "$said" | grep -q 'a bridge already runs in .*: stop it first, or choose another directory with RUN_DIR='
}

# newcomer WHO ACCOUNT DIR [RUN_DIR=DIR]
newcomer() {
	local head pid requests arguments
	who=$1 account=$2 dir=$3
	shift 3
	arguments=("$@")
	copy

	# Impatient first: Ctrl-C at every stage of its first start.
	for stage in log pg/data.new pg/data cpps-bridged.pid; do
		rm -rf "${dir:?}/$stage" # of the stage before, which may have come so far
		make_run "$work/out0" "$@"
		within 60 test -e "$dir/$stage" || tail -n 3 "$work/out0"
		interrupt
		check "Ctrl-C ends it as soon as $stage is there" within 30 is_gone "-$run"
		check 'and leaves no process' within 10 no_process
	done

	make_run "$work/out1" "$@"
	check 'it greets when it is up' within 60 greeted "$work/out1"
	greeted "$work/out1" >/dev/null || { # nothing below could hold
		sed 's/^/# /' "$work/out1"
		exit 1
	}
	told "$work/out1" >"$work/told"
	check 'it names the configuration' grep -qx "export CPPS_BRIDGE_CONFIG=$tree/$dir/cpps-bridge.yaml" "$work/told"
	for word in submit tail requests status; do
		check "it tells how to $word" grep -q "^build/cppsctl $word" "$work/told"
	done
	readme 1 >"$work/readme"
	check 'what README.md tells works, to the letter' readme_works
	check 'and answers as it shows' readme_is_true
	check 'what the greeting tells works too' as bash -e "$work/told"
	head=$(head_of)
	check 'the events it gave made records' [ "${head:-0}" -gt 5 ]
	requests=$(ctl requests --json)
	check 'and two requests' equal "$(echo "$requests" | grep -c .)" 2
	check 'its pid stands in a file' kill -0 "$(cat "$dir/cpps-bridged.pid")"
	check 'its log in a folder' grep -q 'the term begins' "$dir/log/cpps-bridged.log"
	check 'its sockets are its own' has "$dir/s" 700
	check 'a second one in the same folder is refused in one sentence' refused

	pid=$(cat "$dir/cpps-bridged.pid")
	kill -KILL "$pid"
	check 'a daemon that is killed is started again' within 30 other_pid "$pid"
	check 'with the log it had' head_is "$head"

	interrupt
	check 'Ctrl-C ends it' within 30 is_gone "-$run"
	check 'and leaves no process' within 10 no_process
	check 'nor a pid' [ ! -e "$dir/cpps-bridged.pid" ]
	check 'it ended in order' sh -c "tail -n 3 '$dir/log/cpps-bridged.log' | grep 'leader -> stopping: asked to stop'"

	make_run "$work/out2" "$@"
	check 'a second run is up' within 60 greeted "$work/out2"
	check 'with the same records' head_is "$head"
	check 'and the same requests' equal "$(ctl requests --json)" "$requests"
	kill -TERM -- -"$run"
	check 'a terminal that closes ends it too' within 30 is_gone "-$run"
	check 'and leaves no process' within 10 no_process

	sh "$tree/deploy/cluster.sh" remove "$tree/$dir" >/dev/null 2>&1
	cd / && rm -rf "$work"
}

leave() {
	[ $BASHPID = $$ ] || return # a background job that is interrupted before it has forgotten this trap
	[ -z "${run:-}" ] || kill -TERM -- -"$run" 2>/dev/null
	[ ! -d "${tree:-/nowhere}" ] || sh "$tree/deploy/cluster.sh" remove "$tree/$dir" 2>/dev/null
	rm -rf "${work:-/nowhere}"
}
trap leave EXIT
if [ "$(id -u)" -eq 0 ]; then
	newcomer root '' .run
	newcomer nobody nobody mine RUN_DIR=mine
else
	newcomer "$(id -un)" '' mine RUN_DIR=mine
fi
echo "1..$count"
exit $((failed > 0))
