/* The rules about a person (R4 steps 6-7, R9). A person number is retired by pointing it at another; who it stands for now is the end
 * of that chain. Every number keeps its own facts, and every order the number it was filed under, so that a wrong merge can be
 * taken back exactly:
 *
 *	R9.1  merged, both numbers are one already            MERGE_CYCLE; the same merge said again: no effect
 *	R9.2  merged                                          the retired number's survivor points at the other number, and all of its
 *	                                                      persons and orders move to the other file
 *	R9.3  unmerged, the number does not point at the other  NOT_MERGED
 *	R9.4  unmerged                                        the number, those whose chain leads through it, and the orders filed
 *	                                                      under any of them get a file of their own again
 *	R9.5  after either                                    steps 6-7, recommendations and splits of both files are decided again
 */
#include <errno.h>

#include "base/text.h"
#include "core/rules.h"

/* ---- Assessments ---- */

/* A fact of an older assessment is news only where nothing was known; a newer one may also correct it. */
static bool takes_date(struct date *known, struct date said, bool newer)
{
	if (!date_given(said) || (date_given(*known) && !newer))
		return false;
	*known = said;
	return true;
}

static bool takes_tri(enum tri *known, enum tri said, bool newer)
{
	if (!said || (*known && !newer))
		return false;
	*known = said;
	return true;
}

static bool take_assessment(struct person *person, const struct event *e)
{
	bool newer = !instant_given(person->assessed_at) || e->time.us >= person->assessed_at.us;
	bool took = takes_date(&person->ows_reviewed_on, e->ows_reviewed_on, newer);

	took |= takes_date(&person->cso9_completed_on, e->cso9_completed_on, newer);
	took |= takes_tri(&person->on_ows, e->on_ows, newer);
	if (newer)
		person->assessed_at = e->time;
	return took;
}

int offender_assessed(struct decision *d)
{
	struct person *person = d->facts->person(d->facts->context, d->event->prn), assessed;

	if (!person)
		return -ENOMEM;
	assessed = *person;
	if (!take_assessment(&assessed, d->event))
		return decision_no_effect(d, "kept as history: a later assessment of %s is known", person->prn);
	file_note(d, person->file);
	*person = assessed;
	MARK(person);
	file_settle(d);
	return RULE_ACCEPTS;
}

/* ---- Moving between files ---- */

static void move_person(struct file *to, struct person *person)
{
	struct person **at = &person->file->persons;

	while (*at != person)
		at = &(*at)->next;
	*at = person->next;
	for (at = &to->persons; *at; at = &(*at)->next)
		;
	*at = person;
	person->next = NULL;
	person->file = to;
}

/* Only of live and planned orders is it said: closed ones may not be at hand. */
static void move_order(struct decision *d, struct file *to, struct request *request, const char *previous_prn)
{
	file_move(to, request);
	if (request_current(request))
		allocation_publish_changed(d, request, "prn", NULL, previous_prn);
}

/* ---- R9.1, R9.2 ---- */

static void join_files(struct decision *d, struct file *from, struct file *into)
{
	const char *previous_prn = file_prn(from);

	while (from->persons)
		move_person(into, from->persons);
	while (from->requests)
		move_order(d, into, from->requests, previous_prn);
}

static int count_persons(const struct file *file)
{
	int n = 0;

	for (const struct person *p = file->persons; p; p = p->next)
		n++;
	return n;
}

static int check_room(struct decision *d, const struct file *from, const struct file *into)
{
	if (file_current_orders(from) + file_current_orders(into) <= FILE_ORDERS_MAX &&
		count_persons(from) + count_persons(into) <= FILE_PERSONS_MAX)
		return RULE_ACCEPTS;
	return decision_refuse(d, REASON_TOO_MANY_ORDERS,
		"prn %s and intoPrn %s have more than %d open orders or %d numbers together", d->event->prn,
		d->event->into_prn, FILE_ORDERS_MAX, FILE_PERSONS_MAX);
}

static int refuse_cycle(struct decision *d, const struct person *retired)
{
	if (text_equal(retired->merged_into, d->event->into_prn))
		return decision_no_effect(d, "prn %s is merged into %s already", d->event->prn, d->event->into_prn);
	return decision_refuse(d, REASON_MERGE_CYCLE, "prn %s and intoPrn %s are one person already, %s", d->event->prn,
		d->event->into_prn, file_prn(retired->file));
}

int offender_merged(struct decision *d)
{
	struct person *retired = d->facts->person(d->facts->context, d->event->prn);
	struct person *into = d->facts->person(d->facts->context, d->event->into_prn);
	int answer;

	if (!retired || !into)
		return -ENOMEM;
	if (retired->file == into->file)
		return refuse_cycle(d, retired);
	answer = check_room(d, retired->file, into->file);
	if (answer != RULE_ACCEPTS)
		return answer;
	file_note(d, retired->file);
	file_note(d, into->file);
	/* A number that is retired already stands for its survivor. */
	retired = retired->file->persons;
	TEXT_SET(retired->merged_into, into->prn);
	MARK(retired);
	person_keep(into);
	join_files(d, retired->file, into->file);
	file_settle(d);
	return RULE_ACCEPTS;
}

/* ---- R9.3, R9.4 ---- */

static const struct person *find_person(const struct file *file, const char *prn)
{
	for (const struct person *p = file->persons; p; p = p->next)
		if (text_equal(p->prn, prn))
			return p;
	return NULL;
}

/* Somebody still in the old file who points at somebody in the new one; NULL: nobody is left. */
static struct person *follower(const struct file *old, const struct file *own)
{
	for (struct person *p = old->persons; p; p = p->next)
		if (find_person(own, p->merged_into))
			return p;
	return NULL;
}

static void part_files(struct decision *d, struct person *person, struct file *own)
{
	struct file *old = person->file;
	struct request *next;
	struct person *p;

	move_person(own, person);
	while ((p = follower(old, own)))
		move_person(own, p);
	for (struct request *r = old->requests; r; r = next) {
		next = r->next;
		if (find_person(own, r->filed_prn))
			move_order(d, own, r, file_prn(old));
	}
}

int offender_unmerged(struct decision *d)
{
	struct person *person = d->facts->person(d->facts->context, d->event->prn);
	struct file *own;

	if (!person)
		return -ENOMEM;
	if (!text_equal(person->merged_into, d->event->into_prn))
		return decision_refuse(d, REASON_NOT_MERGED, "prn %s is not merged into %s; it stands for %s",
			person->prn, d->event->into_prn, *person->merged_into ? person->merged_into : "itself");
	own = d->facts->add_file(d->facts->context);
	if (!own)
		return -ENOMEM;
	file_note(d, person->file);
	file_note(d, own);
	own->was_split = person->file->was_split; /* what it takes along was said before */
	TEXT_SET(person->merged_into, "");
	MARK(person);
	part_files(d, person, own);
	file_settle(d);
	return RULE_ACCEPTS;
}
