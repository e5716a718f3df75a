#!/bin/sh
# A private PostgreSQL cluster under a directory: `make run` keeps one with fsync on, the tests throw theirs away.
#
#   cluster.sh start DIR      makes it if need be, starts it, prints its conninfo
#   cluster.sh conninfo DIR   prints the conninfo of a running cluster
#   cluster.sh stop DIR       stops it cleanly; the data stays
#   cluster.sh restart DIR    stops and starts it
#   cluster.sh kill DIR       stops it as a crash would, without a checkpoint
#   cluster.sh remove DIR     stops it and deletes its data
#
# FSYNC=0 trades durability for speed. CLUSTER_BIN names the programs' directory, CLUSTER_USER the account used when root calls.
# The cluster has no TCP port. Its socket directory is open to its owner and root alone, and who reaches it is trusted.
set -eu

fail() {
	echo "cluster.sh: $*" >&2
	exit 1
}

[ $# -eq 2 ] || fail "usage: cluster.sh start|conninfo|stop|restart|kill|remove DIR"
verb=$1
dir=$2
case $dir in /*) ;; *) dir=$PWD/$dir ;; esac

bin=${CLUSTER_BIN:-}
if [ -z "$bin" ]; then
	for bin in /usr/lib/postgresql/*/bin; do :; done
fi
[ -x "$bin/pg_ctl" ] || fail "no PostgreSQL server programs in $bin: apt-get install postgresql-15"

# PostgreSQL refuses to run as root.
account=
if [ "$(id -u)" -eq 0 ]; then
	account=${CLUSTER_USER:-postgres}
	id "$account" >/dev/null 2>&1 || account=nobody
fi
as() { # a command as the cluster's account, in a directory it may enter
	if [ -n "$account" ]; then
		(cd / && exec runuser -u "$account" -- "$@")
	else
		"$@"
	fi
}

# The account must be able to walk to the data. DIR itself is opened to its group; where a directory above is closed (a home of mode
# 0700), the data lives under /var/lib and DIR/pg points there.
home=$dir/pg
make_home() {
	[ -e "$home/." ] && return
	if [ -L "$home" ]; then # it pointed to data that is gone
		rm "$home"
	fi
	mkdir -p "$dir"
	if [ -z "$account" ]; then
		mkdir -m 0700 "$home"
		return
	fi
	as test -x "$dir" || { chgrp "$(id -gn "$account")" "$dir" && chmod g+x "$dir"; }
	if as test -x "$dir"; then
		install -d -m 0700 -o "$account" "$home"
	else
		mkdir -p /var/lib/cpps-bridge-clusters
		chmod 0711 /var/lib/cpps-bridge-clusters
		elsewhere=$(mktemp -d /var/lib/cpps-bridge-clusters/XXXXXX)
		chown "$account" "$elsewhere"
		ln -s "$elsewhere" "$home"
	fi
}

# $data: where the data is. $sockets: a directory whose path fits a socket's address (107 bytes) and needs no quoting.
settle() {
	real=$(readlink -f "$home")
	data=$real/data
	sockets=$real/s
	plain=yes
	case $real in *[!A-Za-z0-9/._-]*) plain=no ;; esac
	if [ "${#real}" -gt 80 ] || [ $plain = no ]; then
		sockets=$(cat "$home/sockets" 2>/dev/null || true)
		case $sockets in /tmp/cpps-??????) ;; *) sockets=none ;; esac
		if [ "$(stat -c %U "$sockets" 2>/dev/null)" != "${account:-$(id -un)}" ]; then # gone, or made by somebody else since
			sockets=$(as mktemp -d /tmp/cpps-XXXXXX)
			echo "$sockets" >"$home/sockets"
		fi
	else
		[ -d "$sockets" ] || as mkdir -m 0700 "$sockets"
	fi
}

exists() {
	[ -e "$home/." ] && settle && [ -f "$data/PG_VERSION" ]
}

running() {
	exists && as "$bin/pg_ctl" status -s -D "$data" >/dev/null 2>&1
}

# A cluster that is half made, because somebody pressed Ctrl-C, never stands under its name.
create() {
	as rm -rf "$data.new"
	as "$bin/initdb" --no-sync -D "$data.new" -U postgres -A trust -E UTF8 --locale=C.UTF-8 >"$home/initdb.log" 2>&1 ||
		fail "initdb failed: $(tail -n 1 "$home/initdb.log")"
	cat >>"$data.new/postgresql.conf" <<-CONF
		listen_addresses = ''
		unix_socket_permissions = 0700
		shared_buffers = 16MB
		max_connections = 40
		max_wal_size = 256MB
		timezone = 'UTC'
		log_timezone = 'UTC'
		jit = off
		password_encryption = 'scram-sha-256'
		log_line_prefix = '%m [%p] %u '
	CONF
	as mv "$data.new" "$data"
}

conninfo() {
	echo "host=$sockets port=5432 dbname=cpps user=postgres"
}

start() {
	make_home
	settle
	[ -f "$data/PG_VERSION" ] || create
	if ! running; then
		safety="-c fsync=on"
		[ "${FSYNC:-1}" = 1 ] || safety="-c fsync=off -c full_page_writes=off"
		as "$bin/pg_ctl" start -s -w -t 60 -D "$data" -l "$real/server.log" -o "-k $sockets -p 5432 $safety" >/dev/null ||
			fail "PostgreSQL did not start: $(tail -n 1 "$real/server.log" 2>/dev/null)"
	fi
	as "$bin/psql" -XqAt -h "$sockets" -p 5432 -U postgres -d postgres -c "SELECT 1 FROM pg_database WHERE datname = 'cpps'" |
		grep -q 1 || as "$bin/createdb" -h "$sockets" -p 5432 -U postgres cpps
	conninfo
}

stop() {
	running || return 0
	as "$bin/pg_ctl" stop -s -w -t 60 -m "$1" -D "$data"
}

remove() {
	[ -e "$home" ] || return 0
	stop immediate
	settle
	rm -rf "$sockets" "$real" "$home"
}

case $verb in
start) start ;;
conninfo)
	running || fail "no cluster runs in $dir"
	conninfo
	;;
stop) stop fast ;;
restart) stop fast && start ;;
kill) stop immediate ;;
remove) remove ;;
*) fail "unknown verb $verb" ;;
esac
