#include "world.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

#define ARENA_CAP (256UL * 1024 * 1024)
#define LINE_MAX_ 4096

enum row_kind { ROW_PERSON, ROW_REQUEST, ROW_CASE, ROW_CLAIM, ROW_PARKED, ROW_QUARANTINED };

struct world_row {
	enum row_kind kind;
	void *row;
	const struct event *event; /* parked and quarantined: what it was */
	void *before;              /* the row as it was when the batch began, or was made */
	bool stored;               /* the rules marked it in an earlier batch */
	struct world_row *next;
};

static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

static char *keep(struct world *world, const char *text)
{
	return text ? must(arena_text(world->arena, text)) : NULL;
}

/* ---- Rows ---- */

static void *add_row(struct world *world, enum row_kind kind, size_t size, const struct event *event)
{
	struct world_row *row;

	if (world->fail_in == 0)
		return NULL;
	if (world->fail_in > 0)
		world->fail_in--;
	row = must(arena_take(world->arena, sizeof(*row)));
	*row = (struct world_row){ .kind = kind,
		.row = must(arena_take(world->arena, size)),
		.event = event,
		.before = must(arena_take(world->arena, size)),
		.next = world->rows };
	world->rows = row;
	return row->row;
}

/* Copies the row without what is linked and never stored. Of the file of an order it is stored whose it is. */
static size_t copy_stored(const struct world_row *r, void *to)
{
	static const size_t sizes[] = { sizeof(struct person), sizeof(struct request), sizeof(struct ptp_case),
		sizeof(struct claim), sizeof(struct parked), sizeof(struct quarantined) };

	memcpy(to, r->row, sizes[r->kind]);
	if (r->kind == ROW_PERSON) {
		struct person *p = to;

		p->file = NULL;
		p->next = NULL;
	} else if (r->kind == ROW_REQUEST) {
		struct request *q = to;

		q->file = (struct file *)(void *)q->file->persons;
		q->next = NULL;
		q->cases = NULL;
		for (int i = 0; i < STEPS_MAX; i++)
			q->tasks[i].facing = 0;
	} else if (r->kind == ROW_CASE) {
		((struct ptp_case *)to)->next = NULL;
	}
	return sizes[r->kind];
}

static struct person *find_person(struct world *world, const char *prn)
{
	for (struct world_row *r = world->rows; r; r = r->next)
		if (r->kind == ROW_PERSON && text_equal(((struct person *)r->row)->prn, prn))
			return r->row;
	return NULL;
}

static struct file *add_file(void *context)
{
	struct world *world = context;

	/* Counted like a row, for the tests of a lack of memory. */
	if (world->fail_in == 0)
		return NULL;
	if (world->fail_in > 0)
		world->fail_in--;
	return must(arena_take(world->arena, sizeof(struct file)));
}

static struct person *person(void *context, const char *prn)
{
	struct world *world = context;
	struct person *p = find_person(world, prn);

	if (p)
		return p;
	p = add_row(world, ROW_PERSON, sizeof(*p), NULL);
	if (!p)
		return NULL;
	TEXT_SET(p->prn, prn);
	p->ows_reviewed_on = p->cso9_completed_on = DATE_NONE;
	p->assessed_at = INSTANT_NONE;
	p->file = must(arena_take(world->arena, sizeof(struct file)));
	p->file->persons = p;
	copy_stored(world->rows, world->rows->before);
	return p;
}

static struct request *request(void *context, const char *order_ref)
{
	struct world *world = context;

	for (struct world_row *r = world->rows; r; r = r->next)
		if (r->kind == ROW_REQUEST && text_equal(((struct request *)r->row)->order_ref, order_ref))
			return r->row;
	return NULL;
}

static struct ptp_case *ptp_case(void *context, const char *ptp_ref)
{
	struct world *world = context;

	for (struct world_row *r = world->rows; r; r = r->next)
		if (r->kind == ROW_CASE && text_equal(((struct ptp_case *)r->row)->ptp_ref, ptp_ref))
			return r->row;
	return NULL;
}

static struct claim *claim(void *context, const char *source, const char *id)
{
	struct world *world = context;

	for (struct world_row *r = world->rows; r; r = r->next) {
		struct claim *c = r->row;

		if (r->kind == ROW_CLAIM && text_equal(c->source, source) && text_equal(c->id, id))
			return c;
	}
	return NULL;
}

static struct quarantined *quarantine_of_bytes(void *context, const struct hash *raw_hash)
{
	struct world *world = context;

	for (struct world_row *r = world->rows; r; r = r->next) {
		struct quarantined *q = r->row;

		if (r->kind == ROW_QUARANTINED && memcmp(&q->raw_hash, raw_hash, sizeof(*raw_hash)) == 0)
			return q;
	}
	return NULL;
}

/* The first row, in the order of making, for which `matches` holds, after the one given. */
static struct world_row *first_row(struct world *world, enum row_kind kind,
	bool (*matches)(const void *row, const void *wanted), const void *wanted, uint64_t after)
{
	struct world_row *found = NULL;

	for (struct world_row *r = world->rows; r; r = r->next) {
		uint64_t number;

		if (r->kind != kind)
			continue;
		number =
			kind == ROW_PARKED ? ((struct parked *)r->row)->number : ((struct quarantined *)r->row)->number;
		if (number > after && matches(r->row, wanted))
			found = r;
	}
	return found;
}

