/* Random lives of a few orders and people, seeded: whatever comes, and in whatever order, rows agree with each other and with the rules, what was
 * sent before changes nothing, and timers come to rest (R2, R5, R9, X2, X3, X8). A failure prints the life up to it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "core/policy_csv.h"
#include "core/ptp.h"
#include "core/world.h"

#define LIVES      200
#define STEPS      150
#define ORDERS     8
#define PEOPLE     4
#define CASES      3
#define WORDS_SIZE 320

static struct policy policy;

struct life {
	struct world *world;
	uint64_t seed;
	char sent[STEPS][WORDS_SIZE];
	size_t n;
	char said[ORDERS + 1][32]; /* the state of each order, as the last allocation.* record about it has it */
};

/* ---- Chance ---- */

static unsigned draw(struct life *life, unsigned below)
{
	life->seed = life->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(life->seed >> 33) % below;
}

static const char *pick(struct life *life, const char *const *words, size_t n)
{
	return words[draw(life, (unsigned)n)];
}
#define PICK(life, ...)                                    \
	pick((life), (const char *const[]){ __VA_ARGS__ }, \
		sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))

/* ---- Events: `%` and a letter in a pattern stand for something drawn ---- */

static const char *const patterns[] = {
	"sentencing.scheduled %p %o %c on=%d %f",
	"sentence.imposed %p %o %c effective=%d %s %e %f %x",
	"sentence.imposed %p %o %c effective=%d %s %e %f %x",
	"sentence.imposed %p %o type=EXTENDED_SUPERVISION_ORDER effective=2026-11-24 %f",
	"sentence.varied %p %o %c effective=%d %s %e %f %x",
	"sentence.varied %p %o type=EXTENDED_SUPERVISION_ORDER effective=%d %f",
	"sentence.cancelled %o cancelled=2026-11-25",
	"release.scheduled %p %o %r on=%d %f",
	"release.cancelled %o",
	"offender.released %p %o %r effective=%d %e %f %x",
	"offender.released %p %o %r effective=%d %e %f %x",
	"release.varied %p %o %r effective=%d %e %f %x",
	"offender.recalled %o cancelled=2026-11-25",
	"order.baseline %p %o %c effective=%d %e %f %x officer=%w",
	"order.baseline %p %o %r effective=%d %f",
	"document.received %o documents=%D received=2026-11-25",
	"document.received %o documents=SENTENCE_ORDER received=2026-11-25",
	"offender.assessed %P ows=%d",
	"offender.assessed %P cso9=%d onows=yes",
	"offender.merged %P into=P%n",
	"offender.unmerged %P into=P%n",
	"allocation.recorded %o officer=%w role=SERVICE_MANAGER by=sm",
	"allocation.recorded %o officer=%w role=SERVICE_MANAGER by=sm",
	"transfer.recorded %o %f role=AREA_MANAGER by=am",
	"task.recorded %o step=%t outcome=DONE role=SERVICE_MANAGER by=sm reason=x",
	"task.recorded %o step=%t outcome=DONE role=SERVICE_MANAGER by=sm reason=x",
	"task.recorded %o step=%t outcome=NOT_REQUIRED role=SERVICE_MANAGER by=sm reason=x",
	"task.recorded %o step=%t outcome=REOPENED role=SERVICE_MANAGER by=sm",
	"ptp.considered %k %p %o monitoring=FULL_TIME em=yes approval=SOUGHT rr=yes starts=2026-11-25 ends=2027-05-25 "
	"suitability=C1 by=po",
	"ptp.stage.recorded %k stage=1 role=PROBATION_OFFICER outcome=ADVISED by=po",
	"ptp.stage.recorded %k stage=2 role=PROBATION_OFFICER outcome=WITHDRAWN by=po",
	"ptp.imposition.recorded %k outcome=IMPOSED by=po",
};

