/* reconcile: IOMS's list of live orders against the bridge's own, and the daemon told how it went. */
#include <errno.h>
#include <stdio.h>

#include "ctl/control.h"
#include "ctl/query.h"
#include "ctl/reconcile.h"
#include "ctl/rows.h"

#define ARENA_SIZE (1024 * 1024 * 1024UL) /* a cap, not what is taken: some 100 bytes an order */

static const struct column columns[] = {
	{ "difference", "DIFFERENCE", CELL_TEXT },
	{ "order_ref", "ORDER", CELL_TEXT },
	{ "field", "FIELD", CELL_TEXT },
	{ "theirs", "IN THE LIST", CELL_TEXT },
	{ "ours", "HERE", CELL_TEXT },
	{ "line", "LINE", CELL_NUMBER },
};

struct comparison {
	struct ctl *ctl;
	struct rows *rows;
	size_t counts[DIFFERENCE_END], differences; /* orders that differ: one with two fields counts once */
	const struct live_order *last;
};

/* An order that is in one list only is named with its type and office, for whoever looks for it. */
static const char *describe(const struct live_order *order, char *text, size_t size)
{
	size_t n = 0;

	text[0] = '\0';
	for (int field = 0; order && field < FIELD_END && n < size; field++)
		if (order->fields[field] && *order->fields[field])
			n += (size_t)snprintf(text + n, size - n, "%s%s", n ? " " : "", order->fields[field]);
	return order ? text : NULL;
}

static int on_difference(void *context, enum difference difference, const struct live_order *theirs,
	const struct live_order *ours, enum reconcile_field field)
{
	struct comparison *c = context;
	char line[24], theirs_text[256], ours_text[256];
	bool one_field = theirs && ours;
	const char *cells[] = { difference_words[difference], theirs ? theirs->ref : ours->ref,
		one_field ? reconcile_field_words[field] : NULL,
		one_field ? theirs->fields[field] : describe(theirs, theirs_text, sizeof(theirs_text)),
		one_field ? ours->fields[field] : describe(ours, ours_text, sizeof(ours_text)), theirs ? line : NULL };

	(void)snprintf(line, sizeof(line), "%llu", (unsigned long long)(theirs ? theirs->line : 0));
	if (!one_field || c->last != theirs) {
		c->counts[difference]++;
		c->differences++;
	}
	c->last = theirs;
	return rows_add(c->rows, cells, false);
}

static int read_ours(struct ctl *ctl, PGresult **ret_result, struct live_list *list)
{
	int r = query_run(
		ctl, "SELECT order_ref, prn, order_type, office FROM cpps.request WHERE live", NULL, ret_result);

	for (int row = 0; r == 0 && row < PQntuples(*ret_result); row++) {
		struct live_order order = { 0 };

		order.ref = PQgetvalue(*ret_result, row, 0);
		for (int field = 0; field < FIELD_END; field++)
			order.fields[field] = PQgetvalue(*ret_result, row, field + 1);
		if (live_list_add(list, &order) < 0)
			r = fault_set(&ctl->fault, -ENOMEM, "out of memory");
	}
	return r < 0 ? r : live_list_sort(list, &ctl->fault);
}

static int tell_daemon(struct comparison *c)
{
	CLEANUP(arena_freep) struct arena *arena = NULL;
	struct control_answer answer = { 0 };
	const struct control_request request = {
		.verb = CONTROL_RECONCILED,
		.agreed = c->differences == 0,
		.differences = (uint32_t)(c->differences < UINT32_MAX ? c->differences : UINT32_MAX),
		.by = ctl_by(c->ctl),
	};
	char why[FAULT_MAX];
	int r = arena_new(1024 * 1024, &arena);

	if (r < 0)
		return fault_set(&c->ctl->fault, r, "out of memory");
	r = ctl_control(c->ctl, &request, CONTROL_TIMEOUT_MS, arena, &answer);
	if (r == 0)
		return 0;
	(void)snprintf(why, sizeof(why), "%s", c->ctl->fault.sentence);
	return fault_set(&c->ctl->fault, r, "the lists were compared, but the bridge could not be told: %s", why);
}

static void print_summary(const struct comparison *c, const struct live_list *theirs, const struct live_list *ours)
{
	(void)fflush(stdout);
	if (ctl_json(c->ctl))
		return;
	if (c->differences == 0)
		(void)printf("the lists agree: %zu orders\n", ours->n);
	else
		(void)printf("%zu orders in the list, %zu here: %zu missing here, %zu only here, %zu different\n",
			theirs->n, ours->n, c->counts[MISSING], c->counts[EXTRA], c->counts[DIFFERENT]);
}

static int compare(struct comparison *c, const struct live_list *theirs, const struct live_list *ours)
{
	int r = rows_new(columns, ARRAY_LENGTH(columns), ctl_json(c->ctl), stdout, &c->rows, &c->ctl->fault);

	if (r == 0)
		r = reconcile_compare(theirs, ours, on_difference, c);
	if (r == 0)
		r = rows_print(c->rows);
	if (r < 0)
		return fault_set(&c->ctl->fault, r, "out of memory");
	print_summary(c, theirs, ours);
	return tell_daemon(c);
}

static enum ctl_exit reconcile_run(struct ctl *ctl)
{
	CLEANUP(arena_freep) struct arena *arena = NULL;
	CLEANUP(read_clearp) PGresult *result = NULL;
	struct comparison c = { .ctl = ctl };
	struct live_list theirs = { 0 }, ours = { 0 };
	int r = arena_new(ARENA_SIZE, &arena);

	if (r == 0)
		r = reconcile_read(ctl->operands[0], arena, &theirs, &ctl->fault);
	if (r == 0)
		r = read_ours(ctl, &result, &ours);
	if (r == 0)
		r = compare(&c, &theirs, &ours);
	c.rows = rows_free(c.rows);
	live_list_clear(&theirs);
	live_list_clear(&ours);
	if (r < 0)
		return ctl_fail(ctl);
	return c.differences ? CTL_DIFFERS : CTL_OK;
}

static const struct option_row reconcile_options[] = {
	{ "by", OPTION_TEXT, "WHO", "who compares (default: $USER)", NULL, false },
	OPTIONS_END,
};

const struct command command_reconcile = {
	.name = "reconcile",
	.operands = "FILE|-",
	.least = 1,
	.most = 1,
	.help = "compare a list of IOMS's live orders with the bridge's",
	.more = "FILE is CSV with a first line that names the columns orderRef, prn, orderType and office, in any "
		"order, or "
		"one JSON object a line "
		"with members of these names. What a line leaves out is not compared. Each difference is a row: "
		"missing (in "
		"the list, not here), extra "
		"(here, not in the list), different (in both, with another field).\n\n"
		"The bridge keeps when the lists last agreed. Exit status 0: they agree, 4: they differ.",
	.options = reconcile_options,
	.run = reconcile_run,
};