static bool held_of_id(const void *row, const void *wanted)
{
	const struct quarantined *q = row;
	const char *const *key = wanted;

	return q->state == QUARANTINE_HELD && text_equal(q->source, key[0]) && text_equal(q->id, key[1]);
}

static struct quarantined *quarantine_of_id(
	void *context, const char *source, const char *id, struct quarantined *after)
{
	const char *const key[] = { source, id };
	struct world_row *r = first_row(context, ROW_QUARANTINED, held_of_id, key, after ? after->number : 0);

	return r ? r->row : NULL;
}

static bool held_opener(const void *row, const void *wanted)
{
	const struct quarantined *q = row;

	return q->state == QUARANTINE_HELD && text_equal(q->opens, wanted);
}

static bool opener_held(void *context, const char *ref)
{
	return first_row(context, ROW_QUARANTINED, held_opener, ref, 0);
}

static bool parked_opener(const void *row, const void *wanted)
{
	const struct parked *p = row;

	return !p->gone && text_equal(p->opens, wanted);
}

static bool opener_parked(void *context, const char *ref)
{
	return first_row(context, ROW_PARKED, parked_opener, ref, 0);
}

static bool waits_for(const void *row, const void *wanted)
{
	const struct parked *p = row;

	return !p->gone && text_equal(p->waits_for, wanted);
}

static struct parked *parked(void *context, const char *ref, struct parked *after)
{
	struct world_row *r = first_row(context, ROW_PARKED, waits_for, ref, after ? after->number : 0);

	return r ? r->row : NULL;
}

static struct request *add_request(void *context, const char *order_ref)
{
	struct request *r = add_row(context, ROW_REQUEST, sizeof(*r), NULL);

	if (r) {
		TEXT_SET(r->order_ref, order_ref);
		r->change = ROW_NEW;
	}
	return r;
}

static struct ptp_case *add_case(void *context, const char *ptp_ref)
{
	struct ptp_case *c = add_row(context, ROW_CASE, sizeof(*c), NULL);

	if (c) {
		TEXT_SET(c->ptp_ref, ptp_ref);
		c->change = ROW_NEW;
	}
	return c;
}

static struct claim *add_claim(void *context, const struct event *event)
{
	struct claim *c = add_row(context, ROW_CLAIM, sizeof(*c), NULL);

	if (c) {
		c->source = event->source;
		c->id = event->id;
		c->change = ROW_NEW;
	}
	return c;
}

static struct parked *add_parked(void *context, const struct event *event, const char *ref, const char *opens)
{
	struct world *world = context;
	struct parked *p = add_row(world, ROW_PARKED, sizeof(*p), event);

	if (p) {
		p->number = ++world->number;
		p->event = event;
		TEXT_SET(p->waits_for, ref);
		TEXT_SET(p->opens, opens);
		p->change = ROW_NEW;
	}
	return p;
}

static struct quarantined *add_quarantined(void *context, const struct event *event, const char *opens)
{
	struct world *world = context;
	struct quarantined *q = add_row(world, ROW_QUARANTINED, sizeof(*q), event);

	if (q) {
		q->number = ++world->number;
		q->opens = opens;
		q->change = ROW_NEW;
	}
	return q;
}

/* ---- Batches: each event is one of its own, and what the rules changed must be marked, or it would not be written ---- */

static enum row_change *change_of(const struct world_row *r)
{
	switch (r->kind) {
	case ROW_PERSON:
		return &((struct person *)r->row)->change;
	case ROW_REQUEST:
		return &((struct request *)r->row)->change;
	case ROW_CASE:
		return &((struct ptp_case *)r->row)->change;
	case ROW_CLAIM:
		return &((struct claim *)r->row)->change;
	case ROW_PARKED:
		return &((struct parked *)r->row)->change;
	case ROW_QUARANTINED:
		break;
	}
	return &((struct quarantined *)r->row)->change;
}

/* Scratch is not stored: between two events it may be anything. */
static void forget_scratch(struct world_row *r)
{
	if (r->kind == ROW_REQUEST)
		for (int i = 0; i < STEPS_MAX; i++)
			((struct request *)r->row)->tasks[i].facing = 0;
}

static void begin_batch(struct world *world)
{
	for (struct world_row *r = world->rows; r; r = r->next) {
		enum row_change *change = change_of(r);

		r->stored = r->stored || *change != ROW_CLEAN;
		*change = ROW_CLEAN;
		forget_scratch(r);
		copy_stored(r, r->before);
	}
}

static const char *name_of(const struct world_row *r)
{
	switch (r->kind) {
	case ROW_PERSON:
		return ((struct person *)r->row)->prn;
	case ROW_REQUEST:
		return ((struct request *)r->row)->order_ref;
	case ROW_CASE:
		return ((struct ptp_case *)r->row)->ptp_ref;
	case ROW_CLAIM:
		return ((struct claim *)r->row)->id;
	case ROW_PARKED:
		return ((struct parked *)r->row)->waits_for;
	case ROW_QUARANTINED:
		break;
	}
	return ((struct quarantined *)r->row)->id;
}

static void complain(const struct world_row *r, const char *what)
{
	fprintf(stderr, "the row of %s %s\n", name_of(r), what);
	abort();
}

