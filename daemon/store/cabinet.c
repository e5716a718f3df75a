/* Rows are allocated one by one and never move, because the rules hold pointers to them for the length of a batch. What may go when a batch has
 * settled is told by stamps: each load has a number, and whatever a load needs, found or read, bears the number of the newest such load. A file goes
 * or stays as a whole, so that a file which is there is always complete.
 *
 * A row written by a batch whose commit overlaps a load must stay until that load is done, for the load may have read its older image: so it is
 * stamped with the newest load asked for. */
#include "store/cabinet.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "store/inside_cabinet.h"

#define CHAIN_MAX (FILE_PERSONS_MAX + 1)

/* ---- Keys shared by several rows ---- */

static struct group *find_group(struct group *groups, const void *key, size_t size)
{
	struct group *group;

	HASH_FIND(hh, groups, key, size, group);
	return group;
}

static struct group *make_group(struct group **groups, const void *key, size_t size)
{
	struct group *group = find_group(*groups, key, size);

	if (group)
		return group;
	group = calloc(1, sizeof(*group) + size);
	if (!group)
		return NULL;
	memcpy(group->key, key, size);
	group->size = size;
	HASH_ADD_KEYPTR(hh, *groups, group->key, group->size, group);
	if (TABLE_ADDED(group))
		return group;
	free(group);
	return NULL;
}

static int link_add(struct group **groups, const void *key, size_t size, struct link *link, uint64_t number, void *row)
{
	struct group *group = make_group(groups, key, size);
	struct link *before;

	if (!group)
		return -ENOMEM;
	before = group->last;
	while (before && before->number > number)
		before = before->before;
	*link = (struct link){ group, before, before ? before->after : group->first, number, row };
	*(link->before ? &link->before->after : &group->first) = link;
	*(link->after ? &link->after->before : &group->last) = link;
	return 0;
}

static void link_remove(struct group **groups, struct link *link)
{
	struct group *group = link->group;

	if (!group)
		return;
	*(link->before ? &link->before->after : &group->first) = link->after;
	*(link->after ? &link->after->before : &group->last) = link->before;
	link->group = NULL;
	if (group->first)
		return;
	HASH_DELETE(hh, *groups, group);
	free(group);
}

struct link *cabinet_links(struct group *groups, const void *key, size_t size)
{
	struct group *group = find_group(groups, key, size);

	return group ? group->first : NULL;
}

size_t claim_key(char key[static CLAIM_KEY_MAX], const char *source, const char *id)
{
	size_t n = strnlen(source, ID_MAX), m = strnlen(id, ID_MAX);

	memcpy(key, source, n);
	key[n] = '\0';
	memcpy(key + n + 1, id, m);
	key[n + 1 + m] = '\0';
	return n + m + 2;
}

/* ---- Finding ---- */

struct person_row *cabinet_find_person(struct cabinet *cabinet, const char *prn)
{
	struct person_row *row;

	HASH_FIND_STR(cabinet->persons, prn, row);
	return row;
}

struct request_row *cabinet_find_request(struct cabinet *cabinet, const char *order_ref)
{
	struct request_row *row;

	HASH_FIND_STR(cabinet->requests, order_ref, row);
	return row;
}

struct case_row *cabinet_find_case(struct cabinet *cabinet, const char *ptp_ref)
{
	struct case_row *row;

	HASH_FIND_STR(cabinet->cases, ptp_ref, row);
	return row;
}

struct claim_row *cabinet_find_claim(struct cabinet *cabinet, const char *source, const char *id)
{
	char key[CLAIM_KEY_MAX];
	size_t size = claim_key(key, source, id);
	struct claim_row *row;

	HASH_FIND(hh, cabinet->claims, key, size, row);
	return row;
}

struct parked_row *cabinet_find_parked(struct cabinet *cabinet, uint64_t number)
{
	struct parked_row *row;

	HASH_FIND(hh, cabinet->parked, &number, sizeof(number), row);
	return row;
}

struct quarantined_row *cabinet_find_quarantined(struct cabinet *cabinet, uint64_t number)
{
	struct quarantined_row *row;

	HASH_FIND(hh, cabinet->quarantined, &number, sizeof(number), row);
	return row;
}

