# For system tests in shell: source it, then check, and exit with whether something failed.
# shellcheck shell=bash
count=0 failed=0

# check WHAT COMMAND...: one TAP line; what the command said is shown where it fails.
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
