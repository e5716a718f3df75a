/* Letters, and what goes wrong with them: now and then one is sent twice, cut short, or wrong in one field and then sent again as it should be. */
#include "ctl/generate_world.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* Per thousand letters. */
#define WRONG_FIRST 5 /* a wrong one under the same id, then the good one */
#define WRONG_AFTER 7 /* a wrong one under its own id */
#define CUT_SHORT   1
#define SENT_TWICE  10

static const char *const sources[SOURCE_KIND_END] = {
	[SOURCE_COURT] = "urn:nz:justice:cms",
	[SOURCE_PRISON] = "urn:nz:corrections:ioms",
	[SOURCE_TOOLS] = "urn:nz:corrections:cpps",
};

static void new_id(struct world *world, char id[static 40])
{
	uint64_t high = dice_next(&world->dice), low = dice_next(&world->dice);

	(void)snprintf(id, 40, "%08x-%04x-4%03x-%04x-%012llx", (unsigned)(high >> 32), (unsigned)(high >> 16 & 0xffff),
		(unsigned)(high & 0xfff), (unsigned)(low >> 48 & 0x3fff) | 0x8000,
		(unsigned long long)(low & UINT64_C(0xffffffffffff)));
}

void letter_begin(
	struct world *world, struct letter *letter, enum event_type type, enum source_kind source, moment time)
{
	*letter = (struct letter){ .type = type, .source = source, .time = world_instant(world, time) };
	new_id(world, letter->id);
}

static void add(struct letter *letter, const char *name, bool bare, const char *format, va_list arguments)
{
	struct letter_field *field = &letter->fields[letter->n++];

	field->name = name;
	field->bare = bare;
	(void)vsnprintf(field->value, sizeof(field->value), format, arguments);
}

void letter_text(struct letter *letter, const char *name, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	add(letter, name, false, format, arguments);
	va_end(arguments);
}

void letter_bare(struct letter *letter, const char *name, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	add(letter, name, true, format, arguments);
	va_end(arguments);
}

void letter_date(struct letter *letter, const char *name, struct date date)
{
	char text[DATE_TEXT];

	if (date_given(date))
		letter_text(letter, name, "%s", date_format(date, text));
}

/* ---- Writing ---- */
static void put(struct world *world, const char *line, size_t n)
{
	if (!world->left || world->result)
		return;
	world->left--;
	world->result = world->line(world->context, line, n);
}

static size_t write_letter(const struct letter *letter, char *line)
{
	char time[INSTANT_TEXT];
	size_t n = (size_t)snprintf(line, GENERATED_LINE_MAX,
		"{\"specversion\":\"1.0\",\"id\":\"%s\",\"source\":\"%s\",\"type\":\"%s\",\"time\":\"%s\","
		"\"datacontenttype\":\"application/json\",\"data\":{",
		letter->id, sources[letter->source], event_type_text(letter->type), instant_format(letter->time, time));

	for (size_t i = 0; i < letter->n; i++) {
		const struct letter_field *field = &letter->fields[i];
		const char *quote = field->bare ? "" : "\"";

		n += (size_t)snprintf(line + n, GENERATED_LINE_MAX - n, "%s\"%s\":%s%s%s", i ? "," : "", field->name,
			quote, field->value, quote);
	}
	return n + (size_t)snprintf(line + n, GENERATED_LINE_MAX - n, "}}");
}

/* ---- What goes wrong ---- */
struct mistake {
	const char *field;
	const char *value; /* NULL: it is left out */
};

static const struct mistake mistakes[] = {
	{ "office", "TIMARU" },
	{ "toOffice", "WHANGAREI" },
	{ "receivedAt", "HASTINGS" },
	{ "orderType", "COMMUNITY_SERVICE" },
	{ "document", "MEDICAL_REPORT" },
	{ "endsOn", "2019-06-30" },
	{ "imposedOn", "2026-02-30" },
	{ "byRole", "ADMINISTRATION_OFFICER" },
	{ "byRole", "MINISTER" },
	{ "outcome", "FINISHED" },
	{ "prn", NULL },
	{ "orderRef", NULL },
	{ "ptpRef", NULL },
};

static struct letter_field *find_field(struct letter *letter, const char *name)
{
	for (size_t i = 0; i < letter->n; i++)
		if (strcmp(letter->fields[i].name, name) == 0)
			return &letter->fields[i];
	return NULL;
}

/* A mistake that spoils this letter. An administration officer's own tasks are no mistake. */
static bool applies(struct letter *letter, const struct mistake *mistake)
{
	const struct letter_field *field = find_field(letter, mistake->field);

	if (!field)
		return false;
	return strcmp(mistake->field, "byRole") != 0 || strcmp(mistake->value, "ADMINISTRATION_OFFICER") != 0 ||
	       letter->type == EVENT_ALLOCATION_RECORDED || letter->type == EVENT_PTP_STAGE_RECORDED;
}

static void spoil(struct world *world, struct letter *letter)
{
	size_t fitting[ARRAY_LENGTH(mistakes)], n = 0;
	const struct mistake *mistake;
	struct letter_field *field;

	for (size_t i = 0; i < ARRAY_LENGTH(mistakes); i++)
		if (applies(letter, &mistakes[i]))
			fitting[n++] = i;
	mistake = &mistakes[fitting[dice_below(&world->dice, (uint32_t)n)]]; /* each letter has a prn or a ref */
	field = find_field(letter, mistake->field);
	if (mistake->value)
		(void)snprintf(field->value, sizeof(field->value), "%s", mistake->value);
	else
		memmove(field, field + 1, (size_t)(&letter->fields[--letter->n] - field) * sizeof(*field));
}

static void put_wrong(struct world *world, const struct letter *letter, bool own_id)
{
	struct letter wrong = *letter;
	char line[GENERATED_LINE_MAX];

	if (own_id)
		new_id(world, wrong.id);
	spoil(world, &wrong);
	put(world, line, write_letter(&wrong, line));
}

static void remember(struct world *world, const char *line, size_t n)
{
	char **place = &world->recent[world->recent_next++ % RECENT];

	free(*place);
	*place = strndup(line, n);
	if (!*place)
		world->result = -ENOMEM;
}

static void put_again(struct world *world)
{
	const char *line = world->recent[dice_below(&world->dice, RECENT)];

	if (line)
		put(world, line, strlen(line));
}

void letter_send(struct world *world, const struct letter *letter)
{
	char line[GENERATED_LINE_MAX];
	size_t n = write_letter(letter, line);
	uint32_t luck = dice_below(&world->dice, 1000);

	if (luck < WRONG_FIRST)
		put_wrong(world, letter, false);
	else if (luck < WRONG_FIRST + CUT_SHORT)
		put(world, line, n - (size_t)dice_between(&world->dice, 2, 60));
	put(world, line, n);
	remember(world, line, n);
	if (luck >= 1000 - WRONG_AFTER)
		put_wrong(world, letter, true);
	else if (luck >= 1000 - WRONG_AFTER - SENT_TWICE)
		put_again(world);
}