struct quarantined *cabinet_quarantined(struct cabinet *cabinet, uint64_t number)
{
	struct quarantined_row *row = cabinet_find_quarantined(cabinet, number);

	return row ? &row->quarantined : NULL;
}

struct parked *cabinet_parked(struct cabinet *cabinet, uint64_t number)
{
	struct parked_row *row = cabinet_find_parked(cabinet, number);

	return row ? &row->parked : NULL;
}

/* ---- Files and persons ---- */

static struct file_row *add_file_row(struct cabinet *cabinet)
{
	struct file_row *row = calloc(1, sizeof(*row));

	if (!row)
		return NULL;
	row->after = cabinet->files;
	if (row->after)
		row->after->before = row;
	cabinet->files = row;
	return row;
}

static void free_file_row(struct cabinet *cabinet, struct file_row *row)
{
	*(row->before ? &row->before->after : &cabinet->files) = row->after;
	if (row->after)
		row->after->before = row->before;
	free(row);
}

struct person_row *cabinet_take_person(struct cabinet *cabinet, struct person_row *row)
{
	struct person_row *there = cabinet_find_person(cabinet, row->person.prn);

	if (!there) {
		HASH_ADD_STR(cabinet->persons, person.prn, row);
		if (TABLE_ADDED(row))
			return row;
	}
	free(row);
	return there;
}

static struct person_row *survivor_of(struct cabinet *cabinet, struct person_row *row)
{
	for (int i = 0; i < CHAIN_MAX && *row->person.merged_into; i++) {
		struct person_row *next = cabinet_find_person(cabinet, row->person.merged_into);

		if (!next)
			break;
		row = next;
	}
	return row;
}

int cabinet_file_person(struct cabinet *cabinet, struct person_row *row)
{
	struct person_row *survivor = survivor_of(cabinet, row);
	struct person **at;

	if (!survivor->person.file) {
		struct file_row *file = add_file_row(cabinet);

		if (!file)
			return -ENOMEM;
		survivor->person.file = &file->file;
		file->file.persons = &survivor->person;
	}
	if (row->person.file)
		return 0;
	row->person.file = survivor->person.file;
	for (at = &row->person.file->persons; *at; at = &(*at)->next)
		;
	*at = &row->person;
	return 0;
}

struct person_row *cabinet_make_person(struct cabinet *cabinet, const char *prn)
{
	struct person_row *row = cabinet_find_person(cabinet, prn);

	if (row && row->person.file)
		return row;
	if (!row) {
		row = calloc(1, sizeof(*row));
		if (!row)
			return NULL;
		TEXT_SET(row->person.prn, prn);
		row->person.ows_reviewed_on = row->person.cso9_completed_on = DATE_NONE;
		row->person.assessed_at = INSTANT_NONE;
		row = cabinet_take_person(cabinet, row);
	}
	return row && cabinet_file_person(cabinet, row) == 0 ? row : NULL;
}

/* ---- Rows out of the database ---- */

static struct request_row *request_row_of(struct request *request)
{
	return (struct request_row *)request;
}

/* Where the order is filed: the number it was recorded under decides, since the rules may have merged or unmerged it meanwhile. */
static struct file *file_of_request(struct cabinet *cabinet, const struct request_row *row)
{
	struct person_row *person = cabinet_find_person(cabinet, row->request.filed_prn);

	if (!person || !person->person.file)
		person = cabinet_make_person(cabinet, row->prn);
	return person ? person->person.file : NULL;
}

/* In order of opening; a request the rules have just made has no number yet and is the newest. */
static void file_request(struct file *file, struct request_row *row)
{
	struct request **at = &file->requests;

	while (*at && request_row_of(*at)->opened_seq && request_row_of(*at)->opened_seq <= row->opened_seq)
		at = &(*at)->next;
	row->request.file = file;
	row->request.next = *at;
	*at = &row->request;
}

struct request_row *cabinet_take_request(struct cabinet *cabinet, struct request_row *row)
{
	struct request_row *there = cabinet_find_request(cabinet, row->request.order_ref);
	struct file *file = there ? NULL : file_of_request(cabinet, row);

	if (file) {
		HASH_ADD_STR(cabinet->requests, request.order_ref, row);
		if (TABLE_ADDED(row)) {
			file_request(file, row);
			return row;
		}
	}
	free(row);
	return there;
}

