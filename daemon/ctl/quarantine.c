/* quarantine show, retry, discard. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "ctl/control.h"
#include "ctl/query.h"
#include "ctl/rows.h"
#include "ctl/words.h"
#include "wire/json.h"

#define ARENA_SIZE       (16 * 1024 * 1024UL)
#define AT_ONCE          500 /* what the daemon takes in one request */
#define RETRY_TIMEOUT_MS 60000

/* ---- show ---- */
static const struct column shown_columns[] = {
	{ "number", "Number", CELL_NUMBER },
	{ "state", "State", CELL_TEXT },
	{ "reason", "Reason", CELL_TEXT },
	{ "sentence", "Why", CELL_TEXT },
	{ "source", "Source", CELL_TEXT },
	{ "id", "Id", CELL_TEXT },
	{ "type", "Type", CELL_TEXT },
	{ "kind", "Kind", CELL_TEXT },
	{ "submitter", "Submitter", CELL_TEXT },
	{ "order_ref", "Order", CELL_TEXT },
	{ "office", "Office", CELL_TEXT },
	{ "happened_at", "Happened", CELL_TIME },
	{ "quarantined_at", "Set aside", CELL_TIME },
	{ "opens_order", "Opens an order", CELL_FLAG },
	{ "opens", "Would open", CELL_TEXT },
	{ "closed_at", "Closed", CELL_TIME },
	{ "closed_by", "Closed by", CELL_TEXT },
	{ "closed_reason", "Because", CELL_TEXT },
	{ "raw_size", "Bytes", CELL_NUMBER },
	{ "raw_kept", "Bytes kept", CELL_FLAG },
	{ "seq", "Record", CELL_NUMBER },
};
#define SHOWN ARRAY_LENGTH(shown_columns)

static const char show_sql[] =
	"SELECT e.number, e.state, e.reason, q.sentence, e.source, e.id, e.type, e.kind, e.submitter, e.order_ref, "
	"e.office, e.happened_at, e.quarantined_at, e.opens_order, e.opens, e.closed_at, e.closed_by, q.closed_reason, "
	"e.raw_size, e.raw_kept, e.seq, q.raw "
	"FROM cpps.quarantined_event e JOIN cpps_store.quarantined q USING (number) WHERE e.number = $1::bigint";

/* The event as JSON where it can be read as one; NULL otherwise. */
static json_t *read_event(const unsigned char *bytes, size_t n)
{
	CLEANUP(freep) char *line = NULL;
	struct fault unread;

	if (n > 0 && bytes[0] == '{')
		return json_loadb((const char *)bytes, n, 0, NULL);
	if (n == 0 || wire_event_to_json((struct bytes){ bytes, n }, &line, &unread) < 0)
		return NULL;
	return json_loads(line, 0, NULL);
}

/* Bytes that are no event, line by line: offset, hexadecimal, and what of it is text. */
static void dump_bytes(const unsigned char *bytes, size_t n)
{
	for (size_t at = 0; at < n; at += 16) {
		(void)printf("%06zx ", at);
		for (size_t i = at; i < at + 16; i++)
			(void)(i < n ? printf(" %02x", bytes[i]) : printf("   "));
		(void)fputs("  ", stdout);
		for (size_t i = at; i < at + 16 && i < n; i++)
			(void)putchar(bytes[i] >= 0x20 && bytes[i] < 0x7f ? bytes[i] : '.');
		(void)putchar('\n');
	}
}

static void print_bytes(const unsigned char *bytes, size_t n)
{
	json_t *event = read_event(bytes, n);

	(void)putchar('\n');
	if (event) {
		(void)json_dumpf(event, stdout, JSON_INDENT(2));
		(void)putchar('\n');
	} else if (text_is_clean((const char *)bytes, n)) {
		(void)printf("%.*s\n", (int)n, (const char *)bytes);
	} else {
		dump_bytes(bytes, n);
	}
	json_decref(event);
}

