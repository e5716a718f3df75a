#!/bin/sh
# as_of.sh FILE [DATE]: prints a scenario (NDJSON events) with every date in it moved by the same number of days, so that its first event happens on
# DATE (default: today in New Zealand). A story written down with fixed dates so stays one the bridge takes: an event older than 400 days is
# EVENT_TOO_OLD. A date is what starts a JSON string as YYYY-MM-DD; references such as PTP-WLG-0001 are left alone.
set -eu

file=$1
to=${2:-$(TZ=Pacific/Auckland date +%F)}
from=$(sed -n '1s/.*"time":"\([0-9-]*\)T.*/\1/p' "$file")
days=$((($(date -ud "$to" +%s) - $(date -ud "$from" +%s)) / 86400))

# One replacement a date, marked with #, so that a date that was moved is not moved again by the next.
moves=$(grep -oE '"[0-9]{4}-[0-9]{2}-[0-9]{2}' "$file" | tr -d '"' | sort -u | while read -r date; do
	echo "s/\"$date/\"#$(date -ud "@$(($(date -ud "$date" +%s) + days * 86400))" +%F)/g"
done)
sed -e "$moves" -e 's/"#\([0-9]\)/"\1/g' "$file"
