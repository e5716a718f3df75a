#include "core/policy_csv.h"

#include <csv.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

struct reading {
	char *cells[POLICY_COLUMNS_MAX];
	size_t n, number;
	csv_row *row;
	void *context;
	struct fault *fault;
	int error;
};

static void end_of_cell(void *text, size_t size, void *context)
{
	struct reading *reading = context;

	if (reading->n == POLICY_COLUMNS_MAX) {
		reading->error = fault_set(reading->fault, -EINVAL, "row %zu has too many cells", reading->number);
		return;
	}
	reading->cells[reading->n] = strndup(text ? text : "", size);
	reading->n++;
}

static void end_of_row(int c, void *context)
{
	struct reading *reading = context;

	(void)c;
	if (!reading->error)
		reading->error = reading->row(reading->context, reading->number, (const char *const *)reading->cells,
			reading->n, reading->fault);
	for (size_t i = 0; i < reading->n; i++)
		free(reading->cells[i]);
	reading->n = 0;
	reading->number++;
}

static int read_all(FILE *file, struct csv_parser *parser, struct reading *reading)
{
	char bytes[4096];
	size_t n;

	while ((n = fread(bytes, 1, sizeof(bytes), file)) > 0)
		if (csv_parse(parser, bytes, n, end_of_cell, end_of_row, reading) != n)
			return fault_set(reading->fault, -EINVAL, "row %zu: %s", reading->number,
				csv_strerror(csv_error(parser)));
	return csv_fini(parser, end_of_cell, end_of_row, reading);
}

int csv_read(const char *path, csv_row *row, void *context, struct fault *fault)
{
	struct reading reading = { .row = row, .context = context, .fault = fault };
	struct csv_parser parser;
	FILE *file = fopen(path, "re");
	int r;

	if (!file)
		return fault_set(fault, -errno, "cannot open %s", path);
	if (csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI | CSV_APPEND_NULL) != 0) {
		(void)fclose(file);
		return -ENOMEM;
	}
	r = read_all(file, &parser, &reading);
	csv_free(&parser);
	(void)fclose(file);
	return r ? r : reading.error;
}

struct loading {
	struct policy *policy;
	const struct policy_table *table;
};

static int check_header(const struct policy_table *table, const char *const *cells, size_t n, struct fault *fault)
{
	for (size_t i = 0; i < n; i++)
		if (!table->columns[i] || strcmp(table->columns[i], cells[i]) != 0)
			return fault_set(fault, -EINVAL, "policy table %s: the header's \"%s\" is not column %zu",
				table->name, cells[i], i + 1);
	return 0;
}

static int load_row(void *context, size_t number, const char *const *cells, size_t n, struct fault *fault)
{
	struct loading *loading = context;

	if (n == 0 || n >= POLICY_COLUMNS_MAX || loading->table->columns[n] || !loading->table->columns[n - 1])
		return fault_set(
			fault, -EINVAL, "policy table %s, row %zu: has %zu cells", loading->table->name, number, n);
	if (number == 0)
		return check_header(loading->table, cells, n, fault);
	return policy_add(loading->policy, loading->table, number, cells, fault);
}

int policy_from_csv(const char *dir, struct policy *policy, struct fault *fault)
{
	memset(policy, 0, sizeof(*policy));
	for (size_t i = 0; i < policy_table_count; i++) {
		struct loading loading = { policy, &policy_tables[i] };
		char path[4096];
		int r;

		(void)snprintf(path, sizeof(path), "%s/%s.csv", dir, policy_tables[i].name);
		r = csv_read(path, load_row, &loading, fault);
		if (r < 0)
			return r;
	}
	return policy_validate(policy, fault);
}
