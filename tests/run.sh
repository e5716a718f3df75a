#!/bin/sh
# run.sh unit PROGRAM... | all | coverage: runs tests, one line each as it ends, and closes with the counts. BUILD names the build.
#
# A unit program speaks TAP (cmocka); a system test is one script of tests/system, test_*.sh or test_*.py, that exits 0 when it passes and prints
# "ok NAME" or "not ok NAME" for each of its parts. What a failed test printed is shown at the end, and kept under build/<BUILD>/log.
set -u
cd "$(dirname "$0")/.." || exit 1
BUILD=${BUILD:-release}
export BUILD
log=build/$BUILD/log
mkdir -p "$log"
passed=0 failed=0 broken=

# one NAME COMMAND...: runs it and adds up its parts.
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
	passed=$((passed + good)) failed=$((failed + bad))
	mark=ok
	[ "$bad" -eq 0 ] || { mark=FAILED broken="$broken $name"; }
	printf '%-6s %-40s %4d passed %3d failed  %6.1f s\n' "$mark" "$name" "$good" "$bad" \
		"$(echo "$(date +%s%N) $began" | awk '{ printf "%.1f", ($1 - $2) / 1e9 }')"
}

unit() {
	for program in "$@"; do
		one "$(echo "${program#build/*/tests/unit/}" | tr / -)" env CMOCKA_MESSAGE_OUTPUT=TAP "$program"
	done
}

system() {
	for script in tests/system/test_*; do
		case $script in
		*.py) one "system-$(basename "$script")" /usr/bin/python3 "$script" ;;
		*.sh) one "system-$(basename "$script")" bash "$script" ;;
		esac
	done
}

all_units() {
	# shellcheck disable=SC2046
	unit $(find "build/$BUILD/tests/unit" -type f -name 'test_*' ! -name '*.*' | sort)
}

close() {
	for name in $broken; do
		echo "---- $name ($log/$name.log), its last lines:"
		tail -n 60 "$log/$name.log"
	done
	echo "$passed passed, $failed failed"
	[ $failed -eq 0 ] && [ $passed -gt 0 ]
}

verb=$1
shift
case $verb in
unit) unit "$@" ;;
units) all_units ;;
all)
	one lint sh tests/lint.sh
	all_units
	one fuzz sh tests/fuzz/run.sh build/fuzz 10
	system
	;;
coverage)
	all_units
	system
	gcovr -r . --object-directory build/cov --filter daemon/ --exclude-unreachable-branches --txt | tail -n 1000 >"$log/lines.txt"
	gcovr -r . --object-directory build/cov --filter daemon/core/ --branches --exclude-unreachable-branches >"$log/branches.txt"
	cat "$log/lines.txt" "$log/branches.txt"
	;;
*)
	echo "run.sh: unit, all or coverage" >&2
	exit 2
	;;
esac
close
