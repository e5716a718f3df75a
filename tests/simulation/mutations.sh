#!/bin/bash
# Does the simulation notice when the daemon is broken? Each row below breaks one thing in a copy of the tree, and a history must break by it.
# Run from the repository's root; the tree itself is not touched. A change that changes nothing, or does not build, is `not ok`.
set -u
seeds=${MUTANT_SEEDS:-20000}
seconds=${MUTANT_SECONDS:-120} # for one mutant: a broken daemon may also never come to rest

phrases=() files=() changes=()
# mutant PHRASE FILE SED
mutant() {
	phrases+=("$1") files+=("$2") changes+=("$3")
}

mutant 'the fence turns a former leader away' tests/simulation/database.c \
	's/number_of(parameter_at(p, 1)) != db.epoch/false/'
mutant 'a repeat is a duplicate' daemon/core/decide.c 's/if (!in->claim || !same_content(in))/if (true)/'
mutant 'a gap of the live side is read from the log' daemon/flow/following.c \
	's/if (seq > f->position || (seq == 0 \&\& f->head != f->position))/if (false)/'
mutant 'live goes on only at the next record' daemon/flow/following.c 's/if (seq == f->position + 1) {/if (seq > f->position) {/'
mutant 'nothing is served beyond the head' daemon/flow/log_server.c 's/ \&\& records\[i\].seq <= server->head//'
mutant 'acks come after the commit' daemon/service/leader.c 's/^\t\tcommit(leader);/\t\tcommit(leader), deliver(leader, leader->deciding);/'
mutant 'records come after the commit' daemon/service/leader.c \
	's/^\t\tcommit(leader);/\t\tleader->handlers.published(leader->handlers.owner, batch->records, batch->record_count), commit(leader);/'
mutant 'submitted events outlive a lost term' daemon/service/leader.c 's/return keep \&\& is_event(letter)/return false/'
mutant 'followed events are kept or read again, not both' daemon/service/leader.c \
	's/return letter->positioned \&\& .*/return false;/; s/^\t\t\tlast = &letter->position;/\t\t\t;/'
mutant 'a batch waits for its facts' daemon/service/leader.c 's/leader->committing || leader->loading || /leader->committing || /'
mutant 'poison is decided alone' daemon/service/leader.c 's/bool lone = batch->letters.count == 1 \&\& /bool lone = /'
mutant 'positions are written with the batch' daemon/service/batch.c 's/if (!letter->positioned)/if (true)/'
mutant 'the intake goes on with a new term' daemon/service/daemon.c 's/pause_intake(daemon, leader_full(daemon->leader));/submit_pause(daemon->submit, false);/'
mutant 'a former leader does not blame the data' daemon/store/commit.c 's/election_confirm(store, still_leads, commit)/still_leads(commit)/'
mutant 'a stopped leader finds out by its lease' daemon/store/election.c 's/strcmp(PQcmdTuples((PGresult \*)result), "1") != 0/false/'
mutant 'a daemon that does not lead takes nothing' daemon/flow/submit.c 's/if (server->refusing \&\& !connection->cut)/if (false)/'

# ---- Running ----

base=$(mktemp -d) || exit 1
trap 'rm -rf "$base"' EXIT
trap 'exit 1' INT TERM
simulate=build/release/tests/simulation/simulate

build() {
	env -u MAKEFLAGS -u MAKELEVEL -u CI make -s -j2 -C "$base" BUILD=release "$simulate" >"$base/log" 2>&1
}

# play SEEDS: as the simulation, with its answer in $base/said.
play() {
	(cd "$base" && timeout "$seconds" "$simulate" --seeds "$1") >"$base/said" 2>&1
}

# judge I: breaks it, sees a history break, and mends it again.
judge() {
	local file=$base/${files[$1]} why="" status=0 began=$SECONDS
	cp -p "$file" "$base/mended"
	sed -i "${changes[$1]}" "$file"
	if cmp -s "$file" "$base/mended"; then
		why="the change to ${files[$1]} changes nothing"
	elif ! build; then
		why="it does not build: $(grep -m 1 error "$base/log")"
	else
		play "$seeds" || status=$?
		[ $status -eq 1 ] || why="no history broke ($(grep ' seeds, ' "$base/said"))"
	fi
	if [ -z "$why" ]; then
		echo "ok ${phrases[$1]} # $((SECONDS - began)) s: $(grep -m 1 -E '^seed [0-9]+ breaks|ended by itself' "$base/said" | cut -c 1-120)"
	else
		echo "not ok ${phrases[$1]} # $why"
	fi
	cp "$base/mended" "$file"
}

mkdir -p "$base/tests/unit" "$base/deploy" "$base/build"
cp -r daemon Makefile proto sql "$base/"
cp -r tests/unit/core "$base/tests/unit/"
cp -r tests/simulation "$base/tests/"
cp deploy/embed.sh "$base/deploy/"
if ! build; then
	echo "not ok the simulation builds # $(grep -m 1 error "$base/log")"
	exit 1
fi
if ! play 300; then
	echo "not ok every history holds before anything is broken # $(grep breaks "$base/said")"
	exit 1
fi
for ((i = 0; i < ${#phrases[@]}; i++)); do
	[ -n "${ONLY:-}" ] && [[ ${phrases[i]} != *"$ONLY"* ]] && continue
	judge "$i"
done | tee "$base/found"
! grep -q '^not ok' "$base/found"
