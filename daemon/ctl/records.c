#include "ctl/records.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "ctl/query.h"
#include "wire/json.h"

/* The index on the batches' refs finds them, however long the log. */
static const char sql[] =
	"WITH refs AS (SELECT array_append(array_agg(ptp_ref), $1) AS list FROM cpps_store.ptp_case WHERE order_ref = "
	"$1) "
	"SELECT b.first_seq + u.n - 1, substring(b.records FROM coalesce(b.ends[u.n - 1], 0) + 1 FOR "
	"b.ends[u.n] - coalesce(b.ends[u.n - 1], 0)) "
	"FROM refs JOIN cpps_store.batch b ON b.refs && refs.list "
	"CROSS JOIN LATERAL (SELECT t.ref, t.n::integer AS n FROM unnest(b.refs) WITH ORDINALITY AS t (ref, n)) AS u "
	"WHERE u.ref = ANY (refs.list) ORDER BY 1";

struct records {
	PGresult *result;
};

int records_read(struct ctl *ctl, const char *ref, struct records **ret)
{
	CLEANUP(records_freep) struct records *records = calloc(1, sizeof(*records));
	const char *parameters[] = { ref, NULL };
	int r;

	if (!records)
		return fault_set(&ctl->fault, -ENOMEM, "out of memory");
	r = query_run(ctl, sql, parameters, &records->result);
	if (r == 0)
		*ret = TAKE(records);
	return r;
}

struct records *records_free(struct records *records)
{
	if (records)
		(void)read_clear(records->result);
	free(records);
	return NULL;
}

/* -1: it is not there. */
static int find_row(const PGresult *result, uint64_t seq)
{
	int low = 0, high = PQntuples(result);

	while (low < high) {
		int middle = low + (high - low) / 2;
		uint64_t at = 0;

		(void)number_parse(PQgetvalue(result, middle, 0), &at);
		if (at == seq)
			return middle;
		if (at < seq)
			low = middle + 1;
		else
			high = middle;
	}
	return -1;
}

json_t *records_event(const struct records *records, uint64_t seq)
{
	CLEANUP(freep) char *line = NULL;
	int row = find_row(records->result, seq);
	unsigned char *bytes;
	struct fault fault;
	json_t *event = NULL;
	size_t n = 0;

	if (row < 0)
		return NULL;
	bytes = PQunescapeBytea((const unsigned char *)PQgetvalue(records->result, row, 1), &n);
	if (bytes && wire_event_to_json((struct bytes){ bytes, n }, &line, &fault) == 0)
		event = json_loads(line, 0, NULL);
	PQfreemem(bytes);
	return event;
}

/* ---- In a few words ---- */

/* What is shown of a record's data, in this order. */
static const struct {
	const char *field, *before;
	const char *with, *without[2]; /* only beside this field, and not beside these; NULL: always */
} details[] = {
	{ "step", "step ", NULL, { NULL } },
	{ "title", "", "step", { "level" } },
	{ "level", "level ", NULL, { NULL } },
	{ "concerns", "", "level", { NULL } },
	{ "role", "", "level", { "step", "concerns" } },
	{ "change", "", NULL, { NULL } },
	{ "previousPrn", "from ", NULL, { NULL } },
	{ "previousOffice", "from ", NULL, { "step" } },
	{ "officerId", "", NULL, { "step", "level" } },
	{ "recommendedOfficerId", "recommended ", NULL, { "officerId", "level" } },
};

static bool is_shown(size_t detail, const json_t *data)
{
	for (size_t i = 0; i < 2 && details[detail].without[i]; i++)
		if (json_object_get(data, details[detail].without[i]))
			return false;
	return !details[detail].with || json_object_get(data, details[detail].with);
}

static size_t add_value(char *text, size_t size, const char *before, const json_t *value)
{
	if (json_is_string(value))
		return (size_t)snprintf(text, size, "%s%s", before, json_string_value(value));
	if (json_is_integer(value))
		return (size_t)snprintf(text, size, "%s%lld", before, (long long)json_integer_value(value));
	return 0;
}

void record_detail(const json_t *event, char *text, size_t size)
{
	const json_t *data = json_object_get(event, "data");
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < ARRAY_LENGTH(details) && n + 3 < size; i++) {
		const json_t *value = json_object_get(data, details[i].field);
		size_t comma = n ? 2 : 0;

		if (!value || !is_shown(i, data))
			continue;
		if (comma)
			memcpy(text + n, ", ", 3);
		n += comma + add_value(text + n + comma, size - n - comma, details[i].before, value);
	}
}