/* A refusal leaves no trace but the quarantine (X5). -ENOMEM drops the batch, and with it whatever was changed. */
static int end_batch(struct world *world, int error, const struct verdict *verdict)
{
	bool refused = verdict && verdict->disposition == DISPOSITION_QUARANTINED;
	static union {
		struct request request;
		struct ptp_case ptp;
		struct claim claim;
		struct quarantined quarantined;
	} now;

	for (struct world_row *r = world->rows; r && error >= 0; r = r->next) {
		size_t size = copy_stored(r, &now);

		if (*change_of(r) == ROW_CLEAN && memcmp(&now, r->before, size) != 0)
			complain(r, "was changed and not marked");
		if (*change_of(r) != ROW_CLEAN && refused && r->kind != ROW_QUARANTINED)
			complain(r, "was changed by an event that was refused");
	}
	return error;
}

/* ---- Records as text ---- */

struct line {
	char text[LINE_MAX_];
	size_t n;
};

static void __attribute__((format(printf, 2, 3))) add(struct line *line, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(line->text + line->n, sizeof(line->text) - line->n, format, args);
	va_end(args);
	line->n += (size_t)n;
	if (line->n >= sizeof(line->text))
		abort();
}

/* One word: key and value, its blanks as underscores; nothing for no value. */
static void add_text(struct line *line, const char *key, const char *value)
{
	size_t from = line->n;

	if (!text_given(value))
		return;
	add(line, " %s=%s", key, value);
	for (size_t i = from + 1; i < line->n; i++)
		if (line->text[i] == ' ' || line->text[i] == ';')
			line->text[i] = '_';
}

static void add_number(struct line *line, const char *key, int value)
{
	if (value)
		add(line, " %s=%d", key, value);
}

static void add_moment(struct world *world, struct line *line, const char *key, struct instant t)
{
	char day[DATE_TEXT];
	int32_t seconds;

	if (!instant_given(t))
		return;
	date_format(zone_date(&world->policy->zone, t, &seconds), day);
	add(line, " %s=%sT%02d:%02d", key, day, seconds / 3600, seconds / 60 % 60);
}

static void add_date(struct line *line, const char *key, struct date d)
{
	char day[DATE_TEXT];

	add_text(line, key, date_format(d, day));
}

static void add_roles(struct line *line, const char *key, uint32_t roles)
{
	const char *before = "";

	if (!roles)
		return;
	add(line, " %s=", key);
	for (int role = 1; role < ROLE_END; role++)
		if (roles >> role & 1) {
			add(line, "%s%s", before, role_text((enum role)role));
			before = ",";
		}
}

static void add_way(struct line *line, const enum role *way)
{
	if (way[0] == ROLE_NONE)
		return;
	add(line, " via=%s", role_text(way[0]));
	for (int i = 1; i < CONVEY_MAX && way[i]; i++)
		add(line, ",%s", role_text(way[i]));
}

static const char *family(enum record_name name)
{
	static char word[16];

	TEXT_SET(word, record_name_text(name));
	word[strcspn(word, ".")] = 0;
	return word;
}

static void say_task(struct world *world, struct line *line, const struct record *record)
{
	if (!record->task)
		return;
	add_text(line, "kind", task_kind_text(record->kind));
	add_text(line, "task", task_state_text(record->task->state));
	add_text(line, "title", record->task->title);
	add_text(line, "role", role_text(record->task->role));
	add_moment(world, line, "taskdue", record->task->due_at);
}

static void say_request(struct world *world, struct line *line, const struct record *record)
{
	const struct request *r = record->request;

	if (!r)
		return;
	add_text(line, "prn", file_prn(r->file));
	add_text(line, "state", request_state_text(r->state));
	add_text(line, "officer", r->officer_id);
	add_text(line, "recommended", r->recommended_officer_id);
	add_moment(world, line, "due", r->due_at);
}

static void say_ptp(struct line *line, const struct record *record)
{
	if (!record->ptp)
		return;
	add_text(line, "case", ptp_state_text(record->ptp->state));
	add_number(line, "stage", record->ptp->stage);
	add_number(line, "from", record->from_stage);
	add_number(line, "to", record->to_stage);
	add_text(line, "outcome", ptp_outcome_text(record->outcome));
	add_text(line, "guard", reason_text(record->guard));
	add_text(line, "rule", record->rule);
	add_roles(line, "informs", record->informs);
	add_way(line, record->convey_via);
	add_text(line, "convey_to", record->convey_to);
}

static void say_event(struct line *line, const struct record *record)
{
	if (record->quarantined) {
		add_text(line, "id", record->quarantined->id);
		add_text(line, "reason", reason_text(record->quarantined->reason));
		add_text(line, "order", record->quarantined->order_ref);
	}
	if (record->parked) {
		add_text(line, "id", record->parked->event->id);
		add_text(line, "waits_for", record->parked->waits_for);
	}
}

static void say_ref(struct line *line, const struct record *record)
{
	const char *ref = "-";

	if (record->request)
		ref = record->request->order_ref;
	if (record->ptp)
		ref = record->ptp->ptp_ref;
	add(line, " %s", ref);
	if (record->task && strcmp(family(record->name), "task") == 0)
		add(line, ":%d", record->task->step);
}

static const char *topic_office(const struct record *record)
{
	if (text_given(record->office))
		return record->office;
	return record->request && *record->request->office ? record->request->office : "-";
}

