#!/bin/bash
# The C library as others use it: installed, found by pkg-config, linked shared and static, against a real bridge.
set -u
cd "$(dirname "$0")/../.." || exit 1
BUILD=${BUILD:-release}
dir=$(mktemp -d /tmp/cpps-l-XXXXXX)
chmod 755 "$dir"
root=$dir/root
runner=
count=0 failed=0

check() { # WHAT STATUS [DETAIL]
	count=$((count + 1))
	if [ "$2" -eq 0 ]; then
		echo "ok $count - $1"
	else
		echo "not ok $count - $1"
		printf '%s\n' "${3:-}" | head -n 20 | sed 's/^/# /'
		failed=1
	fi
}

must() { # as check(); without it the rest means nothing
	check "$@"
	[ "$2" -eq 0 ] || exit 1
}

finish() {
	[ -z "$runner" ] || { kill -TERM "$runner" && wait "$runner"; } 2>/dev/null
	sh deploy/cluster.sh remove "$dir/run" >/dev/null 2>&1
	rm -rf "$dir"
}
trap finish EXIT

# ---- Installed ----
env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s BUILD="$BUILD" DESTDIR="$root" install >"$dir/install.log" 2>&1
must "make install installs it" $? "$(tail -n 20 "$dir/install.log")"
export PKG_CONFIG_PATH=$root/usr/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$root LD_LIBRARY_PATH=$root/usr/lib
library=$root/usr/lib/libcppsbridge.so.0
sanitizers=
[ "$BUILD" = asan ] && sanitizers=-fsanitize=address,undefined
[ "$BUILD" = cov ] && sanitizers=--coverage

others=$(nm -D --defined-only "$library" | awk '{ print $NF }' | grep -vE '^(cpps_[a-z_]*@@)?CPPS_BRIDGE_0$')
[ -z "$others" ]
check "the shared library exports what the header declares, and nothing else" $? "$others"
declared=$(grep -oE '^CPPS_PUBLIC .*[ *](cpps_[a-z_]+)\(' "$root/usr/include/cpps-bridge.h" | sed 's/.*[ *]\(cpps_[a-z_]*\)($/\1/' | sort)
exported=$(nm -D --defined-only "$library" | sed -n 's/.* \(cpps_[a-z_]*\)@@.*/\1/p' | sort)
[ "$declared" = "$exported" ]
check "all of it" $? "declared: $declared exported: $exported"
others=$(nm -g --defined-only "$root/usr/lib/libcppsbridge.a" | awk 'NF == 3 { print $3 }' | grep -vE '^(cpps_[a-z]+_?[a-z]*|.*asan.*|.*gcov.*)$')
[ -z "$others" ]
check "and so does the static one" $? "$others"
meddling=$(nm -D "$library" | grep -E ' (U (setrlimit|signal|sigaction|sigprocmask|setlocale|exit|abort|setenv|sd_)|[A-TV-Z] accept)')
[ -z "$meddling" ] || [ -n "$sanitizers" ]
check "it leaves the process alone: its limits, signals, locale" $? "$meddling"
readelf -d "$library" | grep -q 'soname: \[libcppsbridge.so.0\]'
check "its soname is libcppsbridge.so.0" $?
complaints=$(MANWIDTH=100 man --warnings -l "$root/usr/share/man/man3/cpps-bridge.3" 2>&1 >/dev/null)
[ -z "$complaints" ]
check "the man page is well formed" $? "$complaints"

# ---- Built against ----
# shellcheck disable=SC2046,SC2086
said=$(gcc -std=c11 -D_POSIX_C_SOURCE=200809L -Wall -Wextra -Wpedantic -Werror $sanitizers tests/system/library/example.c -o "$dir/example" \
	$(pkg-config --cflags --libs cpps-bridge) 2>&1)
must "a program builds against the installed library" $? "$said"
# shellcheck disable=SC2046,SC2086
said=$(gcc -std=c11 -D_POSIX_C_SOURCE=200809L -Wall $sanitizers tests/system/library/example.c $(pkg-config --cflags cpps-bridge) \
	"$root/usr/lib/libcppsbridge.a" $(env -u PKG_CONFIG_SYSROOT_DIR pkg-config --libs jansson libprotobuf-c libsodium libzmq) -o "$dir/example-static" 2>&1)
must "and statically" $? "$said"
said=$(echo '#include <cpps-bridge.h>' | clang -x c++ -fsyntax-only -Wall -Wextra -Werror -nostdinc++ -I"$root/usr/include" - 2>&1)
check "the header is C++ too" $? "$said"

# ---- Used ----
BIN=build/$BUILD QUIET=1 bash deploy/run.sh "$dir/run" >"$dir/run.log" 2>&1 &
runner=$!
ctl() { build/"$BUILD"/cppsctl --config "$dir/run/cpps-bridge.yaml" "$@"; }
for _ in $(seq 300); do
	[ -f "$dir/run/cpps-bridge.yaml" ] && break
	sleep 0.1