static void append_case(struct request *request, struct ptp_case *ptp)
{
	struct ptp_case **at = &request->cases;

	while (*at)
		at = &(*at)->next;
	*at = ptp;
	ptp->request = request;
}

int cabinet_take_case(struct cabinet *cabinet, struct case_row *row)
{
	struct case_row *there = cabinet_find_case(cabinet, row->ptp.ptp_ref);
	struct request_row *request = cabinet_find_request(cabinet, row->order_ref);

	if (!there && request) {
		HASH_ADD_STR(cabinet->cases, ptp.ptp_ref, row);
		if (TABLE_ADDED(row)) {
			append_case(&request->request, &row->ptp);
			return 0;
		}
	}
	free(row);
	return !there && request ? -ENOMEM : 0;
}

struct claim_row *claim_row_free(struct claim_row *row)
{
	if (!row)
		return NULL;
	free(row->key);
	free(row->strings);
	free(row);
	return NULL;
}

static int key_claim(struct claim_row *row, const char *source, const char *id)
{
	char key[CLAIM_KEY_MAX];

	row->key_size = claim_key(key, source, id);
	row->key = malloc(row->key_size);
	if (!row->key)
		return -ENOMEM;
	memcpy(row->key, key, row->key_size);
	row->claim.source = row->key;
	row->claim.id = row->key + strlen(row->key) + 1;
	return 0;
}

struct claim_row *cabinet_take_claim(struct cabinet *cabinet, struct claim_row *row)
{
	struct claim_row *there = cabinet_find_claim(cabinet, row->claim.source, row->claim.id);

	if (!there && key_claim(row, row->claim.source, row->claim.id) == 0) {
		HASH_ADD_KEYPTR(hh, cabinet->claims, row->key, row->key_size, row);
		if (TABLE_ADDED(row))
			return row;
	}
	claim_row_free(row);
	return there;
}

struct parked_row *parked_row_free(struct parked_row *row)
{
	if (row)
		free(row->event);
	free(row);
	return NULL;
}

static void unindex_parked(struct cabinet *cabinet, struct parked_row *row)
{
	if (TABLE_ADDED(row))
		HASH_DELETE(hh, cabinet->parked, row);
	link_remove(&cabinet->parked_of_ref, &row->of_ref);
	link_remove(&cabinet->parked_of_opens, &row->of_opens);
}

static int index_parked(struct cabinet *cabinet, struct parked_row *row)
{
	const struct parked *p = &row->parked;
	int r;

	HASH_ADD(hh, cabinet->parked, parked.number, sizeof(p->number), row);
	r = TABLE_ADDED(row) ? 0 : -ENOMEM;
	if (r == 0)
		r = link_add(&cabinet->parked_of_ref, p->waits_for, strlen(p->waits_for), &row->of_ref, p->number, row);
	if (r == 0 && *p->opens)
		r = link_add(&cabinet->parked_of_opens, p->opens, strlen(p->opens), &row->of_opens, p->number, row);
	if (r < 0)
		unindex_parked(cabinet, row);
	return r;
}

struct parked_row *cabinet_take_parked(struct cabinet *cabinet, struct parked_row *row)
{
	struct parked_row *there = cabinet_find_parked(cabinet, row->parked.number);

	if (!there && index_parked(cabinet, row) == 0)
		return row;
	parked_row_free(row);
	return there;
}

struct quarantined_row *quarantined_row_free(struct quarantined_row *row)
{
	if (row)
		free(row->strings);
	free(row);
	return NULL;
}

static void unindex_quarantined(struct cabinet *cabinet, struct quarantined_row *row)
{
	if (TABLE_ADDED(row))
		HASH_DELETE(hh, cabinet->quarantined, row);
	link_remove(&cabinet->quarantined_of_bytes, &row->of_bytes);
	link_remove(&cabinet->quarantined_of_id, &row->of_id);
	link_remove(&cabinet->quarantined_of_opens, &row->of_opens);
}