static void say(struct world *world, struct line *line, const struct record *record)
{
	add(line, "%s/%s", record_name_text(record->name), topic_office(record));
	say_ref(line, record);
	say_request(world, line, record);
	say_task(world, line, record);
	say_ptp(line, record);
	say_event(line, record);
	add_text(line, "previous_office", record->previous_office);
	add_text(line, "previous_officer", record->previous_officer_id);
	add_text(line, "previous_prn", record->previous_prn);
	add_text(line, "change", record->change);
	add_number(line, "level", record->level);
	add_text(line, "concerns", role_text(record->concerns));
	add_moment(world, line, "missed", record->due_at);
	add_text(line, "by", record->by);
	add_text(line, "by_role", role_text(record->by_role));
	add_text(line, "sentence", record->sentence);
	add_text(line, "cause", record->cause ? record->cause->id : "-");
	add_moment(world, line, "time", record->time);
	add_moment(world, line, "decided", record->decided_at);
	add(line, " seq=%lu", (unsigned long)world->seq);
}

static void add_line(struct world *world, const char *text)
{
	world->lines = must(realloc(world->lines, (world->line_count + 1) * sizeof(*world->lines)));
	world->lines[world->line_count++] = keep(world, text);
}

static uint64_t publish(void *context, const struct record *record)
{
	struct world *world = context;
	struct line line = { 0 };

	world->seq++;
	say(world, &line, record);
	add_line(world, line.text);
	return world->seq;
}

/* ---- The world ---- */

struct world *world_new(const struct policy *policy)
{
	struct world *world = must(calloc(1, sizeof(*world)));

	if (arena_new(ARENA_CAP, &world->arena) < 0)
		abort();
	world->policy = policy;
	world->fail_in = -1;
	world->facts = (struct facts){ world, claim, quarantine_of_bytes, quarantine_of_id, opener_held, opener_parked,
		person, request, ptp_case, parked, add_request, add_case, add_claim, add_parked, add_quarantined,
		add_file };
	world->effects = (struct effects){ world, publish };
	world->now = world_moment(world, "2026-11-25 09:00");
	return world;
}

struct world *world_free(struct world *world)
{
	if (!world)
		return NULL;
	arena_free(world->arena);
	free(world->lines);
	free(world);
	return NULL;
}

void world_clear(struct world *world)
{
	world->line_count = 0;
}

struct instant world_moment(const struct world *world, const char *text)
{
	char day[DATE_TEXT];
	struct date d;
	int hours, minutes;

	text_copy(day, sizeof(day), text);
	if (date_parse(day, &d) < 0 || sscanf(text + strlen(day) + 1, "%d:%d", &hours, &minutes) != 2) {
		fprintf(stderr, "no moment: %s\n", text);
		abort();
	}
	return zone_instant(&world->policy->zone, d, hours * 3600 + minutes * 60);
}

/* ---- Events from words ---- */

static enum event_type type_of(const char *word)
{
	for (int t = 1; t < EVENT_TYPE_END; t++) {
		const char *type = event_type_text((enum event_type)t);
		size_t n = strlen(type), m = strlen(word);

		if (m < n && type[n - m - 1] == '.' && strcmp(type + n - m, word) == 0)
			return (enum event_type)t;
	}
	fprintf(stderr, "no event type: %s\n", word);
	abort();
}

static enum tri tri_of(const char *value)
{
	return strcmp(value, "yes") == 0 ? TRI_YES : strcmp(value, "no") == 0 ? TRI_NO : TRI_UNKNOWN;
}

static struct date day_of(const char *value)
{
	struct date d;

	if (date_parse(value, &d) < 0) {
		fprintf(stderr, "no date: %s\n", value);
		abort();
	}
	return d;
}

static struct codes codes_of(struct world *world, const char *value)
{
	struct codes codes = { 0 };
	char *state, *list = keep(world, value);

	for (char *code = strtok_r(list, ",", &state); code; code = strtok_r(NULL, ",", &state))
		codes.code[codes.n++] = code;
	return codes;
}

static uint8_t documents_of(struct world *world, const char *value)
{
	struct codes codes = codes_of(world, value);
	unsigned bits = 0;

	for (int i = 0; i < codes.n; i++)
		bits |= 1U << document_of(codes.code[i]);
	return (uint8_t)bits;
}

/* An outcome is one of a task, a PTP stage or an imposition: the type says which. */
static void take_outcome(struct event *e, const char *value)
{
	if (e->type == EVENT_TASK_RECORDED)
		e->task_outcome = task_outcome_of(value);
	else if (e->type == EVENT_PTP_IMPOSITION_RECORDED)
		e->imposition = ptp_imposition_of(value);
	else
		e->ptp_outcome = ptp_outcome_of(value);
}

static void set_unnamed(struct world *world, struct event *e)
{
	static const char *const sources[] = { NULL, "urn:nz:justice:cms", "urn:nz:corrections:ioms",
		"urn:nz:corrections:cpps" };
	char id[16];

	for (int k = SOURCE_COURT; k < SOURCE_KIND_END && !e->kind; k++)
		if (event_type_kinds(e->type) >> k & 1)
			e->kind = (enum source_kind)k;
	e->source = sources[e->kind];
	snprintf(id, sizeof(id), "e%u", ++world->event_count);
	e->id = keep(world, id);
	e->submitter = "tester";
	e->time = world->now;
}

static void hash_word(struct hash *hash, const char *word)
{
	uint64_t h;

	memcpy(&h, hash->bytes, sizeof(h));
	h = h * 31 + 7;
	for (; *word; word++)
		h = (h ^ (uint64_t)(unsigned char)*word) * UINT64_C(1099511628211);
	memcpy(hash->bytes, &h, sizeof(h));
}

