#!/bin/bash
# Do the tests of core/ notice when a rule is broken? Each row below breaks one rule in a copy of the tree, and the test it names must fail.
# Run from the repository's root; the tree itself is not touched. A change that changes nothing, or does not build, is `not ok`.
set -u
workers=2
seconds=30 # for one test: a broken rule may also never come to an end

numbers=() phrases=() files=() changes=() tests=()
# mutant RULE PHRASE FILE SED TEST: FILE of daemon/core (or a path), TEST of tests/unit/core without its test_.
mutant() {
	numbers+=("$1") phrases+=("$2") changes+=("$4") tests+=("$5")
	case $3 in
	*/*) files+=("$3") ;;
	*) files+=("daemon/core/$3") ;;
	esac
}

mutant R1 'an order that takes effect opens its request, or is ALLOCATED where an officer is recorded' allocation.c \
	's/is_allocated(d->policy, request) ? REQUEST_ALLOCATED : REQUEST_OPEN/REQUEST_OPEN/' allocation
mutant R1 'the request follows an order type that differs from the planned one' allocation.c \
	'/\tr->order_type = e->order_type;/d' allocation
mutant R1 'a planned request is moved, not refused' allocation.c \
	's/\[EVENT_SENTENCE_IMPOSED\] = { begin, begin,/[EVENT_SENTENCE_IMPOSED] = { begin, refuse,/' allocation
mutant R2 'a plan has step 8 only' steps.c 's/!allocation_only || //; s/d->policy->steps\[i\].completed_by == BY_OFFICER/true/' allocation
mutant R2 'scheduled again moves the date' allocation.c \
	's/\[EVENT_SENTENCING_SCHEDULED\] = { plan, replan,/[EVENT_SENTENCING_SCHEDULED] = { plan, stands,/' allocation
mutant R2 'a cancelled release may come back' allocation.c \
	's/\[EVENT_RELEASE_SCHEDULED\] = { plan, replan, stands, stands, plan,/[EVENT_RELEASE_SCHEDULED] = { plan, replan, stands, stands, refuse,/' \
	allocation
mutant R2 'a cancelled sentence is final' allocation.c 's/request->final = true/request->final = false/' allocation
mutant R2 'a release that has ended can be undone' allocation.c \
	's/{ park, close_order, close_order, close_order,/{ park, close_order, close_order, closed,/' allocation
mutant R2 'of the plans only those allocated ahead become overdue' alarms.c \
	's/(request->in_effect || policy->order_types\[request->order_type\].preallocate)/true/' alarms
mutant R2 'a request is completed only once every step is closed' allocation.c \
	's/steps_all_closed(request) ? REQUEST_COMPLETED/true ? REQUEST_COMPLETED/' allocation
mutant R2 'every change of state is published' allocation.c \
	'/^\tif (state == REQUEST_COMPLETED)$/,/^}/s/^\telse$/\telse if (before == REQUEST_COMPLETED)/' allocation
mutant R2 'reopening step 8 takes the request back to OPEN' allocation.c \
	's/\*request->officer_id \&\& !(task \&\& task->state == TASK_OPEN)/*request->officer_id/' allocation
mutant R3 'days end at close of business' calendar.c 's/day, policy->close_of_business)/day, 0)/' calendar
mutant R3 'working days skip the holidays' calendar.c 's/policy->holidays\[middle\].day == day.day/false/' calendar
mutant R3 'the due time runs from the event, not from its decision' allocation.c \
	's/count_from(d->policy, request, d->time)/count_from(d->policy, request, d->now)/' allocation
mutant R3 'each level concerns its own role' alarms.c 's/escalations\[request->level\].role/escalations[0].role/' alarms
mutant R3 'steps are due with the request' steps.c 's/, .due_at = request->due_at }/, .due_at = d->time }/' allocation
mutant R4 'step 3 waits for step 2' steps.c 's/return before \&\& !closed(before)/return false/' steps
mutant R4 'step 2 waits for every paper' allocation.c 's/^\t\t\tsteps_documents_complete(policy, request))$/\t\t\ttrue)/' allocation
mutant R4 'step 6 is skipped for a year, not longer' steps.c 's/reviewed_on.day >= date_plus/reviewed_on.day + 1 >= date_plus/' steps
mutant R4 'step 6 is not completed by a review that was corrected' steps.c 's/recent(&v, file_ows_reviewed_on(request->file))) ||/true) ||/' steps
mutant R4 'step 6 is opened for an extended supervision order whatever is known' steps.c 's/return !es_order(v) \&\&/return/' steps
mutant R4 'step 7 follows another live order' steps.c 's/(r == v->request || request_live(r))/r == v->request/' steps
mutant R4 'step 7 follows no order that is over' steps.c 's/(r == v->request || request_live(r))/true/' steps
mutant R4 'step 4 knows the offender' folder.c 's/if (p->known)/if (!p->known)/' steps
mutant R5 'a different officer is a split' folder.c 's/!text_equal(r->officer_id, first->officer_id)/false/' merge
mutant R5 'a split is said once' folder.c 's/!is_split(file) || file->was_split/!is_split(file)/' merge
mutant R5 'the most recent allocation is recommended' folder.c \
	's/return a->allocated_at.us > b->allocated_at.us/return a->allocated_at.us < b->allocated_at.us/' merge
mutant R5 'of one moment the same is recommended whatever the order of the list' folder.c \
	's/strcmp(a->order_ref, b->order_ref) < 0/false/' merge
mutant R5 'the officer of a closed order is not recommended' folder.c 's/return request_current(other) \&\&/return/' merge
mutant R5 'an order is live to the end of its last day' alarms.c 's/date_plus(request->ends_on, 1)/request->ends_on/' alarms
mutant R6 'a missed pre-allocation is said only where nobody was allocated' allocation.c \
	's/preallocate \&\& !\*request->officer_id/preallocate/' allocation
mutant R6 'and only of orders that are allocated ahead' allocation.c \
	's/d->policy->order_types\[request->order_type\].preallocate \&\& !/!/' allocation
mutant R7 'the role must be allowed to act' allocation.c \
	's/policy_may_act(d->policy, SCOPE_ALLOCATION, e->by_role, role)/true/' allocation
mutant R7 'acting for another is not transitive' sql/policy/substitute.csv \
	's/^ALLOCATION,SERVICE_MANAGER,ADMINISTRATION_OFFICER.*/&\nALLOCATION,AREA_MANAGER,ADMINISTRATION_OFFICER,x/' allocation
mutant R8 'the due time is counted anew only for another type' allocation.c \
	's/request->order_type != was->order_type/true/' allocation
mutant R8 'an older correction is history' allocation.c 's/return e->time.us < request->applied_at.us/return false/' allocation
mutant R8 'a closing of an earlier release closes no later one' allocation.c \
	's/if (is_of_an_earlier_release(d, request))/if (false)/' allocation
mutant R8 'nor does a correction of one vary it' allocation.c 's/ || is_of_an_earlier_release(d, request))/)/' allocation
mutant R8 'a closing that repeats another is later than it' allocation.c '/if (request->state == REQUEST_CANCELLED) {/{n;d}' allocation
mutant R8 'the file of an order that moves is another'"'"'s' steps.c 's/t->facing |= FACING_TITLE/t->facing |= 0/' allocation
mutant R8 'a change of PRN moves the order' allocation.c 's/if (moved)$/if (false)/' allocation
mutant R8 'closing cancels the open tasks' allocation.c '/\tsteps_cancel(d, request);/d' allocation
mutant R9 'a chain leads to the survivor' offender.c '/\tretired = retired->file->persons;/d' merge
mutant R9 'a cycle is refused' offender.c 's/text_equal(retired->merged_into, d->event->into_prn)/true/' merge
mutant R9 'an order filed under the number goes back with it' offender.c 's/find_person(own, r->filed_prn)/false/' merge
mutant R9 'whose chain leads through it goes back with it' offender.c 's/find_person(own, p->merged_into)/false/' merge
mutant R9 'moved orders say so' offender.c 's/if (request_current(request))/if (false)/' merge
mutant R10 'a second copy with another end differs' allocation.c '/{ "endsOn", same_end },/d' allocation
mutant R10 'a second copy that says the same has no effect' allocation.c \
	's/\treturn text_equal(r->conditions, conditions);/\treturn false;/' allocation
mutant R10 'scheduled after effect has no effect' allocation.c \
	's/\[EVENT_SENTENCING_SCHEDULED\] = { plan, replan, stands,/[EVENT_SENTENCING_SCHEDULED] = { plan, replan, refuse,/' allocation
mutant R10 'a PRN that is not the order'"'"'s is refused' allocation.c 's/if (person->file == request->file)/if (true)/' allocation
mutant R11 'an order taken over with its officer is COMPLETED' allocation.c \
	's/\*request->officer_id ? REQUEST_COMPLETED : REQUEST_OPEN/REQUEST_OPEN/' allocation
mutant R11 'one without has step 8' allocation.c '/\t\tsteps_begin_allocation(d, request);/s/steps_begin_allocation/steps_begin/' allocation

mutant X1 'a repeat is a duplicate' decide.c 's/verdict->disposition = DISPOSITION_DUPLICATE/verdict->disposition = DISPOSITION_ACCEPTED/' intake
mutant X1 'a parked event that is refused has one disposition' decide.c \
	's/answer = quarantine_add(\&d, d.event, parked);/&\n\t\tverdict.disposition = DISPOSITION_PARKED;/' intake
mutant X2 'the same name with other content is refused' decide.c \
	's/memcmp(\&in->claim->content, \&in->d->event->content, sizeof(struct hash)) == 0/true/' intake
mutant X2 'a duplicate bears the first sequence' decide.c 's/verdict->seq = in->claim->seq/verdict->seq = 0/' intake
mutant X2 'a quarantined event claims nothing' decide.c 's/return claim \&\& claim->disposition != DISPOSITION_QUARANTINED/return claim/' intake
mutant X2 'a good copy supersedes the bad ones' decide.c '/quarantine_close(d->policy, d->facts, q, QUARANTINE_SUPERSEDED/s/SUPERSEDED/HELD/' intake
mutant X2 'the same bytes get their quarantine again' decide.c 's/\tif (q) {/\tif (false) {/' intake
mutant X4 'but they are decided again where they were not kept' decide.c 's/if (q \&\& q->without_bytes \&\& /if (false \&\& /' intake
mutant X4 'while it is held' decide.c 's/q->without_bytes \&\& q->state == QUARANTINE_HELD/q->without_bytes/' intake
mutant X2 'what is older than the claims is refused' decide.c 's/d->event->time.us >= d->now.us -/d->event->time.us > d->now.us -/' intake
mutant X3 'what waited is decided in the same call' decide.c 's/while (opener->opened \&\& /while (false \&\& /' intake
mutant X3 'only so many wait for one order' decide.c 's/count_parked(d) < PARKED_MAX/count_parked(d) <= PARKED_MAX/' intake
mutant X3 'what waits gives up after seven days' waiting.c 's/policy->parked_days \* US_PER_DAY/policy->parked_days * US_PER_HOUR/' intake
mutant X3 'not while its opener is in quarantine' waiting.c 's/if (facts->opener_held(facts->context, parked->waits_for))/if (false)/' intake
mutant X3 'nor while what would open its case is' quarantine.c 's/type == EVENT_PTP_CONSIDERED/type == EVENT_PTP_REVISED/' intake
mutant X3 'nor while that is parked itself' waiting.c 's/return !\*parked->opens \&\& .*/return false;/' intake
mutant X3 'but nobody waits for themselves' waiting.c 's/return !\*parked->opens \&\& /return /' intake
mutant X3 'and what has waited long enough is looked at in a week, not at once' waiting.c 's/parked->counted_from = now; .*/;/' intake
mutant X3 'what waits for a case of the order'"'"'s name waits on' decide.c \
	'/if (answer == RULE_PARKS)$/{n;s/return 0;/(void)answer;/}' intake
mutant X3 'counted anew once the opener has left' quarantine.c \
	'/parked_recount(policy, facts,/d; s/(text_given(quarantined->opens))/& {}/' intake
mutant X4 'only its senders may send a type' decide.c 's/event_type_kinds(e->type) >> e->kind \& 1/true/' intake
mutant X4 'a stranger does not spoil an event' decide.c 's/!text_equal(q->submitter, e->submitter)/false/' intake
mutant X4 'a retry that fails keeps its place in the log' decide.c '/d->verdict->seq = q->seq;/d' intake
mutant X4 'a retry changes the disposition' decide.c 's/q, QUARANTINE_RETRIED, d->now/q, QUARANTINE_HELD, d->now/' intake
mutant X4 'an office must be one of the policy'"'"'s' check.c 's/!text_given(office) || policy_office(d->policy, office)/true/' check
mutant X4 'an order type comes from its own side' check.c 's/if (event_type_kinds(e->type) >> d->policy.*/if (true)/' check
mutant X5 'a refusal changes nothing' offender.c 's/\tif (retired->file == into->file)/\tMARK(retired);\n&/' merge
mutant X5 'what changed is marked to be written' allocation.c '/request->documents |= document;/{n;d}' allocation
mutant X6 'a quarantined opening event is repeated' quarantine.c '/\[EVENT_RELEASE_SCHEDULED\] = true,/d' alarms
mutant X6 'every four working hours' quarantine.c 's/UNIT_WORKING_HOURS/UNIT_HOURS/' alarms
mutant X6 'a parked event is reported once' waiting.c 's/parked->long_published = true/parked->long_published = false/' intake
mutant X7 'the submitter stands beside the event'"'"'s own by' decide.c 's/claim->submitter = e->submitter/claim->submitter = e->by/' intake
mutant X8 'a record bears the time of its decision' decide.c 's/record->decided_at = d->now/record->decided_at = d->time/' intake
mutant X8 'a changed due time starts anew' alarms.c '/^\trequest->level = 0;/d' alarms
mutant X8 'missed levels come in time order' alarms.c 's/at.us < earliest.us/at.us > earliest.us/' alarms
mutant X8 'levels already past come with the event' decide.c '/^\talarms_publish_past(d);/d' alarms
mutant X8 'no more than the limit at once' alarms.c 's/while (d.published < limit \&\& /while (/' alarms

mutant G1 'the order must be live' ptp_guards.c 's/ \&\& request_live(q->request)//' ptp_guards
mutant G1 'the order must be an extended supervision order' ptp_guards.c \
	's/q->request->order_type == ORDER_EXTENDED_SUPERVISION_ORDER \&\& //' ptp_guards
mutant G2 'the EM criteria must be met' ptp_guards.c 's/em_criteria_met == TRI_YES/em_criteria_met != TRI_NO/' ptp_guards
mutant G3 'residential restrictions must hold' ptp_guards.c \
	's/residential_restrictions == TRI_YES/residential_restrictions != TRI_NO/' ptp_guards
mutant G4 'PTP may last to the limit, exclusive' ptp_guards.c 's/ends_on.day <= limit(q).day/ends_on.day < limit(q).day/' ptp_guards
mutant G4 'PTP may not end later' ptp_guards.c 's/ends_on.day <= limit(q).day/ends_on.day <= limit(q).day + 1/' ptp_guards
mutant G4 'PTP may not start before its order' ptp_guards.c 's/starts_on.day >= order_start/starts_on.day + 1 >= order_start/' ptp_guards
mutant G4 'what a varied start broke is refused once' allocation.c 's/\tif (!same_limits)/\tif (!same_limits || true)/' ptp
mutant G5 'each code counts once' ptp_guards.c 's/met += !code_said_before(list, code, n)/met++/' ptp_guards
mutant G5 'every code must be known' ptp_guards.c 's/return !unknown_code(q)/return true/' ptp_guards
mutant G6 'the role must be the row'"'"'s' ptp_procedure.c 's/policy_may_act(policy, SCOPE_PTP, role, move->role)/true/' ptp_table
mutant G6 'nobody but a senior acts for another' sql/policy/substitute.csv \
	's/^ALLOCATION,SERVICE_MANAGER,ADMINISTRATION_OFFICER.*/&\nPTP,SERVICE_MANAGER,PROBATION_OFFICER,x/' ptp_table
mutant G7 'only the current stage is recorded' ptp_guards.c 's/q->event->stage == q->ptp->stage/q->event->stage <= q->ptp->stage/' ptp_table
mutant G8 'what must come first has come' ptp_guards.c 's/return ptp_outcome_recorded(q->ptp->outcomes, q->move->needs)/return true/' ptp_table
mutant G8 'a new draft needs new feedback' ptp.c 's/(ptp->outcomes \& ~(1U << move->clears)) |/ptp->outcomes |/' ptp
mutant G8 'every row of the procedure is there' sql/policy/ptp_move.csv '/^1,8,GENERAL_MANAGER,DECLINED/d' ptp_table
mutant G8 'no outcome waits for itself' policy_check.c 's/before >> move->needs \& 1/true/' policy
mutant G9 'EM must not be declined' ptp_guards.c 's/em_approval != EM_DECLINED/em_approval != EM_NONE/' ptp_guards
mutant G9 'EM must be sought in the end' ptp_guards.c 's/q->ptp->em_approval == EM_SOUGHT || //' ptp_guards
mutant G9 'past the open stages a move forward asks for everything' ptp_procedure.c \
	's/ ? PTP_AT_FORWARD | PTP_AT_LATE : PTP_AT_FORWARD/ ? PTP_AT_FORWARD : PTP_AT_FORWARD/' ptp_guards

# ---- Running ----

base=$(mktemp -d) || exit 1
trap 'rm -rf "$base"' EXIT
trap 'exit 1' INT TERM

build() { # TREE TEST...
	local tree=$1
	shift
	env -u MAKEFLAGS -u MAKELEVEL -u CI make -s -C "$tree" BUILD=debug "${@/#/build/debug/tests/unit/core/test_}" >"$tree/log" 2>&1
}

passes() { # TREE TEST
	(cd "$1" && { timeout $seconds "build/debug/tests/unit/core/test_$2" || exit 1; }) >"$1/log" 2>&1
}

# judge TREE I: breaks rule I in the tree, sees the test fail, and mends it again.
judge() {
	local tree=$1 name="${numbers[$2]} ${phrases[$2]}" file=$1/${files[$2]} test=${tests[$2]} why=
	cp "$file" "$tree/mended"
	sed -i "${changes[$2]}" "$file"
	if cmp -s "$file" "$tree/mended"; then
		why="the change to ${files[$2]} changes nothing"
	elif ! build "$tree" "$test"; then
		why="it does not build: $(grep -m 1 error "$tree/log")"
	elif passes "$tree" "$test"; then
		why="test_$test did not notice"
	fi
	if [ -z "$why" ]; then
		echo "ok $name"
	else
		echo "not ok $name # $why"
	fi
	cp "$tree/mended" "$file"
}

mkdir -p "$base/1/daemon" "$base/1/tests/unit" "$base/1/deploy"
cp -r daemon/base daemon/core "$base/1/daemon/"
cp -r tests/unit/core "$base/1/tests/unit/"
cp -r Makefile proto sql "$base/1/"
cp deploy/embed.sh "$base/1/deploy/"
mapfile -t named < <(printf '%s\n' "${tests[@]}" | sort -u)
if ! build "$base/1" "${named[@]}"; then
	echo "not ok the tests of core/ build # $(grep -m 1 error "$base/1/log")"
	exit 1
fi
for test in "${named[@]}"; do
	passes "$base/1" "$test" && continue
	echo "not ok test_$test passes before anything is broken"
	exit 1
done
for ((w = 2; w <= workers; w++)); do cp -a "$base/1" "$base/$w"; done

for ((w = 1; w <= workers; w++)); do
	for ((i = w - 1; i < ${#numbers[@]}; i += workers)); do judge "$base/$w" $i; done | tee "$base/said.$w" &
done
wait
found=$(cat "$base"/said.* | grep -c '^ok ')
echo "$found of ${#numbers[@]} broken rules were noticed"
[ "$found" -eq ${#numbers[@]} ]
