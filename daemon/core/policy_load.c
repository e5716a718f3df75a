/* Why columns and not a parser a table: a table's rows differ only in what their cells hold and where it goes. Each table is a list of
 * columns (name, reader, place in the row, limits), from which come its header, its reading and its error sentences; every reader
 * says what it allows, and policy_add() puts table, row and column before it. */
#include "core/policy_parts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

struct words {
	int end; /* values are 1 .. end - 1 */
	const char *(*text)(int value);
};

struct column {
	const char *name;
	int (*read)(const struct column *column, const char *cell, void *to, struct fault *why);
	size_t offset, size; /* of the field in the row */
	int32_t least, most; /* of a number */
	const struct words *words;
	bool optional; /* an empty cell leaves the field 0 */
};

struct policy_rows {
	int (*take)(struct policy *policy, const struct policy_rows *rows, const char *const *cells,
		const struct column **ret_column, struct fault *why);
	int (*filled)(const struct policy *policy, const struct policy_rows *rows,
		struct fault *why); /* after the last row */
	const struct column *columns;
	size_t offset, row_size; /* of the rows in struct policy */
	size_t max;              /* rows of a list */
	size_t count;            /* offset in struct policy: the list's uint16_t count, or the bits of the keys seen */
};

/* ---- The policy's own words ---- */

#define NAMES(type, end, ...)                                              \
	static const char *type##_name(int value)                          \
	{                                                                  \
		static const char *const names[end] = { "", __VA_ARGS__ }; \
                                                                           \
		return names[value];                                       \
	}                                                                  \
	static const struct words type##_words = { end, type##_name };

#define VOCABULARY(type, end)                         \
	static const char *type##_name(int value)     \
	{                                             \
		return type##_text((enum type)value); \
	}                                             \
	static const struct words type##_words = { end, type##_name };

NAMES(unit, UNIT_END, "HOURS", "WORKING_HOURS", "DAYS", "WORKING_DAYS", "EFFECT_DATE")
NAMES(scope, SCOPE_END, "ALLOCATION", "PTP")
NAMES(completion, BY_END, "BRIDGE", "DOCUMENTS", "RECORD", "OWS_REVIEW", "CSO9", "OFFICER")
NAMES(predicate, WHEN_END, "ALWAYS", "COURT_ORDER", "PRISON_ORDER", "PAROLE", "OFFENDER_KNOWN", "OWS_REVIEWED",
	"ES_ORDER", "CHILD_SEX_OFFENCE", "NO_CHILD_SEX_OFFENCE", "CHILD_SEX_OFFENCE_UNKNOWN")
VOCABULARY(order_type, ORDER_TYPE_END)
VOCABULARY(document, DOCUMENT_END)
VOCABULARY(role, ROLE_END)
VOCABULARY(source_kind, SOURCE_KIND_END)
VOCABULARY(ptp_outcome, PTP_OUTCOME_END)
VOCABULARY(ptp_state, PTP_STATE_END)

static int word_of(const struct words *words, const char *name)
{
	for (int i = 1; i < words->end; i++)
		if (strcmp(words->text(i), name) == 0)
			return i;
	return 0;
}

/* ---- Readers of one cell ---- */

/* A cell as a sentence may quote it: cut, never inside a character. */
struct quote {
	char text[65];
};

static const char *quote(const char *cell, struct quote *q)
{
	(void)TEXT_SET(q->text, cell);
	text_trim_utf8(q->text);
	return q->text;
}

static int refuse(struct fault *why, const char *cell, const char *allowed)
{
	struct quote q;

	return fault_set(why, -EINVAL, "\"%s\" is not %s", quote(cell, &q), allowed);
}

static int refuse_word(struct fault *why, const char *cell, const struct words *words)
{
	char list[FAULT_MAX] = "";

	for (int i = 1; i < words->end; i++) {
		size_t n = strlen(list);

		(void)snprintf(list + n, sizeof(list) - n, "%s%s", i > 1 ? ", " : "one of ", words->text(i));
	}
	return refuse(why, cell, list);
}