/* One JSON object: the columns, `event` where the bytes are one, and otherwise `bytes` in hexadecimal as PostgreSQL writes them. */
static int print_shown_json(const char *const *cells, const char *hex, const unsigned char *bytes, size_t n)
{
	json_t *row = row_json(shown_columns, SHOWN, cells);
	json_t *event = hex ? read_event(bytes, n) : NULL;

	if (!row) {
		json_decref(event);
		return -ENOMEM;
	}
	(void)json_object_set_new(row, "bytes", hex && !event ? json_string(hex) : json_null());
	(void)json_object_set_new(row, "event", event ? event : json_null());
	(void)json_dumpf(row, stdout, JSON_COMPACT);
	(void)putchar('\n');
	json_decref(row);
	return 0;
}

static int print_shown(struct ctl *ctl, const PGresult *result)
{
	const char *cells[SHOWN];
	const char *hex = PQgetisnull(result, 0, SHOWN) ? NULL : PQgetvalue(result, 0, SHOWN);
	size_t n = 0;
	unsigned char *bytes = hex ? PQunescapeBytea((const unsigned char *)hex, &n) : NULL;
	int r = 0;

	query_cells(result, 0, cells, SHOWN);
	if (ctl_json(ctl)) {
		r = print_shown_json(cells, hex, bytes, n);
	} else {
		r = rows_print_card(shown_columns, SHOWN, cells, stdout);
		if (bytes)
			print_bytes(bytes, n);
		else
			(void)puts("\nIts bytes were not kept: the quota of its source was used up. It cannot be "
				   "retried; its source can send it again.");
	}
	PQfreemem(bytes);
	return r < 0 ? fault_set(&ctl->fault, r, "the event cannot be shown: %s", strerror(-r)) : 0;
}

static int take_number(struct ctl *ctl, const char *text, uint64_t *ret)
{
	if (number_parse(text, ret) == 0 && *ret > 0 && *ret <= INT64_MAX)
		return 0;
	return fault_set(
		&ctl->fault, -EINVAL, "\"%s\" is no number of a quarantined event; see cppsctl quarantine", text);
}

static enum ctl_exit show_run(struct ctl *ctl)
{
	CLEANUP(read_clearp) PGresult *result = NULL;
	const char *parameters[] = { ctl->operands[0], NULL };
	uint64_t number;

	if (take_number(ctl, ctl->operands[0], &number) < 0) {
		(void)ctl_fail(ctl);
		return CTL_USAGE;
	}
	if (query_run(ctl, show_sql, parameters, &result) < 0)
		return ctl_fail(ctl);
	if (PQntuples(result) == 0) {
		(void)fault_set(&ctl->fault, -ENOENT,
			"there is no quarantined event number %s; see cppsctl quarantine --all", ctl->operands[0]);
		return ctl_fail(ctl);
	}
	return print_shown(ctl, result) < 0 ? ctl_fail(ctl) : CTL_OK;
}

const struct command command_quarantine_show = {
	.name = "quarantine show",
	.operands = "NUMBER",
	.least = 1,
	.most = 1,
	.help = "show everything about a quarantined event: why, and the event itself",
	.run = show_run,
};

/* ---- retry, discard ---- */
static const struct column outcome_columns[] = {
	{ "number", "NUMBER", CELL_NUMBER },
	{ "id", "ID", CELL_TEXT },
	{ "source", NULL, CELL_TEXT },
	{ "disposition", "NOW", CELL_TEXT },
	{ "reason", "REASON", CELL_TEXT },
	{ "sentence", "WHY", CELL_SENTENCE },
	{ "seq", "RECORD", CELL_NUMBER },
};

struct numbers {
	uint64_t *list; /* ascending, each once */
	size_t n;
};

