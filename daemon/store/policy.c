/* The policy tables, one after the other on the reader, then validated as a whole. A policy that does not hold
 * together is no outage: the sentence names the row. */
#include <stdlib.h>

#include "store/inside_store.h"
#include "store/read.h"

struct reading {
	struct ask ask;
	policy_read done;
	struct policy *policy;
	size_t table;
};

static void finish(struct reading *reading, struct policy *policy, const char *sentence)
{
	struct store *store = reading->ask.store;
	policy_read done = reading->done;

	if (policy != reading->policy)
		free(reading->policy);
	free(reading);
	done(store, policy, sentence);
}

static void reading_lost(struct ask *ask)
{
	struct reading *reading = (struct reading *)ask;

	free(reading->policy);
	free(reading);
}

static void ask_table(struct reading *reading);

static void table_came(void *context, const PGresult *result, const struct failure *failure)
{
	struct reading *reading = context;
	struct fault fault = { "" };
	int r;

	if (failure) {
		store_lose(reading->ask.store, failure->sentence);
		return;
	}
	r = read_policy_rows(reading->policy, &policy_tables[reading->table], result, &fault);
	if (r == 0 && ++reading->table < policy_table_count) {
		ask_table(reading);
		return;
	}
	if (r == 0)
		r = policy_validate(reading->policy, &fault);
	ask_end(&reading->ask);
	finish(reading, r == 0 ? reading->policy : NULL, r == 0 ? NULL : fault.sentence);
}

static void ask_table(struct reading *reading)
{
	char sql[2048];

	if (read_policy_sql(&policy_tables[reading->table], sql, sizeof(sql)) < 0 ||
		connection_script(reading->ask.store->reader, sql, table_came, reading) < 0)
		store_fail_soon(reading->ask.store, "the policy cannot be read now");
}

int policy_begin(struct store *store, policy_read done)
{
	struct reading *reading = calloc(1, sizeof(*reading));

	if (!reading)
		return -1;
	reading->done = done;
	reading->policy = calloc(1, sizeof(*reading->policy));
	ask_begin(store, &reading->ask, reading_lost);
	if (reading->policy)
		ask_table(reading);
	else
		store_fail_soon(store, "out of memory while reading the policy");
	return 0;
}