static bool envelope_word(const char *key)
{
	static const char *const keys[] = { "id", "source", "submitter", "kind", "fault" };

	for (size_t i = 0; i < ARRAY_LENGTH(keys); i++)
		if (strcmp(keys[i], key) == 0)
			return true;
	return false;
}

struct words {
	struct world *world;
	struct event *e;
	enum reason fault;
};

typedef void set_word(struct words *w, const char *value);
#define SETTER(name, statement)                                \
	static void set_##name(struct words *w, const char *v) \
	{                                                      \
		struct event *e = w->e;                        \
		statement;                                     \
	}
SETTER(id, e->id = *v ? v : NULL)
SETTER(source, e->source = *v ? v : NULL)
SETTER(submitter, e->submitter = v)
SETTER(kind, e->kind = source_kind_of(v))
SETTER(time, e->time = world_moment(w->world, v))
SETTER(fault, w->fault = reason_of(v); (void)e)
SETTER(eventtype, e->type_text = v; e->type = event_type_of(v))
SETTER(prn, e->prn = v)
SETTER(into, e->into_prn = v)
SETTER(order, e->order_ref = v)
SETTER(ptp, e->ptp_ref = v)
SETTER(type, e->order_type = order_type_of(v))
SETTER(office, e->office = v)
SETTER(place, e->place = v)
SETTER(officer, e->officer_id = v)
SETTER(by, e->by = v)
SETTER(reason, e->reason = v)
SETTER(note, e->note = v)
SETTER(role, e->by_role = role_of(v))
SETTER(on, e->scheduled_on = day_of(v))
SETTER(effective, e->effective_on = day_of(v))
SETTER(starts, e->starts_on = day_of(v))
SETTER(ends, e->ends_on = day_of(v))
SETTER(cancelled, e->cancelled_on = day_of(v))
SETTER(received, e->received_on = day_of(v))
SETTER(ows, e->ows_reviewed_on = day_of(v))
SETTER(cso9, e->cso9_completed_on = day_of(v))
SETTER(cso, e->child_sex_offence = tri_of(v))
SETTER(onows, e->on_ows = tri_of(v))
SETTER(conditions, e->conditions = codes_of(w->world, v))
SETTER(suitability, e->suitability = codes_of(w->world, v))
SETTER(documents, e->documents = documents_of(w->world, v))
SETTER(step, e->step = atoi(v))
SETTER(stage, e->stage = atoi(v))
SETTER(outcome, take_outcome(e, v))
SETTER(monitoring, e->monitoring = monitoring_of(v))
SETTER(em, e->em_criteria_met = tri_of(v))
SETTER(rr, e->residential_restrictions = tri_of(v))
SETTER(approval, e->em_approval = em_approval_of(v))

#define KEY(name)                 \
	{                         \
#name, set_##name \
	}
static const struct {
	const char *key;
	set_word *set;
} keys[] = {
	KEY(id), /* `id=` alone: unreadable; likewise source */
	KEY(source), KEY(submitter), KEY(kind), KEY(time), KEY(fault), KEY(eventtype),     /* as it came */
	KEY(prn), KEY(into), KEY(order), KEY(ptp), KEY(type),                              /* orderType */
	KEY(office), KEY(place), KEY(officer), KEY(by), KEY(reason), KEY(note), KEY(role), /* byRole */
	KEY(on),                                                                           /* sentencingOn, releaseOn */
	KEY(effective),                                                                    /* imposedOn, releasedOn */
	KEY(starts), KEY(ends), KEY(cancelled), KEY(received), KEY(ows),                   /* owsReviewedOn */
	KEY(cso9),                                                                         /* cso9CompletedOn */
	KEY(cso), /* childSexOffence: yes, no */
	KEY(onows), KEY(conditions), KEY(suitability), KEY(documents), KEY(step), KEY(stage), KEY(outcome),
	KEY(monitoring), KEY(em), /* emCriteriaMet: yes, no */
	KEY(rr),                  /* residentialRestrictions: yes, no */
	KEY(approval),            /* emApproval */
};

static void set_key(struct words *w, const char *key, const char *value)
{
	for (size_t i = 0; i < ARRAY_LENGTH(keys); i++)
		if (strcmp(keys[i].key, key) == 0) {
			keys[i].set(w, value);
			return;
		}
	fprintf(stderr, "no key: %s\n", key);
	abort();
}

static void take_word(struct words *w, char *word)
{
	char *value = strchr(word, '=');

	if (!value)
		abort();
	/* Who sent them is no part of the bytes. */
	if (strncmp(word, "submitter=", 10) != 0 && strncmp(word, "kind=", 5) != 0)
		hash_word(&w->e->raw_hash, word);
	*value++ = 0;
	if (!envelope_word(word)) {
		hash_word(&w->e->content, word);
		hash_word(&w->e->content, value);
	}
	set_key(w, word, value);
}

/* The moment an event happened is part of its content, said or not. */
static void hash_time(struct event *e)
{
	char text[INSTANT_TEXT];

	instant_format(e->time, text);
	hash_word(&e->content, text);
	hash_word(&e->raw_hash, text);
}

struct event *world_event(struct world *world, const char *words, enum reason *ret_fault)
{
	struct event *e = must(arena_take(world->arena, sizeof(*e)));
	struct words w = { world, e, REASON_NONE };
	char *state, *copy = keep(world, words), *word = strtok_r(copy, " ", &state);