static void store(const struct column *column, int32_t value, void *to)
{
	uint8_t small = (uint8_t)value;

	memcpy(to, column->size == sizeof(small) ? (const void *)&small : (const void *)&value, column->size);
}

static int read_note(const struct column *column, const char *cell, void *to, struct fault *why)
{
	(void)column;
	(void)cell;
	(void)to;
	(void)why;
	return 0;
}

static int read_text(const struct column *column, const char *cell, void *to, struct fault *why)
{
	struct quote q;

	if (!text_copy(to, column->size, cell))
		return fault_set(why, -EINVAL, "\"%s...\" is longer than the %zu bytes allowed", quote(cell, &q),
			column->size - 1);
	return 0;
}

static int read_code(const struct column *column, const char *cell, void *to, struct fault *why)
{
	if (cell[strspn(cell, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")])
		return refuse(why, cell, "a code of the letters A-Z, digits and _");
	return read_text(column, cell, to, why);
}

/* Up to nine digits and nothing else; -1 if it is anything else. */
static int32_t number_of(const char *cell)
{
	size_t n = strlen(cell);
	int32_t value = 0;

	if (n > 9 || strspn(cell, "0123456789") != n)
		return -1;
	for (size_t i = 0; i < n; i++)
		value = value * 10 + (cell[i] - '0');
	return value;
}

static int read_number(const struct column *column, const char *cell, void *to, struct fault *why)
{
	int32_t value = number_of(cell);
	struct quote q;

	if (value < column->least || value > column->most)
		return fault_set(why, -EINVAL, "\"%s\" is not a whole number from %d to %d", quote(cell, &q),
			(int)column->least, (int)column->most);
	store(column, value, to);
	return 0;
}

static int read_word(const struct column *column, const char *cell, void *to, struct fault *why)
{
	int value = word_of(column->words, cell);

	if (!value)
		return refuse_word(why, cell, column->words);
	store(column, value, to);
	return 0;
}

/* Words in the order given, a space between two; `to` is an array that a 0 ends. */
static int read_list(const struct column *column, const char *cell, void *to, struct fault *why)
{
	int32_t *values = to;
	size_t n = 0, most = column->size / sizeof(*values) - 1;
	struct quote q;

	for (const char *at = cell; *at; n++) {
		char word[CODE_MAX + 1];
		size_t length = strcspn(at, " ");

		if (n == most)
			return fault_set(
				why, -EINVAL, "\"%s\" has more than the %zu words allowed", quote(cell, &q), most);
		(void)snprintf(word, sizeof(word), "%.*s", (int)length, at);
		values[n] = word_of(column->words, word);
		if (!values[n])
			return refuse_word(why, word, column->words);
		at += length;
		at += *at == ' ';
	}
	return 0;
}

/* The same words as bits, 1 << value. */
static int read_set(const struct column *column, const char *cell, void *to, struct fault *why)
{
	int32_t values[16] = { 0 };
	struct column list = *column;
	uint32_t bits = 0;
	int r;

	list.size = sizeof(values);
	r = read_list(&list, cell, values, why);
	for (size_t i = 0; values[i]; i++)
		bits |= 1U << values[i];
	memcpy(to, &bits, sizeof(bits));
	return r;
}

static int read_yes(const struct column *column, const char *cell, void *to, struct fault *why)
{
	bool yes = text_equal(cell, "yes");

	(void)column;
	if (!yes && !text_equal(cell, "no"))
		return refuse(why, cell, "yes or no");
	memcpy(to, &yes, sizeof(yes));
	return 0;
}

static int read_date(const struct column *column, const char *cell, void *to, struct fault *why)
{
	(void)column;
	if (date_parse(cell, to) < 0)
		return refuse(why, cell, "a date that exists, as YYYY-MM-DD");
	return 0;
}

static int read_instant(const struct column *column, const char *cell, void *to, struct fault *why)
{
	(void)column;
	if (instant_parse(cell, to) < 0)
		return refuse(why, cell, "a time as YYYY-MM-DDTHH:MM:SSZ");
	return 0;
}

/* Minutes of "HH:MM"; -1 if it is anything else. */
static int32_t minutes_of(const char *cell)
{
	if (strlen(cell) != 5 || cell[2] != ':' || strspn(cell, "0123456789") != 2 ||
		strspn(cell + 3, "0123456789") != 2)
		return -1;
	if (cell[3] > '5')
		return -1;
	return ((cell[0] - '0') * 10 + cell[1] - '0') * 60 + (cell[3] - '0') * 10 + cell[4] - '0';
}

static int read_time(const struct column *column, const char *cell, void *to, struct fault *why)
{
	int32_t minutes = minutes_of(cell);

	if (minutes < 0 || minutes > 24 * 60)
		return refuse(why, cell, "a time of day as HH:MM, up to 24:00");
	store(column, minutes * 60, to);
	return 0;
}

static int read_offset(const struct column *column, const char *cell, void *to, struct fault *why)
{
	int32_t minutes = minutes_of(cell + 1);

	if (!strchr("+-", cell[0]) || minutes < 0 || minutes > 18 * 60)
		return refuse(why, cell, "an offset from UTC as +HH:MM or -HH:MM, up to 18:00");
	store(column, (cell[0] == '-' ? -60 : 60) * minutes, to);
	return 0;
}

/* ---- The ways to take a row ---- */

static int read_cell(const struct column *column, const char *cell, void *row, struct fault *why)
{
	if (*cell)
		return column->read(column, cell, (char *)row + column->offset, why);
	return column->optional ? 0 : fault_set(why, -EINVAL, "must not be empty");
}

static int read_cells(const struct column *columns, const char *const *cells, void *row,
	const struct column **ret_column, struct fault *why)
{
	for (size_t i = 0; columns[i].name; i++) {
		*ret_column = &columns[i];
		if (read_cell(&columns[i], cells[i], row, why) < 0)
			return -EINVAL;
	}
	return 0;
}

/* Adds the row to a list. */
static int take_listed(struct policy *policy, const struct policy_rows *rows, const char *const *cells,
	const struct column **ret_column, struct fault *why)
{
	uint16_t *count = (uint16_t *)(void *)((char *)policy + rows->count);

	*ret_column = &rows->columns[0];
	if (*count == rows->max)
		return fault_set(why, -EINVAL, "the table has more than the %zu rows allowed", rows->max);
	if (read_cells(rows->columns, cells, (char *)policy + rows->offset + *count * rows->row_size, ret_column, why) <
		0)
		return -EINVAL;
	(*count)++;
	return 0;
}

/* Reads the key in the first cell, which no earlier row may have had. */
static int take_key(
	struct policy *policy, const struct policy_rows *rows, const char *cell, int32_t *ret_key, struct fault *why)
{
	uint32_t *seen = (uint32_t *)(void *)((char *)policy + rows->count);
	struct quote q;

	if (read_cell(&rows->columns[0], cell, ret_key, why) < 0)
		return -EINVAL;
	if (*seen & 1U << *ret_key)
		return fault_set(why, -EINVAL, "\"%s\" has a row already", quote(cell, &q));
	*seen |= 1U << *ret_key;
	return 0;
}

/* The first cell says which row of an array it is. */
static int take_keyed(struct policy *policy, const struct policy_rows *rows, const char *const *cells,
	const struct column **ret_column, struct fault *why)
{
	int32_t key = 0;

	*ret_column = &rows->columns[0];
	if (take_key(policy, rows, cells[0], &key, why) < 0)
		return -EINVAL;
	return read_cells(rows->columns + 1, cells + 1, (char *)policy + rows->offset + (size_t)key * rows->row_size,
		ret_column, why);
}

#define PLACE(at, bytes)   .offset = (at), .size = (bytes)
#define FIELD(row, member) PLACE(offsetof(row, member), sizeof(((row *)0)->member))
#define NUMBER(low, high)  .least = (low), .most = (high)
#define SETTING(name, read, ...)                                     \
	{                                                            \
#name, read, FIELD(struct policy, name), __VA_ARGS__ \
	}

static const struct column settings[] = {
	SETTING(close_of_business, read_time, NUMBER(0, 0)),
	SETTING(open_of_business, read_time, NUMBER(0, 0)),
	SETTING(ows_review_days, read_number, NUMBER(1, 10000)),
	SETTING(parked_days, read_number, NUMBER(1, 10000)),
	SETTING(parked_long_hours, read_number, NUMBER(1, 10000)),
	SETTING(claim_days, read_number, NUMBER(1, 10000)),
	SETTING(log_days, read_number, NUMBER(1, 10000)),
	SETTING(log_cap_days, read_number, NUMBER(1, 10000)),
	SETTING(quarantine_overdue_hours, read_number, NUMBER(1, 10000)),
};

static const char *setting_name(int value)
{
	return settings[value - 1].name;
}

static const struct words setting_words = { ARRAY_LENGTH(settings) + 1, setting_name };

/* The first cell says which setting it is, and so what the second holds. */
static int take_setting(struct policy *policy, const struct policy_rows *rows, const char *const *cells,
	const struct column **ret_column, struct fault *why)
{
	int32_t key = 0;

	*ret_column = &rows->columns[0];
	if (take_key(policy, rows, cells[0], &key, why) < 0)
		return -EINVAL;
	*ret_column = &rows->columns[1];
	return read_cell(&settings[key - 1], cells[1], policy, why);
}

/* One document that an order type needs. */
static int take_document(struct policy *policy, const struct policy_rows *rows, const char *const *cells,
	const struct column **ret_column, struct fault *why)
{
	int32_t pair[2] = { 0 };
	uint8_t *documents;
	struct quote q;

	if (read_cells(rows->columns, cells, pair, ret_column, why) < 0)
		return -EINVAL;
	*ret_column = &rows->columns[1];
	documents = &policy->order_types[pair[0]].documents;
	if (*documents & 1U << pair[1])
		return fault_set(why, -EINVAL, "\"%s\" is listed for %s already", quote(cells[1], &q), cells[0]);
	*documents |= (uint8_t)(1U << pair[1]);
	return 0;
}

/* ---- Whether a table has the rows it must have ---- */

static int filled_keys(const struct policy *policy, const struct policy_rows *rows, struct fault *why)
{
	const uint32_t *seen = (const uint32_t *)(const void *)((const char *)policy + rows->count);
	const struct words *words = rows->columns[0].words;

	for (int key = 1; key < words->end; key++)
		if (!(*seen & 1U << key))
			return fault_set(why, -EINVAL, "column %s: there is no row for %s", rows->columns[0].name,
				words->text(key));
	return 0;
}

static int filled_list(const struct policy *policy, const struct policy_rows *rows, struct fault *why)
{
	const uint16_t *count = (const uint16_t *)(const void *)((const char *)policy + rows->count);

	return *count ? 0 : fault_set(why, -EINVAL, "it must have at least one row");
}

static int may_be_empty(const struct policy *policy, const struct policy_rows *rows, struct fault *why)
{
	(void)policy;
	(void)rows;
	(void)why;
	return 0;
}

static int filled_documents(const struct policy *policy, const struct policy_rows *rows, struct fault *why)
{
	(void)rows;
	for (int type = 1; type < ORDER_TYPE_END; type++)
		if (!policy->order_types[type].documents)
			return fault_set(
				why, -EINVAL, "column order_type: there is no row for %s", order_type_name(type));
	return 0;
}

/* ---- The tables: X(column, reader, field of the row, the rest of struct column) ---- */

#define WORDS(type) .words = &type##_words
#define OPTIONAL    .optional = true
#define FOR_PEOPLE  PLACE(0, 0)
#define NOTE(X)     X("note", read_note, FOR_PEOPLE, OPTIONAL)
#define AMOUNT      NUMBER(0, 10000)
#define STAGE       NUMBER(1, 99)
#define VERSION     NUMBER(1, 9999)

#define KEY(X, name, type) X(name, read_word, PLACE(0, sizeof(int32_t)), WORDS(type))

#define SETTING_COLUMNS(X) KEY(X, "name", setting) X("value", read_note, FOR_PEOPLE) NOTE(X)

#define ROLE_COLUMNS(X) KEY(X, "role", role) X("title", read_text, PLACE(0, CODE_MAX + 1)) NOTE(X)

#define OFFICE_COLUMNS(X)                                           \
	X("office", read_code, FIELD(struct policy_office, office)) \
	X("name", read_text, FIELD(struct policy_office, name))     \
	X("area", read_text, FIELD(struct policy_office, area))     \
	X("region", read_text, FIELD(struct policy_office, region)) \
	NOTE(X)

#define HOLIDAY_COLUMNS(X)                                 \
	X("day", read_date, PLACE(0, sizeof(struct date))) \
	X("name", read_note, FOR_PEOPLE)                   \
	NOTE(X)

#define ZONE_COLUMNS(X)                                                   \
	X("changes_at", read_instant, FIELD(struct zone_change, from))    \
	X("utc_offset", read_offset, FIELD(struct zone_change, offset_s)) \
	NOTE(X)

#define ORDER_TYPE_COLUMNS(X)                                                                                       \
	KEY(X, "order_type", order_type)                                                                            \
	X("sent_by", read_word, FIELD(struct policy_order_type, sent_by), WORDS(source_kind))                       \
	X("title", read_text, FIELD(struct policy_order_type, title))                                               \
	X("preallocate", read_yes, FIELD(struct policy_order_type, preallocate))                                    \
	X("first_report_hours", read_number, FIELD(struct policy_order_type, first_report_hours), NUMBER(1, 10000)) \
	NOTE(X)

#define DOCUMENT_COLUMNS(X)                                                                \
	KEY(X, "order_type", order_type)                                                   \
	X("document", read_word, PLACE(sizeof(int32_t), sizeof(int32_t)), WORDS(document)) \
	NOTE(X)

#define DUE_COLUMNS(X)                                                                                          \
	X("order_type", read_word, FIELD(struct policy_due, order_type), WORDS(order_type))                     \
	X("starts_within_months", read_number, FIELD(struct policy_due, starts_within_months), NUMBER(1, 1200), \
		OPTIONAL)                                                                                       \
	X("amount", read_number, FIELD(struct policy_due, within.amount), AMOUNT, OPTIONAL)                     \
	X("unit", read_word, FIELD(struct policy_due, within.unit), WORDS(unit))                                \
	X("source", read_text, FIELD(struct policy_due, source))

#define STEP_COLUMNS(X)                                                                                \
	X("step", read_number, FIELD(struct policy_step, step), NUMBER(1, 99))                         \
	X("role", read_word, FIELD(struct policy_step, role), WORDS(role), OPTIONAL)                   \
	X("opens_after", read_number, FIELD(struct policy_step, opens_after), NUMBER(1, 99), OPTIONAL) \
	X("completed_by", read_word, FIELD(struct policy_step, completed_by), WORDS(completion))       \
	X("skip_when", read_word, FIELD(struct policy_step, skip_when), WORDS(predicate), OPTIONAL)    \
	NOTE(X)

#define STEP_TITLE_COLUMNS(X)                                                            \
	X("step", read_number, FIELD(struct policy_title, step), NUMBER(1, 99))          \
	X("applies_when", read_word, FIELD(struct policy_title, when), WORDS(predicate)) \
	X("title", read_text, FIELD(struct policy_title, title))                         \
	NOTE(X)

#define SUBSTITUTE_COLUMNS(X)                                                       \
	X("scope", read_word, FIELD(struct policy_substitute, scope), WORDS(scope)) \
	X("actor", read_word, FIELD(struct policy_substitute, actor), WORDS(role))  \
	X("role", read_word, FIELD(struct policy_substitute, role), WORDS(role))    \
	NOTE(X)

#define ESCALATION_COLUMNS(X)                                                           \
	X("level", read_number, FIELD(struct policy_escalation, level), NUMBER(1, 8))   \
	X("amount", read_number, FIELD(struct policy_escalation, after.amount), AMOUNT) \
	X("unit", read_word, FIELD(struct policy_escalation, after.unit), WORDS(unit))  \
	X("role", read_word, FIELD(struct policy_escalation, role), WORDS(role))        \
	NOTE(X)

#define PTP_VERSION_COLUMNS(X)                                                                                     \
	X("version", read_number, FIELD(struct policy_ptp, version), VERSION)                                      \
	X("in_force_from", read_date, FIELD(struct policy_ptp, in_force_from))                                     \
	X("legal_basis", read_text, FIELD(struct policy_ptp, legal_basis))                                         \
	X("months_limit", read_number, FIELD(struct policy_ptp, months_limit), NUMBER(1, 1200))                    \
	X("suitability_minimum", read_number, FIELD(struct policy_ptp, suitability_minimum), NUMBER(0, CODES_MAX)) \
	X("first_stage", read_number, FIELD(struct policy_ptp, first_stage), STAGE)                                \
	X("open_until_stage", read_number, FIELD(struct policy_ptp, open_until_stage), STAGE)                      \
	X("expiring_days", read_number, FIELD(struct policy_ptp, expiring_days), NUMBER(1, 1000))                  \
	X("due_amount", read_number, FIELD(struct policy_ptp, due.amount), AMOUNT)                                 \
	X("due_unit", read_word, FIELD(struct policy_ptp, due.unit), WORDS(unit))                                  \
	X("convey_via", read_list, FIELD(struct policy_ptp, convey_via), WORDS(role))                              \
	NOTE(X)

#define PTP_STAGE_COLUMNS(X)                                                        \
	X("version", read_number, FIELD(struct policy_ptp_stage, version), VERSION) \
	X("stage", read_number, FIELD(struct policy_ptp_stage, stage), STAGE)       \
	X("title", read_text, FIELD(struct policy_ptp_stage, title))                \
	NOTE(X)

#define PTP_ACTOR_COLUMNS(X)                                                                       \
	X("version", read_number, FIELD(struct policy_ptp_actor, version), VERSION)                \
	X("stage", read_number, FIELD(struct policy_ptp_actor, stage), STAGE)                      \
	X("after", read_word, FIELD(struct policy_ptp_actor, after), WORDS(ptp_outcome), OPTIONAL) \
	X("role", read_word, FIELD(struct policy_ptp_actor, role), WORDS(role))                    \
	X("title", read_text, FIELD(struct policy_ptp_actor, title))                               \
	NOTE(X)

#define PTP_MOVE_COLUMNS(X)                                                                         \
	X("version", read_number, FIELD(struct policy_ptp_move, version), VERSION)                  \
	X("stage", read_number, FIELD(struct policy_ptp_move, stage), STAGE, OPTIONAL)              \
	X("role", read_word, FIELD(struct policy_ptp_move, role), WORDS(role))                      \
	X("outcome", read_word, FIELD(struct policy_ptp_move, outcome), WORDS(ptp_outcome))         \
	X("needs", read_word, FIELD(struct policy_ptp_move, needs), WORDS(ptp_outcome), OPTIONAL)   \
	X("clears", read_word, FIELD(struct policy_ptp_move, clears), WORDS(ptp_outcome), OPTIONAL) \
	X("next", read_number, FIELD(struct policy_ptp_move, next), STAGE, OPTIONAL)                \
	X("closes", read_word, FIELD(struct policy_ptp_move, closes), WORDS(ptp_state), OPTIONAL)   \
	X("decides", read_yes, FIELD(struct policy_ptp_move, decides))                              \
	X("informs", read_set, FIELD(struct policy_ptp_move, informs), WORDS(role), OPTIONAL)       \
	X("phrase", read_text, FIELD(struct policy_ptp_move, phrase))                               \
	NOTE(X)

#define PTP_SUITABILITY_COLUMNS(X)                                                    \
	X("version", read_number, FIELD(struct policy_suitability, version), VERSION) \
	X("code", read_code, FIELD(struct policy_suitability, code))                  \
	X("description", read_text, FIELD(struct policy_suitability, description))    \
	NOTE(X)

/* clang-format off */
#define COLUMN(...)       { __VA_ARGS__ },
#define NAME(column, ...) column,
#define COLUMNS(list)     (const struct column[]){ list(COLUMN) { .name = NULL } }
#define TABLE(table, list, ...) \
	{ table, { list(NAME) NULL }, &(const struct policy_rows){ .columns = COLUMNS(list), __VA_ARGS__ } }
/* clang-format on */

#define AT(array)     .offset = offsetof(struct policy, array), .row_size = sizeof(((struct policy *)0)->array[0])
#define COUNTED(n)    .count = offsetof(struct policy, n)
#define LISTED(array) .take = take_listed, AT(array), .max = ARRAY_LENGTH(((struct policy *)0)->array)
#define FILLED        .filled = filled_list
#define MAY_BE_EMPTY  .filled = may_be_empty
#define KEYED(array)  .take = take_keyed, .filled = filled_keys, AT(array)

const struct policy_table policy_tables[] = {
	TABLE("setting", SETTING_COLUMNS, .take = take_setting, .filled = filled_keys, COUNTED(settings_seen)),
	TABLE("role", ROLE_COLUMNS, KEYED(role_titles), COUNTED(roles_seen)),
	TABLE("office", OFFICE_COLUMNS, LISTED(offices), COUNTED(office_count), FILLED),
	TABLE("holiday", HOLIDAY_COLUMNS, LISTED(holidays), COUNTED(holiday_count), FILLED),
	TABLE("zone", ZONE_COLUMNS, LISTED(zone_changes), COUNTED(zone_count), FILLED),
	TABLE("order_type", ORDER_TYPE_COLUMNS, KEYED(order_types), COUNTED(order_types_seen)),
	TABLE("document", DOCUMENT_COLUMNS, .take = take_document, .filled = filled_documents),
	TABLE("due", DUE_COLUMNS, LISTED(dues), COUNTED(due_count), FILLED),
	TABLE("step", STEP_COLUMNS, LISTED(steps), COUNTED(step_count), FILLED),
	TABLE("step_title", STEP_TITLE_COLUMNS, LISTED(titles), COUNTED(title_count), FILLED),
	TABLE("substitute", SUBSTITUTE_COLUMNS, LISTED(substitutes), COUNTED(substitute_count), MAY_BE_EMPTY),
	TABLE("escalation", ESCALATION_COLUMNS, LISTED(escalations), COUNTED(escalation_count), FILLED),
	TABLE("ptp_version", PTP_VERSION_COLUMNS, LISTED(ptps), COUNTED(ptp_count), FILLED),
	TABLE("ptp_stage", PTP_STAGE_COLUMNS, LISTED(ptp_stages), COUNTED(ptp_stage_count), FILLED),
	TABLE("ptp_actor", PTP_ACTOR_COLUMNS, LISTED(ptp_actors), COUNTED(ptp_actor_count), FILLED),
	TABLE("ptp_move", PTP_MOVE_COLUMNS, LISTED(ptp_moves), COUNTED(ptp_move_count), FILLED),
	TABLE("ptp_suitability", PTP_SUITABILITY_COLUMNS, LISTED(suitabilities), COUNTED(suitability_count),
		MAY_BE_EMPTY),
};
const size_t policy_table_count = ARRAY_LENGTH(policy_tables);

int policy_add(struct policy *policy, const struct policy_table *table, size_t row, const char *const *cells,
	struct fault *fault)
{
	const struct column *column = table->rows->columns;
	struct fault why;

	if (table->rows->take(policy, table->rows, cells, &column, &why) < 0)
		return fault_set(fault, -EINVAL, "policy table %s, row %zu, column %s: %s", table->name, row,
			column->name, why.sentence);
	return 0;
}

int policy_check_filled(const struct policy *policy, struct fault *fault)
{
	for (size_t i = 0; i < policy_table_count; i++) {
		const struct policy_table *table = &policy_tables[i];
		struct fault why;

		if (table->rows->filled(policy, table->rows, &why) < 0)
			return fault_set(fault, -EINVAL, "policy table %s: %s", table->name, why.sentence);
	}
	return 0;
}