static int index_quarantined(struct cabinet *cabinet, struct quarantined_row *row)
{
	const struct quarantined *q = &row->quarantined;
	char key[CLAIM_KEY_MAX];
	int r;

	HASH_ADD(hh, cabinet->quarantined, quarantined.number, sizeof(q->number), row);
	r = TABLE_ADDED(row) ? 0 : -ENOMEM;
	if (r == 0)
		r = link_add(&cabinet->quarantined_of_bytes, &q->raw_hash, sizeof(q->raw_hash), &row->of_bytes,
			q->number, row);
	if (r == 0 && q->source && q->id)
		r = link_add(&cabinet->quarantined_of_id, key, claim_key(key, q->source, q->id), &row->of_id, q->number,
			row);
	if (r == 0 && text_given(q->opens))
		r = link_add(
			&cabinet->quarantined_of_opens, q->opens, strlen(q->opens), &row->of_opens, q->number, row);
	if (r < 0)
		unindex_quarantined(cabinet, row);
	return r;
}

struct quarantined_row *cabinet_take_quarantined(struct cabinet *cabinet, struct quarantined_row *row)
{
	struct quarantined_row *there = cabinet_find_quarantined(cabinet, row->quarantined.number);

	if (!there && index_quarantined(cabinet, row) == 0)
		return row;
	quarantined_row_free(row);
	return there;
}

/* ---- The rules' look-ups ---- */

/* A claim once released claims nothing, though the row stays so that an older image of it is not read again. */
static struct claim *fact_claim(void *context, const char *source, const char *id)
{
	struct claim_row *row = cabinet_find_claim(context, source, id);

	return row && row->claim.disposition != DISPOSITION_QUARANTINED ? &row->claim : NULL;
}

static struct quarantined *fact_quarantine_of_bytes(void *context, const struct hash *raw_hash)
{
	struct cabinet *cabinet = context;
	struct group *group = find_group(cabinet->quarantined_of_bytes, raw_hash, sizeof(*raw_hash));

	return group ? &((struct quarantined_row *)group->last->row)->quarantined : NULL;
}

static struct quarantined *fact_quarantine_of_id(
	void *context, const char *source, const char *id, struct quarantined *after)
{
	struct cabinet *cabinet = context;
	char key[CLAIM_KEY_MAX];
	struct link *link = after ? ((struct quarantined_row *)after)->of_id.after
				  : cabinet_links(cabinet->quarantined_of_id, key, claim_key(key, source, id));

	for (; link; link = link->after) {
		struct quarantined_row *row = link->row;

		if (row->quarantined.state == QUARANTINE_HELD)
			return &row->quarantined;
	}
	return NULL;
}

static bool fact_opener_held(void *context, const char *ref)
{
	struct cabinet *cabinet = context;
	struct link *link = cabinet_links(cabinet->quarantined_of_opens, ref, strlen(ref));

	while (link && ((struct quarantined_row *)link->row)->quarantined.state != QUARANTINE_HELD)
		link = link->after;
	return link != NULL;
}

static bool fact_opener_parked(void *context, const char *ref)
{
	struct cabinet *cabinet = context;
	struct link *link = cabinet_links(cabinet->parked_of_opens, ref, strlen(ref));

	while (link && ((struct parked_row *)link->row)->parked.gone)
		link = link->after;
	return link != NULL;
}

static struct person *fact_person(void *context, const char *prn)
{
	struct person_row *row = cabinet_make_person(context, prn);

	return row ? &row->person : NULL;
}

static struct request *fact_request(void *context, const char *order_ref)
{
	struct request_row *row = cabinet_find_request(context, order_ref);

	return row ? &row->request : NULL;
}

static struct ptp_case *fact_case(void *context, const char *ptp_ref)
{
	struct case_row *row = cabinet_find_case(context, ptp_ref);

	return row ? &row->ptp : NULL;
}

static struct parked *fact_parked(void *context, const char *ref, struct parked *after)
{
	struct cabinet *cabinet = context;
	struct link *link = after ? ((struct parked_row *)after)->of_ref.after
				  : cabinet_links(cabinet->parked_of_ref, ref, strlen(ref));

	for (; link; link = link->after) {
		struct parked_row *row = link->row;

		if (!row->parked.gone)
			return &row->parked;
	}
	return NULL;
}

static struct request *fact_add_request(void *context, const char *order_ref)
{
	struct cabinet *cabinet = context;
	struct request_row *row = calloc(1, sizeof(*row));