	e->scheduled_on = e->effective_on = e->starts_on = e->ends_on = e->cancelled_on = e->received_on = DATE_NONE;
	e->ows_reviewed_on = e->cso9_completed_on = DATE_NONE;
	e->type = type_of(word);
	e->type_text = event_type_text(e->type);
	set_unnamed(world, e);
	hash_word(&e->content, word);
	hash_word(&e->raw_hash, word);
	for (word = strtok_r(NULL, " ", &state); word; word = strtok_r(NULL, " ", &state))
		take_word(&w, word);
	hash_word(&e->raw_hash, e->id ? e->id : "");
	hash_time(e);
	e->raw = (const uint8_t *)words;
	e->raw_size = strlen(words);
	*ret_fault = w.fault;
	return e;
}

int world_decide(struct world *world, const char *words, struct verdict *ret)
{
	enum reason fault;
	struct event *e = world_event(world, words, &fault);

	begin_batch(world);
	return end_batch(world,
		decide_event(world->policy, &world->facts, e, fault, fault ? "field x: it is wrong" : "", world->now,
			&world->effects, ret),
		ret);
}

/* ---- Timers ---- */

static struct instant alarm_of(const struct world_row *r)
{
	switch (r->kind) {
	case ROW_REQUEST:
		return ((struct request *)r->row)->next_alarm;
	case ROW_PARKED:
		return ((struct parked *)r->row)->gone ? INSTANT_NONE : ((struct parked *)r->row)->next_alarm;
	case ROW_QUARANTINED:
		return ((struct quarantined *)r->row)->next_alarm;
	case ROW_PERSON:
	case ROW_CASE:
	case ROW_CLAIM:
		break;
	}
	return INSTANT_NONE;
}

static struct world_row *first_due(struct world *world)
{
	struct world_row *first = NULL;

	for (struct world_row *r = world->rows; r; r = r->next) {
		if (!instant_reached(alarm_of(r), world->now))
			continue;
		if (!first || alarm_of(r).us <= alarm_of(first).us) /* older rows first */
			first = r;
	}
	return first;
}

static int fire(struct world *world, struct world_row *r)
{
	if (r->kind == ROW_REQUEST)
		return decide_request_alarm(world->policy, &world->facts, r->row, world->now, 1, &world->effects);
	if (r->kind == ROW_PARKED)
		return decide_parked_alarm(world->policy, &world->facts, r->row, world->now, &world->effects);
	return decide_quarantine_alarm(world->policy, &world->facts, r->row, world->now, &world->effects);
}

void world_tick(struct world *world)
{
	struct world_row *r;
	int rounds = 0;

	while ((r = first_due(world))) {
		begin_batch(world);
		if (end_batch(world, fire(world, r), NULL) < 0 || ++rounds > 10000) {
			fprintf(stderr, "a timer does not come to rest\n");
			abort();
		}
	}
}

/* ---- What is shown ---- */

static char task_letter(enum task_state state)
{
	static const char letters[] = "?WOCSX";

	return letters[state];
}

static void show_tasks(struct line *line, const struct request *r)
{
	add(line, " tasks=");
	for (int i = 0; i < r->task_count; i++)
		add(line, "%s%d%c", i ? "," : "", r->tasks[i].step, task_letter(r->tasks[i].state));
}

static void show_request(struct world *world, struct line *line, const struct request *r)
{
	add(line, "%s", r->order_ref);
	add_text(line, "prn", file_prn(r->file));
	add_text(line, "filed", r->filed_prn);
	add_text(line, "state", request_state_text(r->state));
	add_text(line, "type", order_type_text(r->order_type));
	add_text(line, "office", r->office);
	add_text(line, "named", r->named_office);
	add_text(line, "place", r->place);
	add_text(line, "officer", r->officer_id);
	add_text(line, "recommended", r->recommended_officer_id);
	add_moment(world, line, "requested", r->requested_at);
	add_moment(world, line, "due", r->due_at);
	add_moment(world, line, "first", r->first_report_by);
	add_moment(world, line, "alarm", r->next_alarm);
	add_moment(world, line, "applied", r->applied_at);
	add_moment(world, line, "allocated", r->allocated_at);
	add_date(line, "on", r->scheduled_on);
	add_date(line, "effective", r->effective_on);
	add_date(line, "starts", r->starts_on);
	add_date(line, "ends", r->ends_on);
	add_text(line, "conditions", r->conditions);
	for (int doc = 1; doc < DOCUMENT_END; doc++)
		if (r->documents >> doc & 1)
			add_text(line, "has", document_text((enum document)doc));
	add(line, " level=%d", r->level);
	show_tasks(line, r);
}

static void show_task_details(struct world *world, struct line *line, const struct request *r)
{
	char key[8];

	for (int i = 0; i < r->task_count; i++) {
		snprintf(key, sizeof(key), "t%d", r->tasks[i].step);
		add_text(line, key, r->tasks[i].title);
		*key = 'o';
		add_moment(world, line, key, r->tasks[i].opened_at);
		*key = 'd';
		add_moment(world, line, key, r->tasks[i].due_at);
	}
}

static void show_case(struct world *world, struct line *line, const struct ptp_case *c)
{
	add(line, "%s", c->ptp_ref);
	add_text(line, "case", ptp_state_text(c->state));
	add_number(line, "stage", c->stage);
	add_text(line, "order", c->request->order_ref);
	add_text(line, "task", task_state_text(c->task.state));
	add_text(line, "role", role_text(c->task.role));
	add_text(line, "title", c->task.title);
	add_moment(world, line, "due", c->task.due_at);
	add_moment(world, line, "closed", c->task.closed_at);
	add_text(line, "by", c->considered_by);
	add_moment(world, line, "opened", c->opened_at);
	add_moment(world, line, "entered", c->entered_at);
	add_date(line, "starts", c->starts_on);
	add_date(line, "ends", c->ends_on);
	add_text(line, "suitability", c->suitability);
	add_text(line, "monitoring", monitoring_text(c->monitoring));
	add_text(line, "approval", em_approval_text(c->em_approval));
	add(line, " level=%d", c->task.level);
}