/* One piece of an event; what is about an order comes mostly with its own person's number. */
static void add_piece(struct life *life, char letter, unsigned order, char *to, size_t size)
{
	unsigned own = draw(life, 8) ? 1 + order % PEOPLE : 1 + draw(life, PEOPLE);

	switch (letter) {
	case 'o':
		snprintf(to, size, "order=O%u", order);
		break;
	case 'p':
		snprintf(to, size, "prn=P%u", own);
		break;
	case 'P':
		snprintf(to, size, "prn=P%u", 1 + draw(life, PEOPLE));
		break;
	case 'n':
		snprintf(to, size, "%u", 1 + draw(life, PEOPLE));
		break;
	case 'k':
		snprintf(to, size, "ptp=C%u", 1 + draw(life, CASES));
		break;
	case 'd':
		snprintf(to, size, "2026-%s", PICK(life, "11-24", "11-25", "11-26", "11-30", "12-10"));
		break;
	case 's':
		snprintf(to, size, "%s", PICK(life, "", "starts=2026-11-26", "starts=2027-06-01"));
		break;
	case 'e':
		snprintf(to, size, "%s", PICK(life, "", "", "ends=2027-12-01", "ends=2026-12-12", "ends=2026-12-10"));
		break;
	case 'f':
		snprintf(to, size, "office=%s", PICK(life, "NELSON", "NELSON", "NAPIER"));
		break;
	case 'x':
		snprintf(to, size, "%s", PICK(life, "", "cso=yes", "cso=no", "cso=no conditions=C1"));
		break;
	case 'c':
		snprintf(to, size, "type=%s",
			PICK(life, "SUPERVISION", "SUPERVISION", "COMMUNITY_DETENTION", "HOME_DETENTION"));
		break;
	case 'r':
		snprintf(to, size, "type=%s", PICK(life, "PAROLE", "PAROLE", "RELEASE_ON_CONDITIONS"));
		break;
	case 'D':
		snprintf(to, size, "%s", PICK(life, "LICENCE", "CONDITIONS", "RELEASE_NOTICE"));
		break;
	case 'w':
		snprintf(to, size, "po-%u", 1 + draw(life, 3));
		break;
	default:
		snprintf(to, size, "%u", 2 + draw(life, 8));
		break;
	}
}

/* When it happened is said, so that the same words are the same event again; most are told as they happen. */
static void add_moment(struct life *life, char *to, size_t size)
{
	struct instant t = instant_plus(life->world->now, draw(life, 4) ? 0 : -(int64_t)draw(life, 30) * US_PER_HOUR);
	int32_t seconds;
	char day[DATE_TEXT];

	date_format(zone_date(&policy.zone, t, &seconds), day);
	snprintf(to, size, " time=%sT%02d:%02d id=i%zu", day, seconds / 3600, seconds / 60 % 60, life->n);
}

static const char *make_event(struct life *life)
{
	char *words = life->sent[life->n];
	const char *pattern = pick(life, patterns, ARRAY_LENGTH(patterns));
	unsigned order = 1 + draw(life, ORDERS);
	size_t n = 0;

	for (const char *c = pattern; *c; c++) {
		if (*c == '%')
			add_piece(life, *++c, order, words + n, WORDS_SIZE - n);
		else
			snprintf(words + n, WORDS_SIZE - n, "%c", *c);
		n += strlen(words + n);
	}
	if (draw(life, 4) == 0)
		life->world->now.us += (int64_t)draw(life, 9) * US_PER_HOUR;
	add_moment(life, words + n, WORDS_SIZE - n);
	return words;
}

/* ---- What must hold ---- */

static bool is_closed(const struct task *t)
{
	return t->state == TASK_COMPLETED || t->state == TASK_SKIPPED;
}

static const char *wrong_tasks(struct request *r)
{
	const struct task *second = steps_find(r, 2);

	for (int i = 0; i < r->task_count; i++) {
		const struct task *t = &r->tasks[i];

		if (!request_current(r) && task_to_do(t))
			return "a closed order has something to do";
		if (request_current(r) && t->state == TASK_CANCELLED)
			return "a current order has a cancelled step";
		if (task_to_do(t) && t->due_at.us != r->due_at.us)
			return "R3 a step is due with its request";
		if (t->state == TASK_WAITING && (t->step != 3 || !second || is_closed(second)))
			return "R4 a step waits for nothing";
		if (task_to_do(t) == instant_given(t->closed_at))
			return "what is to do was not closed, what is closed was";
		if (r->state == REQUEST_PLANNED && t->step != 8)
			return "R2 a plan has step 8 only";
	}
	return NULL;
}

static enum request_state state_wanted(const struct request *r)
{
	bool open = false, all = true;

	for (int i = 0; i < r->task_count; i++) {
		open |= r->tasks[i].step == 8 && r->tasks[i].state == TASK_OPEN;
		all &= is_closed(&r->tasks[i]);
	}
	if (!*r->officer_id || open)
		return REQUEST_OPEN;
	return all ? REQUEST_COMPLETED : REQUEST_ALLOCATED;
}