	if (!row)
		return NULL;
	TEXT_SET(row->request.order_ref, order_ref);
	row->request.change = ROW_NEW;
	HASH_ADD_STR(cabinet->requests, request.order_ref, row);
	if (TABLE_ADDED(row))
		return &row->request;
	free(row);
	return NULL;
}

static struct ptp_case *fact_add_case(void *context, const char *ptp_ref)
{
	struct cabinet *cabinet = context;
	struct case_row *row = calloc(1, sizeof(*row));

	if (!row)
		return NULL;
	TEXT_SET(row->ptp.ptp_ref, ptp_ref);
	row->ptp.change = ROW_NEW;
	HASH_ADD_STR(cabinet->cases, ptp.ptp_ref, row);
	if (TABLE_ADDED(row))
		return &row->ptp;
	free(row);
	return NULL;
}

/* The row of a released claim makes way for the new one. It stays allocated, for a parked row may point to it; the new row is written over the
 * old one where that is stored. */
static void replace_claim(struct cabinet *cabinet, struct claim_row *old, struct claim_row *row)
{
	row->stored = old->stored;
	HASH_DELETE(hh, cabinet->claims, old);
	old->released = true;
	old->next_released = cabinet->released;
	cabinet->released = old;
}

static struct claim *fact_add_claim(void *context, const struct event *event)
{
	struct cabinet *cabinet = context;
	struct claim_row *old = cabinet_find_claim(cabinet, event->source, event->id);
	struct claim_row *row = calloc(1, sizeof(*row));

	if (!row || key_claim(row, event->source, event->id) < 0) {
		free(row);
		return NULL;
	}
	row->claim.change = ROW_NEW;
	if (old)
		replace_claim(cabinet, old, row);
	HASH_ADD_KEYPTR(hh, cabinet->claims, row->key, row->key_size, row);
	if (TABLE_ADDED(row))
		return &row->claim;
	claim_row_free(row);
	return NULL;
}

static struct parked *fact_add_parked(
	void *context, const struct event *event, const char *waits_for, const char *opens)
{
	struct cabinet *cabinet = context;
	struct parked_row *row = calloc(1, sizeof(*row));

	if (!row)
		return NULL;
	row->event = event_copy(event);
	if (!row->event) {
		free(row);
		return NULL;
	}
	row->parked.number = cabinet->next_parked++;
	row->parked.event = row->event;
	TEXT_SET(row->parked.waits_for, waits_for);
	TEXT_SET(row->parked.opens, opens);
	row->parked.change = ROW_NEW;
	row->source = row->event->source;
	row->id = row->event->id;
	row->submitter = row->event->submitter;
	row->kind = row->event->kind;
	row->raw = (struct bytes){ row->event->raw, row->event->raw_size };
	row = cabinet_take_parked(cabinet, row);
	return row ? &row->parked : NULL;
}

static struct quarantined *fact_add_quarantined(void *context, const struct event *event, const char *opens)
{
	struct cabinet *cabinet = context;
	struct quarantined_row *row = calloc(1, sizeof(*row));

	if (!row)
		return NULL;
	row->quarantined = (struct quarantined){
		.number = cabinet->next_quarantined++,
		.source = event->source,
		.id = event->id,
		.type_text = event->type_text,
		.type = event->type,
		.time = event->time,
		.order_ref = event->order_ref,
		.office = event->office,
		.submitter = event->submitter,
		.opens = opens,
		.raw_hash = event->raw_hash,
		.raw = event->raw,
		.raw_size = event->raw_size,
		.change = ROW_NEW,
	};
	row->kind = event->kind;
	row = cabinet_take_quarantined(cabinet, row);
	return row ? &row->quarantined : NULL;
}

static struct file *fact_add_file(void *context)
{
	struct file_row *row = add_file_row(context);

	/* What the rules split off a whole file is whole. */
	if (row)
		row->whole = true;
	return row ? &row->file : NULL;
}

