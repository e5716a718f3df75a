#!/bin/sh
# A throwaway PostgreSQL for tests: `tests/pg.sh start DIR` prints its conninfo, `stop DIR` deletes it again, `restart DIR` and
# `kill DIR` (a crash) keep its data. DIR is made where it does not exist. FSYNC=1 makes it durable. See deploy/cluster.sh.
set -eu
cluster=$(dirname "$0")/../deploy/cluster.sh
verb=${1:-}
[ "$verb" != stop ] || verb=remove
FSYNC=${FSYNC:-0} exec sh "$cluster" "$verb" "${2:-}"
