#!/bin/sh
# run.sh unit PROGRAM... | units | all | coverage: runs tests, JOBS (the number of cores) at a time, one line each as it ends, and closes with the
# counts. BUILD names the build.
#
# A unit program speaks TAP (cmocka); a system test is one script of tests/system, test_*.sh or test_*.py, that exits 0 when it passes and prints
# "ok NAME" or "not ok NAME" for each of its parts. What a failed test printed is shown at the end, and kept under build/<BUILD>/log.
set -u
cd "$(dirname "$0")/.." || exit 1
BUILD=${BUILD:-release}
JOBS=${JOBS:-$(nproc)}
export BUILD
log=build/$BUILD/log

# one NAME COMMAND...: runs it and keeps its counts in NAME.result.
one() {
	name=$1
	shift
	began=$(date +%s%N)
	status=0
	"$@" >"$log/$name.log" 2>&1 </dev/null || status=$?
	good=$(grep -cE '^ok ' "$log/$name.log")
	bad=$(grep -cE '^not ok ' "$log/$name.log")
	[ $((good + bad)) -gt 0 ] || { [ $status -eq 0 ] && good=1; }
	[ $status -eq 0 ] || [ "$bad" -gt 0 ] || bad=1
	mark=ok
	[ "$bad" -eq 0 ] || mark=FAILED
	echo "$good $bad" >"$log/$name.result"
	printf '%-6s %-40s %4d passed %3d failed  %6.1f s\n' "$mark" "$name" "$good" "$bad" \
		"$(echo "$(date +%s%N) $began" | awk '{ printf "%.1f", ($1 - $2) / 1e9 }')"
}

# ---- Lists: a line is NAME COMMAND... ----
units() {
	for program in "$@"; do
		echo "$(echo "${program#build/*/tests/unit/}" | tr / -) env CMOCKA_MESSAGE_OUTPUT=TAP $program"
	done
}

all_units() {
	# shellcheck disable=SC2046
	units $(find "build/$BUILD/tests/unit" -type f -name 'test_*' ! -name '*.*' | sort)
}

system() {
	for script in tests/system/test_*; do
		case $script in
		*.py) echo "system-$(basename "$script") /usr/bin/python3 $script" ;;
		*.sh) echo "system-$(basename "$script") bash $script" ;;
		esac
	done
}

everything() {
	echo "lint bash tests/lint.sh"
	system
	all_units
	echo "fuzz sh tests/fuzz/run.sh build/fuzz 10"
}

# Runs the list on standard input; 0 where something passed and nothing failed.
run() {
	mkdir -p "$log"
	rm -f "$log"/*.result
	xargs -P "$JOBS" -L 1 sh tests/run.sh one
	passed=0 failed=0
	for result in "$log"/*.result; do
		read -r good bad <"$result"
		passed=$((passed + good)) failed=$((failed + bad))
		[ "$bad" -eq 0 ] && continue
		echo "---- $(basename "$result" .result) (${result%.result}.log), its last lines:"
		grep -E -A 8 '^not ok ' "${result%.result}.log" | head -n 60
		tail -n 30 "${result%.result}.log"
	done
	echo "$passed passed, $failed failed"
	[ $failed -eq 0 ] && [ $passed -gt 0 ]
}

verb=$1
shift
case $verb in
one) one "$@" ;;
unit) units "$@" | run ;;
units) all_units | run ;;
all) everything | run ;;
coverage)
	{ system && all_units; } | run
	status=$?
	gcovr -r . --object-directory build/cov --filter daemon/ --gcov-ignore-parse-errors --exclude-unreachable-branches --txt >"$log/lines.txt"
	gcovr -r . --object-directory build/cov --filter daemon/core/ --branches --exclude-unreachable-branches >"$log/branches.txt"
	cat "$log/lines.txt" "$log/branches.txt"
	exit $status
	;;
*)
	echo "run.sh: unit, units, all or coverage" >&2
	exit 2
	;;
esac
