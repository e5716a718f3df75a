#include "ctl/listing.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ctl/query.h"

/* ---- The query ---- */
struct sql {
	char *text;
	size_t n;
};

static void add(struct sql *sql, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct sql *sql, const char *format, ...)
{
	va_list arguments;

	if (sql->n >= SQL_MAX)
		return;
	va_start(arguments, format);
	sql->n += (size_t)vsnprintf(sql->text + sql->n, SQL_MAX - sql->n, format, arguments);
	va_end(arguments);
}

/* A condition with its value's place in it. */
static void add_condition(struct sql *sql, const char *where, size_t parameter)
{
	const char *value;

	add(sql, " AND (");
	for (; (value = strstr(where, "%s")); where = value + 2)
		add(sql, "%.*s$%zu", (int)(value - where), where, parameter);
	add(sql, "%s)", where);
}

int listing_query(struct ctl *ctl, const struct listing *listing, char sql[static SQL_MAX],
	const char *parameters[static LISTING_PARAMETERS_MAX])
{
	struct sql query = { sql, 0 };
	uint64_t limit = ctl_number(ctl, "limit", LISTING_LIMIT);
	size_t n = 0;

	add(&query, "SELECT");
	for (size_t i = 0; i < listing->n; i++)
		add(&query, "%s \"%s\"", i ? "," : "", listing->columns[i].name);
	add(&query, " FROM %s WHERE true", listing->from);
	for (const struct filter *filter = listing->filters; filter && filter->option; filter++) {
		bool given = ctl_flag(ctl, filter->option);
		const char *where = given ? filter->where : filter->unless;

		if (given && ctl_text(ctl, filter->option) && n + 1 < LISTING_PARAMETERS_MAX)
			parameters[n++] = ctl_text(ctl, filter->option);
		if (where)
			add_condition(&query, where, n);
	}
	parameters[n] = NULL;
	add(&query, " ORDER BY %s", listing->order);
	if (limit && limit < UINT32_MAX) /* one more than is shown tells whether the list is cut */
		add(&query, " LIMIT %llu", (unsigned long long)limit + 1);
	return query.n < SQL_MAX ? 0 : fault_set(&ctl->fault, -ENOSPC, "too many filters; give fewer");
}

/* ---- Its rows ---- */
static bool is_alarm(const struct listing *listing, const char *const *cells)
{
	for (size_t i = 0; listing->alarm && i < listing->n; i++)
		if (strcmp(listing->columns[i].name, listing->alarm) == 0)
			return cells[i] && *cells[i] == 't';
	return false;
}

static int print_result(struct ctl *ctl, const struct listing *listing, const PGresult *result, size_t limit)
{
	CLEANUP(rows_freep) struct rows *rows = NULL;
	const char *cells[COLUMNS_MAX];
	int r = rows_new(listing->columns, listing->n, ctl_json(ctl), stdout, &rows, &ctl->fault);

	for (int row = 0; r == 0 && row < PQntuples(result) && (size_t)row < limit; row++) {
		query_cells(result, row, cells, listing->n);
		r = rows_add(rows, cells, is_alarm(listing, cells));
	}
	if (r == 0)
		r = rows_print(rows);
	return r < 0 ? fault_set(&ctl->fault, r, "out of memory; list fewer with --limit") : 0;
}

static bool is_filter(const struct listing *listing, const char *option)
{
	for (const struct filter *filter = listing->filters; filter && filter->option; filter++)
		if (filter->where && strcmp(filter->option, option) == 0)
			return true;
	return false;
}

/* "no requests with --office WELLNGTON": a filter with a slip in it shows itself. */
static void say_none(const struct ctl *ctl, const struct listing *listing)
{
	const char *before = " with";

	(void)fprintf(stderr, "no %s", listing->what);
	for (size_t i = 0; i < ctl->given_count; i++) {
		const struct given *given = &ctl->given[i];

		if (!is_filter(listing, given->option->name))
			continue;
		(void)fprintf(stderr, "%s --%s%s%s", before, given->option->name, given->text ? " " : "",
			given->text ? given->text : "");
		before = "";
	}
	(void)fputc('\n', stderr);
}

static int list(struct ctl *ctl, const struct listing *listing)
{
	CLEANUP(read_clearp) PGresult *result = NULL;
	const char *parameters[LISTING_PARAMETERS_MAX];
	uint64_t limit = ctl_number(ctl, "limit", LISTING_LIMIT);
	char sql[SQL_MAX];
	int r = listing_query(ctl, listing, sql, parameters);

	if (r == 0)
		r = query_run(ctl, sql, parameters, &result);
	if (r == 0)
		r = print_result(ctl, listing, result, limit ? (size_t)limit : SIZE_MAX);
	if (r < 0)
		return r;
	(void)fflush(stdout);
	if (PQntuples(result) == 0 && !ctl_json(ctl))
		say_none(ctl, listing);
	if (limit && (uint64_t)PQntuples(result) > limit)
		(void)fprintf(stderr, "only the first %llu %s are shown; --limit N shows more\n",
			(unsigned long long)limit, listing->what);
	return 0;
}

enum ctl_exit listing_run(struct ctl *ctl, const struct listing *listing)
{
	return list(ctl, listing) < 0 ? ctl_fail(ctl) : CTL_OK;
}