static const char *wrong_state(const struct request *r)
{
	if (request_live(r))
		return r->state == state_wanted(r) ? NULL : "R2 the state is not that of officer and steps";
	if (request_current(r) && r->state != REQUEST_PLANNED)
		return "R1 an order not in effect is planned";
	return r->final && r->state != REQUEST_CANCELLED ? "R2 a cancelled sentence is final" : NULL;
}

static const char *wrong_alarm(struct life *life, const struct request *r)
{
	static struct request copy;

	copy = *r;
	request_set_alarm(&policy, &copy);
	if (copy.next_alarm.us != r->next_alarm.us)
		return "X8 the timer is not set";
	if (!request_current(r) && instant_given(r->next_alarm))
		return "X8 a closed order has a timer";
	return life->world->facts.parked(life->world, r->order_ref, NULL) ? "X3 something waits for a known order"
									  : NULL;
}

static const char *wrong_person(const struct request *r)
{
	const struct person *p = r->file->persons;

	while (p && !text_equal(p->prn, r->filed_prn))
		p = p->next;
	if (!p)
		return "R9 an order is not in the file of its person";
	if (request_current(r) && !*r->officer_id && !text_equal(r->recommended_officer_id, file_recommends(r)))
		return "R5 the recommendation does not follow";
	return NULL;
}

static const char *wrong_cases(const struct request *r)
{
	int in_progress = 0;

	for (const struct ptp_case *c = r->cases; c; c = c->next) {
		in_progress += c->state == PTP_IN_PROGRESS;
		if (c->request != r)
			return "a case is another order's";
		if (ptp_is_open(c->state) && !request_live(r))
			return "a case goes on without its order";
		if ((c->state == PTP_IN_PROGRESS) != (c->task.state == TASK_OPEN))
			return "a case in progress has one open task";
	}
	return in_progress > 1 ? "one case in progress an order" : NULL;
}

static const char *wrong_order(struct life *life, struct request *r)
{
	const char *wrong = wrong_tasks(r);

	wrong = wrong ? wrong : wrong_state(r);
	wrong = wrong ? wrong : wrong_alarm(life, r);
	wrong = wrong ? wrong : wrong_person(r);
	return wrong ? wrong : wrong_cases(r);
}

static const char *wrong_file(const struct person *person)
{
	const struct person *p = person->file->persons;

	if (*p->merged_into)
		return "R9 the first of a file is its survivor";
	for (; p; p = p->next) {
		const struct person *into = person->file->persons;

		if (p->file != person->file)
			return "R9 a person stands in another file";
		while (*p->merged_into && into && !text_equal(into->prn, p->merged_into))
			into = into->next;
		if (!into || (p != person->file->persons && !*p->merged_into))
			return "R9 a retired number leads out of its file";
	}
	return NULL;
}

static const char *wrong_world(struct life *life)
{
	const struct facts *facts = &life->world->facts;
	const char *wrong = NULL;
	char ref[8];

	for (unsigned i = 1; i <= ORDERS && !wrong; i++) {
		struct request *r;

		snprintf(ref, sizeof(ref), "O%u", i);
		r = facts->request(facts->context, ref);
		wrong = r ? wrong_order(life, r) : NULL;
	}
	for (unsigned i = 1; i <= PEOPLE && !wrong; i++) {
		snprintf(ref, sizeof(ref), "P%u", i);
		wrong = wrong_file(facts->person(facts->context, ref));
	}
	return wrong;
}

/* ---- What is said ---- */

static bool was_said(const struct life *life, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < life->world->line_count; i++)
		if (strncmp(life->world->lines[i], name, n) == 0 && life->world->lines[i][n] == '/')
			return true;
	return false;
}

/* The live order of the file with another officer than this one; NULL: none. */
static const struct request *other_officer(const struct request *r)
{
	for (const struct request *o = r->file->requests; o; o = o->next)
		if (request_live(o) && *o->officer_id && !text_equal(o->officer_id, r->officer_id))
			return o;
	return NULL;
}

static bool is_split_somewhere(struct life *life)
{
	const struct facts *facts = &life->world->facts;

	for (unsigned i = 1; i <= ORDERS; i++) {
		const struct request *r;
		char ref[8];

		snprintf(ref, sizeof(ref), "O%u", i);
		r = facts->request(facts->context, ref);
		if (r && request_live(r) && *r->officer_id && other_officer(r))
			return true;
	}
	return false;
}