done
ctl status --wait 60 >/dev/null
must "a bridge runs" $? "$(tail -n 20 "$dir/run.log")"
endpoint() { sed -n "s/^ *$1: \[\(.*\)\]/\1/p" "$dir/run/cpps-bridge.yaml" | head -n 1; }
live=$(endpoint live) log=$(endpoint log) submit=$(endpoint submit)

build/"$BUILD"/cppsctl generate --events 300 --seed 3 >"$dir/events"
"$dir/example" submit "$submit" <"$dir/events" >"$dir/acks" 2>"$dir/err"
must "submits" $? "$(cat "$dir/err")"
[ "$(awk '{ print $1 }' "$dir/acks")" = "$(seq 300)" ] && [ "$(grep -cE ' (accepted|parked|quarantined) ' "$dir/acks")" -gt 290 ]
check "an acknowledgement for each event, in order" $? "$(head -n 20 "$dir/acks")"

"$dir/example" follow "$live" "$log" nz >"$dir/records" 2>"$dir/err"
check "follows" $? "$(cat "$dir/err")"
ctl tail --after 0 >"$dir/tail"
[ "$(awk '{ print $1 }' "$dir/records")" = "$(seq "$(wc -l <"$dir/tail")")" ] && cut -d' ' -f3- "$dir/records" | diff - "$dir/tail" >"$dir/diff"
check "every record, in order, as cppsctl tail prints it" $? "$(head -c 2000 "$dir/diff")"
"$dir/example-static" follow "$live" "$log" nz | cmp -s - "$dir/records"
check "the static library does the same" $?

read -r seq epoch _ < <(sed -n 100p "$dir/records")
"$dir/example" follow "$live" "$log" nz "$seq" "$epoch" | diff - <(tail -n +101 "$dir/records") >"$dir/diff"
check "goes on behind a position" $? "$(head -c 2000 "$dir/diff")"
said=$("$dir/example" follow "$live" "$log" nz "$seq" $((epoch - 1)) 2>&1 >/dev/null)
[ $? -eq 1 ] && echo "$said" | grep -q 'restored from an older copy'
check "a position of another epoch is refused, with a sentence" $? "$said"
said=$("$dir/example" follow "$live" "$log" other 2>&1 >/dev/null)
[ $? -eq 1 ] && echo "$said" | grep -q 'other'
check "and so is another stream" $? "$said"

"$dir/example" follow "$live" "$log" nz 0 0 desk task.opened/ ptp. >"$dir/part" 2>"$dir/err"
ctl tail --after 0 --match task.opened/ --match ptp. >"$dir/tail"
[ -s "$dir/tail" ] && cut -d' ' -f3- "$dir/part" | diff - "$dir/tail" >"$dir/diff"
check "a part, by prefixes" $? "$(cat "$dir/err"; head -c 2000 "$dir/diff")"
last=$(tail -n 1 "$dir/part" | cut -d' ' -f1)
for _ in $(seq 100); do
	ctl consumers --json | grep -q "\"confirmed\":$((last / 10 * 10))[,}]" && break
	sleep 0.1
done
ctl consumers --json | grep -q "\"confirmed\":$((last / 10 * 10))[,}]"
check "a named consumer confirms what it says it has processed" $? "$last: $(ctl consumers --json)"

# ---- The daemon is killed meanwhile ----
build/"$BUILD"/cppsctl generate --events 3000 --seed 4 >"$dir/events"
timeout 120 "$dir/example" watch "$live" "$log" nz 8000 >"$dir/records" 2>"$dir/watch.err" &
watcher=$!
"$dir/example" submit "$submit" <"$dir/events" >"$dir/acks" 2>"$dir/err" &
submitter=$!
for want in 300 1200; do
	for _ in $(seq 600); do
		[ "$(wc -l <"$dir/acks")" -ge $want ] || ! kill -0 $submitter 2>/dev/null && break
		sleep 0.05
	done
	kill -KILL "$(cat "$dir/run/cpps-bridged.pid")"
done
wait $submitter
check "submits on over kills of the daemon" $? "$(cat "$dir/err")"
[ "$(awk '{ print $1 }' "$dir/acks")" = "$(seq 3000)" ]
check "each event is acknowledged once, in order" $? "$(wc -l "$dir/acks")"
wait $watcher
check "follows on over kills of the daemon" $? "$(wc -l "$dir/records"; cat "$dir/watch.err")"
[ "$(awk '{ print $1 }' "$dir/records")" = "$(seq 8000)" ]
check "every record once, in order" $? "$(tail -n 3 "$dir/records" | cut -c1-100)"
[ -z "$sanitizers" ] || ! grep -qE 'AddressSanitizer|runtime error' "$dir/err" "$dir/run/log/cpps-bridged.log"
check "no sanitizer complained" $?
exit $failed