static const struct facts facts = {
	.claim = fact_claim,
	.quarantine_of_bytes = fact_quarantine_of_bytes,
	.quarantine_of_id = fact_quarantine_of_id,
	.opener_held = fact_opener_held,
	.opener_parked = fact_opener_parked,
	.person = fact_person,
	.request = fact_request,
	.ptp_case = fact_case,
	.parked = fact_parked,
	.add_request = fact_add_request,
	.add_case = fact_add_case,
	.add_claim = fact_add_claim,
	.add_parked = fact_add_parked,
	.add_quarantined = fact_add_quarantined,
	.add_file = fact_add_file,
};

struct facts *cabinet_facts(struct cabinet *cabinet)
{
	return &cabinet->facts;
}

/* ---- Life ---- */

int cabinet_new(struct cabinet **ret)
{
	struct cabinet *cabinet = calloc(1, sizeof(*cabinet));

	if (!cabinet)
		return -ENOMEM;
	cabinet->facts = facts;
	cabinet->facts.context = cabinet;
	cabinet->next_parked = cabinet->next_quarantined = 1;
	*ret = cabinet;
	return 0;
}

struct cabinet *cabinet_free(struct cabinet *cabinet)
{
	if (cabinet)
		cabinet_clear(cabinet);
	free(cabinet);
	return NULL;
}

void cabinet_set_numbers(struct cabinet *cabinet, uint64_t next_parked, uint64_t next_quarantined)
{
	cabinet->next_parked = next_parked;
	cabinet->next_quarantined = next_quarantined;
}

uint64_t cabinet_begin_load(struct cabinet *cabinet)
{
	return ++cabinet->asked;
}

void cabinet_end_load(struct cabinet *cabinet, uint64_t stamp)
{
	cabinet->loaded = stamp;
}

void cabinet_mark_commit(struct cabinet *cabinet)
{
	cabinet->committed = cabinet->asked;
}

size_t cabinet_rows(const struct cabinet *cabinet)
{
	return HASH_COUNT(cabinet->persons) + HASH_COUNT(cabinet->requests) + HASH_COUNT(cabinet->cases) +
	       HASH_COUNT(cabinet->claims) + HASH_COUNT(cabinet->parked) + HASH_COUNT(cabinet->quarantined);
}

/* ---- Dropping: whatever has no newer stamp than `committed` ---- */

static void drop_cases(struct cabinet *cabinet, uint64_t committed)
{
	struct case_row *row, *next;

	HASH_ITER (hh, cabinet->cases, row, next) {
		struct request *request = row->ptp.request;

		if (request && request->file && file_row(request->file)->stamp > committed)
			continue;
		HASH_DELETE(hh, cabinet->cases, row);
		free(row);
	}
}

static void drop_requests(struct cabinet *cabinet, uint64_t committed)
{
	struct request_row *row, *next;

	HASH_ITER (hh, cabinet->requests, row, next) {
		if (row->request.file && file_row(row->request.file)->stamp > committed)
			continue;
		HASH_DELETE(hh, cabinet->requests, row);
		free(row);
	}
}

static void drop_files(struct cabinet *cabinet, uint64_t committed)
{
	struct person_row *row, *next;

	drop_cases(cabinet, committed);
	drop_requests(cabinet, committed);
	HASH_ITER (hh, cabinet->persons, row, next) {
		if (row->person.file && file_row(row->person.file)->stamp > committed)
			continue;
		HASH_DELETE(hh, cabinet->persons, row);
		free(row);
	}
	for (struct file_row *file = cabinet->files, *after; file; file = after) {
		after = file->after;
		if (file->stamp <= committed)
			free_file_row(cabinet, file);
	}
}

static void drop_parked(struct cabinet *cabinet, uint64_t committed)
{
	struct parked_row *row, *next;

	HASH_ITER (hh, cabinet->parked, row, next) {
		if (row->stamp > committed)
			continue;
		unindex_parked(cabinet, row);
		parked_row_free(row);
	}
}

static void drop_claims(struct cabinet *cabinet, uint64_t committed)
{
	struct claim_row *row, *next;

	HASH_ITER (hh, cabinet->claims, row, next) {
		if (row->stamp > committed)
			continue;
		HASH_DELETE(hh, cabinet->claims, row);
		claim_row_free(row);
	}
	for (row = cabinet->released; row; row = next) {
		next = row->next_released;
		claim_row_free(row);
	}
	cabinet->released = NULL;
}

