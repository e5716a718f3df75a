#!/bin/sh
# run.sh BUILD_DIR SECONDS: each fuzzer of BUILD_DIR for so long, from a corpus made on the spot and kept in BUILD_DIR/corpus. Prints a TAP line a fuzzer;
# an input that breaks one is kept in BUILD_DIR/crashes, and `BUILD_DIR/tests/fuzz/NAME FILE` runs it again.
set -u
cd "$(dirname "$0")/../.." || exit 1
build=$1 seconds=$2
crashes=$build/crashes
mkdir -p "$crashes" "$build/corpus/fuzz_decode" "$build/corpus/fuzz_protocol"
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1

BUILD=$(basename "$build") /usr/bin/python3 tests/fuzz/seeds.py "$build/corpus/fuzz_decode" "$build/corpus/fuzz_protocol" || exit 1

# The words of the schemas: field names as JSON writes them, enum values, event types.
{
	sed -nE 's/^ +[A-Za-z0-9_. ]+ ([a-z0-9_]+) = [0-9]+;.*/\1/p' proto/events.proto proto/records.proto | sed -E 's/_([a-z0-9])/\U\1/g'
	sed -nE 's/^ +([A-Z_0-9]+) = [0-9]+;.*/\1/p' proto/vocabulary.proto
	sed -nE 's|^// (nz\.govt\.[a-z.]+): .*|\1|p' proto/events.proto
	printf '%s\n' specversion id source type time data data_base64 datacontenttype traceparent type.googleapis.com/cpps.bridge.v1. true false null
} | sort -u | sed 's/.*/"&"/' >"$build/words.dict"

failed=0
for name in fuzz_decode fuzz_protocol; do
	if [ ! -x "$build/tests/fuzz/$name" ]; then
		echo "not ok $name (not built)"
		failed=1
		continue
	fi
	if "$build/tests/fuzz/$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -max_len=4096 -dict="$build/words.dict" \
		-artifact_prefix="$crashes/$name-" -print_final_stats=1 "$build/corpus/$name" >"$build/$name.log" 2>&1; then
		echo "ok $name"
		grep -E '^stat::number_of_executed_units' "$build/$name.log" | sed 's/^/# /'
	else
		echo "not ok $name"
		tail -n 40 "$build/$name.log" | sed 's/^/# /'
		failed=1
	fi
done
exit $failed