static void show_person(struct line *line, const struct person *p, bool stored)
{
	add(line, "%s", p->prn);
	add_text(line, "survivor", file_prn(p->file));
	add_text(line, "merged", p->merged_into);
	add_date(line, "ows", p->ows_reviewed_on);
	add_date(line, "cso9", p->cso9_completed_on);
	add(line, " onows=%d known=%d kept=%d", p->on_ows, p->known, stored || p->change != ROW_CLEAN);
}

static void show_claim(struct world *world, struct line *line, const struct claim *c)
{
	add(line, "%s", c->id);
	add_text(line, "type", event_type_text(c->type));
	add_moment(world, line, "time", c->time);
	add_moment(world, line, "decided", c->decided_at);
	add_text(line, "state", disposition_text(c->disposition));
	add_text(line, "order", c->order_ref);
	add_text(line, "prn", c->prn);
	add_text(line, "submitter", c->submitter);
	add_text(line, "by", c->by);
	add_text(line, "by_role", role_text(c->by_role));
	add_text(line, "prose", c->prose);
	add_text(line, "detail", c->detail);
	add(line, " seq=%lu", (unsigned long)c->seq);
}

static void show_parked(struct world *world, struct line *line, const struct parked *p)
{
	add(line, "%s", p->event->id);
	add_text(line, "waits_for", p->waits_for);
	add_moment(world, line, "counted", p->counted_from);
	add_moment(world, line, "alarm", p->next_alarm);
}

static void show_quarantined(struct world *world, struct line *line, const struct quarantined *q)
{
	add(line, "%s", text_given(q->id) ? q->id : "-");
	add_text(line, "type", q->type_text);
	add_moment(world, line, "time", q->time);
	add_text(line, "state", quarantine_state_text(q->state));
	add_text(line, "reason", reason_text(q->reason));
	add_text(line, "sentence", q->sentence);
	add_text(line, "order", q->order_ref);
	add_text(line, "office", q->office);
	add_text(line, "submitter", q->submitter);
	add_text(line, "closed_by", q->closed_by);
	add_text(line, "closed_reason", q->closed_reason);
	add_moment(world, line, "closed", q->closed_at);
	add_moment(world, line, "alarm", q->next_alarm);
	add(line, " seq=%lu", (unsigned long)q->seq);
}

static void show_row(struct world *world, struct world_row *r, const char *verb, const char *ref)
{
	struct line line = { 0 };

	if (r->kind == ROW_REQUEST && strcmp(verb, "show") == 0 &&
		text_equal(((struct request *)r->row)->order_ref, ref))
		show_request(world, &line, r->row), show_task_details(world, &line, r->row);
	else if (r->kind == ROW_CASE && strcmp(verb, "case") == 0 &&
		 text_equal(((struct ptp_case *)r->row)->ptp_ref, ref))
		show_case(world, &line, r->row);
	else if (r->kind == ROW_PERSON && strcmp(verb, "person") == 0 &&
		 text_equal(((struct person *)r->row)->prn, ref))
		show_person(&line, r->row, r->stored);
	else if (r->kind == ROW_CLAIM && strcmp(verb, "claim") == 0 && text_equal(((struct claim *)r->row)->id, ref))
		show_claim(world, &line, r->row);
	else if (r->kind == ROW_PARKED && strcmp(verb, "parked") == 0 && waits_for(r->row, ref))
		show_parked(world, &line, r->row);
	else if (r->kind == ROW_QUARANTINED && strcmp(verb, "quarantine") == 0 &&
		 text_equal(((struct quarantined *)r->row)->id, ref))
		show_quarantined(world, &line, r->row);
	if (line.n)
		add_line(world, line.text);
}

static void show(struct world *world, struct world_row *r, const char *verb, const char *ref)
{
	if (!r)
		return;
	show(world, r->next, verb, ref); /* oldest first */
	show_row(world, r, verb, ref);
}

/* ---- Comparing ---- */

static bool word_matches(const char *wanted, size_t n, const char *word, size_t m, bool first)
{
	if (wanted[n - 1] == '*')
		return m >= n - 1 && memcmp(word, wanted, n - 1) == 0;
	if (first && m > n && word[n] == '/')
		m = n;
	return n == m && memcmp(word, wanted, n) == 0;
}

static bool line_has(const char *line, const char *wanted, size_t n, bool first)
{
	for (const char *word = line; *word; word += strspn(word, " ")) {
		size_t m = strcspn(word, " ");

		if (word_matches(wanted, n, word, m, first))
			return true;
		if (first)
			return false;
		word += m;
	}
	return false;
}

/* Whether the line holds every word of `wanted`, n bytes; records name themselves in their first word. */
static bool line_matches(const char *line, const char *wanted, size_t n, bool records)
{
	bool first = records;

	for (const char *word = wanted; word < wanted + n;) {
		size_t m = strcspn(word, " ;\n");

		if (m && (*word == '!' ? line_has(line, word + 1, m - 1, false) : !line_has(line, word, m, first)))
			return false;
		first = first && !m;
		word += m ? m : 1;
	}
	return true;
}