static int compare_numbers(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static int numbers_given(struct ctl *ctl, struct numbers *ret)
{
	size_t kept = 0;

	ret->list = calloc((size_t)ctl->operand_count + 1, sizeof(*ret->list));
	if (!ret->list)
		return fault_set(&ctl->fault, -ENOMEM, "out of memory");
	for (int i = 0; i < ctl->operand_count; i++)
		if (take_number(ctl, ctl->operands[i], &ret->list[ret->n++]) < 0)
			return -EINVAL;
	qsort(ret->list, ret->n, sizeof(*ret->list), compare_numbers);
	for (size_t i = 0; i < ret->n; i++)
		if (kept == 0 || ret->list[i] != ret->list[kept - 1])
			ret->list[kept++] = ret->list[i];
	ret->n = kept;
	return 0;
}

/* Those of `given` that are held, or every held one where none is given: what is asked for and what is answered are then the same rows. */
static int numbers_held(struct ctl *ctl, const struct numbers *given, bool retry, struct numbers *ret)
{
	CLEANUP(read_clearp) PGresult *result = NULL;
	const char *parameters[] = { retry ? "yes" : "no", NULL };
	size_t at = 0;
	int r = query_run(ctl,
		"SELECT number FROM cpps.quarantined_event WHERE state = 'HELD' AND (raw_kept OR $1 = 'no') ORDER BY "
		"number",
		parameters, &result);

	if (r < 0)
		return r;
	ret->list = calloc((size_t)PQntuples(result) + 1, sizeof(*ret->list));
	if (!ret->list)
		return fault_set(&ctl->fault, -ENOMEM, "out of memory");
	for (int row = 0; row < PQntuples(result); row++) {
		uint64_t number = 0;

		(void)number_parse(PQgetvalue(result, row, 0), &number);
		while (at < given->n && given->list[at] < number)
			at++;
		if (given->n == 0 || (at < given->n && given->list[at] == number))
			ret->list[ret->n++] = number;
	}
	return 0;
}

/* The first of `given` that is not in `held`. */
static uint64_t first_not_held(const struct numbers *given, const struct numbers *held)
{
	size_t i = 0;

	while (i < held->n && given->list[i] == held->list[i])
		i++;
	return given->list[i];
}

/* What became of one; the daemon gives no disposition where it was closed meanwhile. */
static void outcome_word(enum control_verb verb, const struct ack *ack, char *word, size_t size)
{
	if (ack->disposition == DISPOSITION_NONE)
		(void)text_copy(word, size, "unchanged");
	else if (verb == CONTROL_DISCARD)
		(void)text_copy(word, size, "discarded");
	else
		word_lower(disposition_text(ack->disposition), word, size);
}

static int add_outcome(struct rows *rows, uint64_t number, const struct ack *ack, enum control_verb verb)
{
	char number_text[24], seq_text[24], word[24];
	bool discarded = verb == CONTROL_DISCARD && ack->disposition != DISPOSITION_NONE;
	const char *cells[] = { number_text, ack->id, ack->source, word, discarded ? NULL : ack->reason,
		discarded ? NULL : ack->sentence, seq_text };

	outcome_word(verb, ack, word, sizeof(word));
	(void)snprintf(number_text, sizeof(number_text), "%llu", (unsigned long long)number);
	(void)snprintf(seq_text, sizeof(seq_text), "%llu", (unsigned long long)ack->seq);
	return rows_add(rows, cells, verb == CONTROL_RETRY && ack->disposition == DISPOSITION_QUARANTINED);
}

struct round {
	struct ctl *ctl;
	struct rows *rows;
	struct arena *arena;
	enum control_verb verb;
	size_t answered, quarantined;
};

/* The daemon answers for the first of them, as many as fit into one request. */
static int one_round(struct round *round, const uint64_t *numbers, size_t n)
{
	const struct control_request request = {
		.verb = round->verb,
		.numbers = numbers,
		.number_count = n,
		.by = ctl_by(round->ctl),
		.reason = ctl_text(round->ctl, "reason"),
	};
	struct control_answer answer = { 0 };
	int r;

	arena_reset(round->arena);
	r = ctl_control(round->ctl, &request, RETRY_TIMEOUT_MS, round->arena, &answer);
	if (r == 0 && (answer.ack_count == 0 || answer.ack_count > n))
		r = fault_set(&round->ctl->fault, -EPROTO, "the daemon answers for %zu of %zu quarantined events",
			answer.ack_count, n);
	round->answered = answer.ack_count;
	for (size_t i = 0; r == 0 && i < answer.ack_count; i++) {
		r = add_outcome(round->rows, numbers[i], &answer.acks[i], round->verb);
		round->quarantined +=
			round->verb == CONTROL_RETRY && answer.acks[i].disposition == DISPOSITION_QUARANTINED;
	}
	return r;
}

static int all_rounds(struct round *round, const struct numbers *held)
{
	int r = rows_new(outcome_columns, ARRAY_LENGTH(outcome_columns), ctl_json(round->ctl), stdout, &round->rows,
		&round->ctl->fault);

	for (size_t at = 0; r == 0 && at < held->n; at += round->answered)
		r = one_round(round, held->list + at, held->n - at < AT_ONCE ? held->n - at : AT_ONCE);
	if (round->rows && rows_print(round->rows) < 0 && r == 0)
		r = fault_set(&round->ctl->fault, -ENOMEM, "out of memory");
	return r;
}

static int check_held(struct ctl *ctl, const struct numbers *given, const struct numbers *held, enum control_verb verb)
{
	if (given->n == 0 || held->n == given->n)
		return 0;
	return fault_set(&ctl->fault, -ENOENT,
		"number %llu is not held%s, and nothing was done; see cppsctl quarantine",
		(unsigned long long)first_not_held(given, held),
		verb == CONTROL_RETRY ? ", or its bytes were not kept" : "");
}

static enum ctl_exit mend(struct ctl *ctl, enum control_verb verb)
{
	struct numbers given = { 0 }, held = { 0 };
	struct round round = { .ctl = ctl, .verb = verb };
	int r = numbers_given(ctl, &given);

	if (r == 0)
		r = numbers_held(ctl, &given, verb == CONTROL_RETRY, &held);
	if (r == 0)
		r = check_held(ctl, &given, &held, verb);
	if (r == 0)
		r = arena_new(ARENA_SIZE, &round.arena);
	if (r == 0)
		r = all_rounds(&round, &held);
	if (r == 0 && held.n == 0 && !ctl_json(ctl))
		(void)fprintf(stderr, "nothing is held\n");
	round.rows = rows_free(round.rows);
	round.arena = arena_free(round.arena);
	free(given.list);
	free(held.list);
	if (r < 0)
		return ctl_fail(ctl);
	return round.quarantined ? CTL_QUARANTINED : CTL_OK;
}

static enum ctl_exit usage(struct ctl *ctl, const char *sentence)
{
	(void)fault_set(&ctl->fault, -EINVAL, "%s", sentence);
	(void)ctl_fail(ctl);
	return CTL_USAGE;
}

static enum ctl_exit retry_run(struct ctl *ctl)
{
	if (ctl_flag(ctl, "all") == (ctl->operand_count > 0))
		return usage(ctl, "quarantine retry needs either numbers or --all; see cppsctl quarantine");
	return mend(ctl, CONTROL_RETRY);
}

static enum ctl_exit discard_run(struct ctl *ctl)
{
	if (!text_given(ctl_text(ctl, "reason")))
		return usage(ctl, "quarantine discard needs --reason TEXT: whoever looks later must see why");
	return mend(ctl, CONTROL_DISCARD);
}

static const struct option_row retry_options[] = {
	{ "all", OPTION_FLAG, NULL, "every held one", NULL, false },
	OPTIONS_END,
};

const struct command command_quarantine_retry = {
	.name = "quarantine retry",
	.operands = "[NUMBER...]",
	.most = OPERANDS_ANY,
	.help = "decide quarantined events again, as of now",
	.more = "For when what was in the way has been mended: the policy, the configuration, an order that was "
		"missing. "
		"An event that is wrong in "
		"itself needs a corrected copy from its source, which supersedes it. Exit status 3: some were "
		"quarantined "
		"again.",
	.options = retry_options,
	.run = retry_run,
};

static const struct option_row discard_options[] = {
	{ "reason", OPTION_TEXT, "TEXT", "why; kept with it", NULL, false },
	{ "by", OPTION_TEXT, "WHO", "who discards it (default: $USER)", NULL, false },
	OPTIONS_END,
};

const struct command command_quarantine_discard = {
	.name = "quarantine discard",
	.operands = "NUMBER...",
	.least = 1,
	.most = OPERANDS_ANY,
	.help = "close quarantined events for good, with a reason",
	.options = discard_options,
	.run = discard_run,
};
