#!/bin/sh
# The daemon under a simulated clock, bus and database: some histories of faults, each from its seed. `make simulate` plays more.
set -u
cd "$(dirname "$0")/../.." || exit 1
simulate=build/${BUILD:-release}/tests/simulation/simulate

if "$simulate" --seeds "${SIMULATE_SEEDS:-600}"; then
	echo "ok what is acknowledged is kept, once, and every stream is followed to its end (X1, X2, X5)"
else
	echo "not ok what is acknowledged is kept, once, and every stream is followed to its end (X1, X2, X5)"
	exit 1
fi
"$simulate" --seed 7 >"${TMPDIR:-/tmp}/simulate.$$.a" && "$simulate" --seed 7 >"${TMPDIR:-/tmp}/simulate.$$.b" &&
	cmp "${TMPDIR:-/tmp}/simulate.$$.a" "${TMPDIR:-/tmp}/simulate.$$.b" && echo "ok a seed is one history" || echo "not ok a seed is one history"
rm -f "${TMPDIR:-/tmp}/simulate.$$.a" "${TMPDIR:-/tmp}/simulate.$$.b"