static void drop_quarantined(struct cabinet *cabinet, uint64_t committed)
{
	struct quarantined_row *row, *next;

	HASH_ITER (hh, cabinet->quarantined, row, next) {
		if (row->stamp > committed)
			continue;
		unindex_quarantined(cabinet, row);
		quarantined_row_free(row);
	}
}

static void drop_notes(struct cabinet *cabinet)
{
	for (struct history_row *row = cabinet->history, *next; row; row = next) {
		next = row->next;
		free(row);
	}
	for (struct ptp_task_row *row = cabinet->ptp_tasks, *next; row; row = next) {
		next = row->next;
		free(row);
	}
	cabinet->history = NULL;
	cabinet->ptp_tasks = NULL;
}

static void drop(struct cabinet *cabinet, uint64_t committed)
{
	drop_files(cabinet, committed);
	drop_parked(cabinet, committed);
	drop_claims(cabinet, committed);
	drop_quarantined(cabinet, committed);
	drop_notes(cabinet);
}

void cabinet_clear(struct cabinet *cabinet)
{
	drop(cabinet, UINT64_MAX);
	cabinet->clears++;
}

/* ---- After the commit ---- */

static void stamp_at_least(uint64_t *stamp, uint64_t least)
{
	if (*stamp < least)
		*stamp = least;
}

static void settle_files(struct cabinet *cabinet, uint64_t keep)
{
	for (struct request_row *row = cabinet->requests; row; row = row->hh.next) {
		if (row->request.change == ROW_CLEAN)
			continue;
		row->request.change = ROW_CLEAN;
		row->stored = true;
		if (row->request.file)
			stamp_at_least(&file_row(row->request.file)->stamp, keep);
	}
	for (struct case_row *row = cabinet->cases; row; row = row->hh.next) {
		if (row->ptp.change == ROW_CLEAN)
			continue;
		row->ptp.change = ROW_CLEAN;
		row->stored = true;
		if (row->ptp.request && row->ptp.request->file)
			stamp_at_least(&file_row(row->ptp.request->file)->stamp, keep);
	}
	for (struct person_row *row = cabinet->persons; row; row = row->hh.next) {
		if (row->person.change == ROW_CLEAN && !person_moved(row))
			continue;
		row->stored = row->stored || row->person.change != ROW_CLEAN;
		row->person.change = ROW_CLEAN;
		TEXT_SET(row->survivor, file_prn(row->person.file));
		stamp_at_least(&file_row(row->person.file)->stamp, keep);
	}
}

static void settle_events(struct cabinet *cabinet, uint64_t keep)
{
	for (struct parked_row *row = cabinet->parked; row; row = row->hh.next) {
		if (row->parked.change != ROW_CLEAN || row->parked.gone)
			stamp_at_least(&row->stamp, keep);
		row->parked.change = ROW_CLEAN;
		row->stored = !row->parked.gone;
		/* A parked event that stays keeps its claim beside it. */
		if (row->parked.claim && !((struct claim_row *)row->parked.claim)->released)
			stamp_at_least(&((struct claim_row *)row->parked.claim)->stamp, row->stamp);
		else
			row->parked.claim = NULL;
	}
	for (struct claim_row *row = cabinet->claims; row; row = row->hh.next) {
		if (row->claim.change == ROW_CLEAN)
			continue;
		stamp_at_least(&row->stamp, keep);
		row->claim.change = ROW_CLEAN;
		row->stored = row->claim.disposition != DISPOSITION_QUARANTINED;
	}
	for (struct quarantined_row *row = cabinet->quarantined; row; row = row->hh.next) {
		if (row->quarantined.change == ROW_CLEAN)
			continue;
		stamp_at_least(&row->stamp, keep);
		row->quarantined.change = ROW_CLEAN;
		row->quarantined.raw = NULL;
		row->quarantined.without_bytes = quarantined_without_bytes(row);
		row->raw = (struct bytes){ 0 };
		row->stored = true;
		row->was_held = row->quarantined.state == QUARANTINE_HELD;
	}
}

void cabinet_settle(struct cabinet *cabinet)
{
	uint64_t keep = cabinet->asked > cabinet->loaded ? cabinet->asked : 0;

	settle_files(cabinet, keep);
	settle_events(cabinet, keep);
	drop(cabinet, cabinet->committed);
}
