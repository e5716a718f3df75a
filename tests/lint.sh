#!/bin/bash
# lint.sh: format, static analysis, and the house rules that a tool can see: rooms include only what lies below them; core/ calls no library.
set -u
cd "$(dirname "$0")/.." || exit 1
failed=$(mktemp)
trap 'rm -f "$failed"' EXIT
part() { # NAME, then the complaint on stdin
	local complaint
	complaint=$(cat)
	if [ -z "$complaint" ]; then
		echo "ok $1"
	else
		echo "not ok $1"
		echo "$complaint"
		echo "$1" >>"$failed"
	fi
}

sources=$(git ls-files --cached --others --exclude-standard 'daemon/*.[ch]' 'tests/*.[ch]')

# shellcheck disable=SC2086
clang-format --dry-run --Werror $sources 2>&1 | grep -E 'error:|not found' | part format
# shellcheck disable=SC2086
{
	git grep -nIE '[[:blank:]]+$' -- daemon proto sql deploy tests Makefile README.md ':!tests/fixtures'
	for file in $sources; do expand -t 4 "$file" | awk -v file="$file" 'length > 160 { print file ":" NR ": " length " columns" }'; done
} | part lines
if command -v shellcheck >/dev/null; then
	git ls-files '*.sh' | xargs shellcheck -S warning -f gcc | part shell
fi

rooms="ctl service feeder client flow store config wire core base"
allowed() { # the rooms below, and the room itself
	local seen=
	for room in $rooms; do
		[ "$room" = "$1" ] && seen=yes
		[ -n "$seen" ] && printf '%s|' "$room"
	done
}
for room in $rooms; do
	grep -nE '#include "[a-z]+/' daemon/"$room"/*.[ch] 2>/dev/null | grep -v 'pb-c\.h"' | grep -vE "#include \"($(allowed "$room"))/" | sed 's|$|  (not a room below)|'
done | part rooms

# ctl reaches the daemon by its sockets and reads the database: never the loop side.
grep -nE '#include "(store/(store|cabinet)|flow)' daemon/ctl/*.[ch] 2>/dev/null | part ctl-keeps-out
# The rules do no I/O, read no clock, allocate nothing and log nothing.
nm -u build/*/lib/core.a 2>/dev/null | grep -E ' (malloc|calloc|realloc|free|fopen|open|read|write|printf|fprintf|puts|time|clock_gettime|gettimeofday|localtime_r|sd_.*|PQ.*|zmq_.*)$' |
	sort -u | part core-is-pure

if [ -z "${QUICK:-}" ]; then
	generated="build/asan/gen"
	# shellcheck disable=SC2046
	flags="-std=gnu17 -Idaemon -I$generated -I$generated/proto -D_GNU_SOURCE -DCPPS_VERSION=\"x\" -DUTHASH_SEEDED \
		$(pkg-config --cflags libpq libsystemd libzmq libprotobuf-c jansson smartcols libcyaml | tr '\n' ' ')"
	# What was clean before and reads the same to the compiler, with the same checks, is clean.
	clean="build/asan/tidy"
	mkdir -p "$clean"
	# shellcheck disable=SC2016
	look='
		key=$( (clang-tidy --version; cat .clang-tidy; clang -E $FLAGS "$1") 2>&1 | sha256sum | cut -c 1-64)
		[ -e "$CLEAN/$key" ] && exit
		if found=$(clang-tidy --quiet --warnings-as-errors="*" "$1" -- $FLAGS 2>&1); then
			: >"$CLEAN/$key"
		else
			echo "$found" | grep -E "error:" || echo "$1: error: $found"
		fi'
	git ls-files 'daemon/*.c' | CLEAN=$clean FLAGS=$flags xargs -P "$(nproc)" -n 1 sh -c "$look" tidy | sort -u | part clang-tidy
fi

# What the project says of itself.
git grep -nIE '\b(TOD[O]|FIXM[E]|XX[X]|HAC[K])\b' -- daemon proto sql deploy tests Makefile README.md | part nothing-left-open
[ ! -s "$failed" ]