/* Whether parked events were decided with it: then rows are as the last of them left them. */
static bool has_released(const struct life *life)
{
	char own[32];

	snprintf(own, sizeof(own), " cause=i%zu ", life->n);
	for (size_t i = 0; i < life->world->line_count; i++)
		if (!strstr(life->world->lines[i], own) && !strstr(life->world->lines[i], " cause=- "))
			return true;
	return false;
}

/* What a follower makes of the records. */
static void follow(struct life *life)
{
	for (size_t i = 0; i < life->world->line_count; i++) {
		const char *order = strstr(life->world->lines[i], " O"),
			   *state = strstr(life->world->lines[i], " state=");

		if (strncmp(life->world->lines[i], "allocation.", strlen("allocation.")) == 0 && order && state)
			(void)sscanf(state + strlen(" state="), "%31s", life->said[atoi(order + strlen(" O"))]);
	}
}

/* R2: a follower of the records knows the state of each request. */
static const char *wrong_said(struct life *life)
{
	const struct facts *facts = &life->world->facts;
	char ref[8];

	follow(life);
	for (unsigned i = 1; i <= ORDERS; i++) {
		const struct request *r;

		snprintf(ref, sizeof(ref), "O%u", i);
		r = facts->request(facts->context, ref);
		if (r && !text_equal(life->said[i], request_state_text(r->state)))
			return "R2 the state is not the one that was published";
	}
	return NULL;
}

/* R5: an allocation that leaves the live orders with different officers says so; nothing else ever does. */
static const char *wrong_words(struct life *life, const char *words)
{
	bool split = was_said(life, "allocation.split"), split_now;
	const struct request *r = NULL;
	const char *order = strstr(words, "order=O");
	char ref[8];

	if (order) {
		snprintf(ref, sizeof(ref), "O%d", atoi(order + strlen("order=O")));
		r = life->world->facts.request(life->world, ref);
	}
	if (has_released(life))
		return NULL;
	if (split && !is_split_somewhere(life))
		return "R5 a split is said where there is none";
	split_now = r && request_live(r) && *r->officer_id && other_officer(r);
	if (split_now && !split && (was_said(life, "allocation.allocated") || was_said(life, "allocation.reallocated")))
		return "R5 a split is not said";
	return NULL;
}

/* ---- A life ---- */

static void fail_life(const struct life *life, const char *wrong)
{
	for (size_t i = 0; i <= life->n && i < STEPS; i++)
		fprintf(stderr, "  %s\n", life->sent[i]);
	for (size_t i = 0; i < life->world->line_count; i++)
		fprintf(stderr, "    %s\n", life->world->lines[i]);
	fail_msg("%s", wrong);
}

static void say_again(struct life *life)
{
	struct verdict verdict;
	uint64_t seq = life->world->seq;

	assert_int_equal(world_decide(life->world, life->sent[draw(life, (unsigned)life->n)], &verdict), 0);
	if (verdict.disposition == DISPOSITION_ACCEPTED || life->world->seq != seq)
		fail_life(life, "X2 what was sent before changes something");
}

static void live(struct life *life)
{
	struct verdict verdict;
	const char *wrong;

	for (; life->n < STEPS; life->n++) {
		world_clear(life->world);
		assert_int_equal(world_decide(life->world, make_event(life), &verdict), 0);
		wrong = wrong_words(life, life->sent[life->n]);
		if (draw(life, 3) == 0)
			world_tick(life->world);
		wrong = wrong ? wrong : wrong_world(life);
		wrong = wrong ? wrong : wrong_said(life);
		if (wrong)
			fail_life(life, wrong);
	}
}

static void test_rows_agree_whatever_comes(void **state)
{
	static struct life life;

	(void)state;
	for (unsigned i = 0; i < LIVES; i++) {
		life = (struct life){ .world = world_new(&policy), .seed = i };
		live(&life);
		say_again(&life);
		life.world = world_free(life.world);
	}
}

static int set_up(void **state)
{
	struct fault fault = { "" };

	(void)state;
	if (policy_from_csv(SHIPPED_POLICY, &policy, &fault) < 0)
		fail_msg("%s", fault.sentence);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows_agree_whatever_comes),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
