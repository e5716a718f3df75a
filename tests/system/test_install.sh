#!/bin/bash
# `make install` into an empty root: every file in its place, the manual and completion as people's tools read them, the unit as systemd does; and
# the documents say what the programs say.
set -u
BUILD=${BUILD:-release}
cd "$(dirname "$0")/../.." || exit 1
unset MAKEFLAGS MAKELEVEL MFLAGS CPPS_BRIDGE_CONFIG
work=$(mktemp -d /tmp/cpps-install-XXXXXX)
trap 'rm -rf "$work"' EXIT
count=0 failed=0

check() {
	local what=$1 said
	shift
	count=$((count + 1))
	if said=$("$@" 2>&1); then
		echo "ok $count - $what"
	else
		failed=$((failed + 1))
		printf 'not ok %d - %s\n# %s\n' "$count" "$what" "$(printf %s "$said" | tail -n 20 | sed '2,$s/^/# /')"
	fi
}
silent() {
	local said
	said=$("$@" 2>&1 >/dev/null) && [ -z "$said" ] || { echo "$said"; return 1; }
}
installs() { # ROOT PREFIX
	make -s install "BUILD=$BUILD" "DESTDIR=$1" "PREFIX=$2"
}
is_file() { # MODE PATH
	[ -f "$2" ] && [ "$(stat -c %a "$2")" = "$1" ] || { stat "$2"; return 1; }
}
says() { # PATTERN COMMAND...
	local pattern=$1 said
	shift
	said=$("$@" 2>&1)
	echo "$said" | grep -q -e "$pattern" || { echo "$said"; return 1; }
}
ends() { # STATUS COMMAND...
	local expected=$1
	shift
	"$@" >/dev/null 2>&1
	[ $? -eq "$expected" ] || { echo "not $expected"; return 1; }
}
named_in() { # FILE WORD...: each stands in it
	local file=$1 word missing=
	shift
	[ $# -gt 0 ] || { echo 'nothing to look for'; return 1; }
	for word; do
		grep -q -F -e "$word" "$file" || missing="$missing $word"
	done
	[ -z "$missing" ] || { echo "missing:$missing"; return 1; }
}

# ---- Where things go ----
root=$work/root usr=$work/root/usr
check 'it installs into an empty root' installs "$root" /usr
for file in bin/cpps-bridged bin/cppsctl; do
	check "$file is there" is_file 755 "$usr/$file"
done
for file in lib/sysusers.d/cpps-bridge.conf share/man/man8/cpps-bridged.8 lib/systemd/system/cpps-bridge.service share/man/man1/cppsctl.1 \
	share/bash-completion/completions/cppsctl; do
	check "$file is there" is_file 644 "$usr/$file"
done
check 'the configuration is closed to others' is_file 640 "$root/etc/cpps-bridge/cpps-bridge.yaml"
check 'it installs a second time' installs "$root" /usr
check 'and under another prefix' installs "$work/local" /usr/local
check 'which the unit follows' grep -qx 'ExecStart=/usr/local/bin/cpps-bridged' "$work/local/usr/local/lib/systemd/system/cpps-bridge.service"
check 'with everything but the configuration under it' test -z "$(find "$work/local" -type f ! -path "$work/local/usr/local/*" ! -path '*/etc/cpps-bridge/*')"

echo '# edited' >>"$root/etc/cpps-bridge/cpps-bridge.yaml"
again() {
	(umask 077 && installs "$root" /usr) && tail -n 1 "$root/etc/cpps-bridge/cpps-bridge.yaml" | grep -qx '# edited'
}
check 'installing again keeps the edited configuration' again
check 'modes are not the umask'"'"'s' is_file 644 "$usr/share/man/man1/cppsctl.1"

# ---- The programs ----
config=$root/etc/cpps-bridge/cpps-bridge.yaml
for program in cpps-bridged cppsctl; do
	check "$program says its version" says "^$program [0-9]" "$usr/bin/$program" --version
	check "$program has help" says '^[Uu]sage: ' "$usr/bin/$program" --help
	check "$program refuses an unknown option" ends 2 "$usr/bin/$program" --colour
done
check 'the daemon refuses an operand' ends 2 "$usr/bin/cpps-bridged" something
check 'the daemon can use the shipped configuration' says 'can be used' "$usr/bin/cpps-bridged" --check --config "$config"
check 'cppsctl too' silent "$usr/bin/cppsctl" --config "$config" check-config
check 'the daemon without a configuration says so in one sentence' says '^cpps-bridged: cannot read the configuration /nowhere: .*--config' \
	"$usr/bin/cpps-bridged" --config /nowhere

# ---- What people read ----
for page in man8/cpps-bridged.8 man1/cppsctl.1; do
	name=$(basename "${page%.*}")
	for width in 60 80 120; do
		check "$name(${page##*.}) renders without a warning, $width wide" silent env LC_ALL=C.UTF-8 MANWIDTH=$width MANROFFSEQ= \
			man --warnings -E UTF-8 -l "$usr/share/man/$page"
	done
	check "$name(${page##*.}) has a name for whatis" says "\"$name - " lexgrog "$usr/share/man/$page"
done
# shellcheck disable=SC2046
check 'the manual has every option of the daemon' named_in "$usr/share/man/man8/cpps-bridged.8" \
	$("$usr/bin/cpps-bridged" --help | sed -n 's/^  --\([a-z]*\).*/\1/p' | sed 's/^/\\-\\-/')
# shellcheck disable=SC2046
check 'and every field of the journal' named_in "$usr/share/man/man8/cpps-bridged.8" $(grep -o '"CPPS_[A-Z_]*"' daemon/service/log.h | tr -d '"')
# shellcheck disable=SC2046
check 'the shipped configuration explains every option' named_in "$config" \
	$(grep -oE '(TEXT|NUMBER|ENDPOINTS|CYAML_FIELD_[A-Z_]*)\($|(TEXT|NUMBER|ENDPOINTS|CYAML_FIELD_[A-Z_]*)\("[a-z_]+"|^\t+"[a-z_]+", CYAML' \
		daemon/config/config.c | grep -o '"[a-z_]*"' | tr -d '"' | sed 's/$/:/')
commands=$("$usr/bin/cppsctl" help | sed -n '/^Commands:/,/^$/s/^  \([a-z][a-z-]*\( [a-z]*\)\?\)  .*/\1/p')
LC_ALL=C.UTF-8 MANWIDTH=200 man -l "$usr/share/man/man1/cppsctl.1" >"$work/cppsctl.txt" 2>&1
every_command() { # FILE GREP-OPTION [SUFFIX]: each command stands there; SUFFIX, a pattern, is cut off first
	local command
	while read -r command; do
		grep -q "$2" -e "${command%%${3:-}}" "$1" || { echo "$command"; return 1; }
	done <<<"$commands"
}
check 'cppsctl(1) has every command' every_command "$work/cppsctl.txt" -F

# ---- Completion ----
# completes WORDS...: what bash offers for the last word, one a line.
completes() {
	bash -c '
		source "$1" || exit 1
		complete -p cppsctl >/dev/null || exit 1
		shift
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
		_cppsctl
		printf "%s\n" "${COMPREPLY[@]}"' _ "$usr/share/bash-completion/completions/cppsctl" "$@"
}
check 'the completion can be sourced in a strict shell' silent bash -euc 'source "$1"' _ "$usr/share/bash-completion/completions/cppsctl"
completes cppsctl '' >"$work/completed"
check 'it knows every command' every_command "$work/completed" -x ' *'
check 'it completes a command' says '^status$' completes cppsctl stat
check 'the words of an option' says '^WAITING$' completes cppsctl tasks --state W
check 'and options of a command' says '^--office$' completes cppsctl requests --o

# ---- The unit ----
# Verified where it stands now: the programs it names are under the new root.
mkdir "$work/unit"
sed "s|=/usr/bin/|=$usr/bin/|" "$usr/lib/systemd/system/cpps-bridge.service" >"$work/unit/cpps-bridge.service"
verified() {
	local said
	said=$(systemd-analyze verify --man=no "$work/unit/cpps-bridge.service" 2>&1 | grep -e cpps-bridge)
	[ -z "$said" ] || { echo "$said"; return 1; }
}
check 'systemd finds no fault with the unit' verified
check 'it is shut in' systemd-analyze security --offline=true --threshold=25 "$work/unit/cpps-bridge.service"

echo "1..$count"
exit $((failed > 0))