static bool all_match(char *const *lines, size_t n, const char *expected, bool records)
{
	size_t i = 0;

	for (const char *wanted = expected; *wanted; wanted += *wanted == ';') {
		size_t m = strcspn(wanted, ";");

		if (strspn(wanted, " \n") < m) {
			if (i >= n || !line_matches(lines[i], wanted, m, records))
				return false;
			i++;
		}
		wanted += m;
	}
	return i == n;
}

static const char *both(struct world *world, char *const *lines, size_t n, const char *expected)
{
	char *text;
	size_t size;
	FILE *out = must(open_memstream(&text, &size));
	const char *kept;

	fprintf(out, "  expected: %s\n  came:\n", expected);
	for (size_t i = 0; i < n; i++)
		fprintf(out, "    %s\n", lines[i]);
	fclose(out);
	kept = keep(world, text);
	free(text);
	return kept;
}

static const char *compare(struct world *world, char *const *lines, size_t n, const char *expected, bool records)
{
	if (!expected || all_match(lines, n, expected, records))
		return NULL;
	return both(world, lines, n, expected);
}

const char *world_compare(struct world *world, char *const *lines, size_t n, const char *expected)
{
	return compare(world, lines, n, expected, true);
}

/* ---- Playing ---- */

static struct world_row *quarantined_row(struct world *world, const char *id)
{
	for (struct world_row *r = world->rows; r; r = r->next)
		if (r->kind == ROW_QUARANTINED && text_equal(((struct quarantined *)r->row)->id, id))
			return r;
	fprintf(stderr, "no quarantine: %s\n", id);
	abort();
}

static int retry(struct world *world, char *words, struct verdict *verdict)
{
	char *rest = strchr(words, ' ');
	struct world_row *r;
	const struct event *e;
	enum reason fault = REASON_NONE;

	if (rest)
		*rest++ = 0;
	r = quarantined_row(world, words);
	e = rest ? world_event(world, rest, &fault) : r->event;
	begin_batch(world);
	return end_batch(world,
		decide_retry(world->policy, &world->facts, r->row, e, fault, fault ? "still wrong" : "", world->now,
			&world->effects, verdict),
		verdict);
}

/* Its bytes were not kept. */
static void lose(struct world *world, const char *id)
{
	((struct quarantined *)quarantined_row(world, id)->row)->without_bytes = true;
}

static int discard(struct world *world, const char *id, struct verdict *verdict)
{
	struct world_row *r = quarantined_row(world, id);

	(void)verdict;
	begin_batch(world);
	return end_batch(
		world, decide_discard(world->policy, &world->facts, r->row, "clerk", "typo", world->now), NULL);
}

/* Does what the row says; *ret_shown: the lines are rows shown, not records. */
static int act(struct world *world, const char *what, struct verdict *verdict, bool *ret_shown)
{
	static const char *const shows[] = { "show", "case", "person", "claim", "parked", "quarantine" };
	char *copy = keep(world, what), *rest = strchr(copy, ' ');

	*ret_shown = false;
	if (strcmp(what, "tick") == 0)
		return world_tick(world), 0;
	if (!rest)
		return world_decide(world, what, verdict);
	*rest++ = 0;
	for (size_t i = 0; i < ARRAY_LENGTH(shows); i++)
		if (strcmp(copy, shows[i]) == 0) {
			*ret_shown = true;
			return show(world, world->rows, copy, rest), 0;
		}
	if (strcmp(copy, "retry") == 0)
		return retry(world, rest, verdict);
	if (strcmp(copy, "lose") == 0)
		return lose(world, rest), 0;
	if (strcmp(copy, "discard") == 0)
		return discard(world, rest, verdict);
	return world_decide(world, what, verdict);
}

static const char *verdict_text(const struct verdict *verdict, int error, char *text, size_t size)
{
	if (error)
		snprintf(text, size, "%d", error);
	else
		snprintf(text, size, "%s%s%s", disposition_text(verdict->disposition), verdict->reason ? " " : "",
			reason_text(verdict->reason));
	return text;
}

static int play_row(struct world *world, const struct play_row *row, size_t i)
{
	struct verdict verdict = { 0 };
	char said[64];
	const char *wrong;
	bool shown, verdict_wrong;
	int error;

	if (row->at)
		world->now = world_moment(world, row->at);
	world_clear(world);
	error = act(world, row->what, &verdict, &shown);
	verdict_wrong = row->verdict && strcmp(verdict_text(&verdict, error, said, sizeof(said)), row->verdict) != 0;
	wrong = compare(world, world->lines, world->line_count, row->records, !shown);
	if (!verdict_wrong && !wrong)
		return 0;
	fprintf(stderr, "row %zu, %s: %s\n", i + 1, row->rule, row->what);
	if (verdict_wrong)
		fprintf(stderr, "  verdict: %s, not %s; %s\n", said, row->verdict, verdict.sentence);
	if (wrong)
		fputs(wrong, stderr);
	return 1;
}

int world_play(struct world *world, const struct play_row *rows, size_t n)
{
	int failed = 0;

	for (size_t i = 0; i < n; i++)
		failed += play_row(world, &rows[i], i);
	return failed;
}

int world_play_new(const struct policy *policy, const struct play_row *rows, size_t n)
{
	CLEANUP(world_freep) struct world *world = world_new(policy);

	return world_play(world, rows, n);
}
