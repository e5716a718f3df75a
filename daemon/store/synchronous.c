/* Whether what commits is kept on a second machine.
 *
 * PostgreSQL's commit waits for a synchronous standby only while it is told of one: whoever looks after the cluster may drop a standby that is away, and
 * the commits that waited for it return as if nothing were missing. So the standby is looked for each second, on the reader, whose own
 * commits wait for nobody. Where one is required, it is looked for behind each commit too, on the writer: only a commit behind which
 * a synchronous standby still streams is confirmed. One that is not stays under way, with everything behind it, and is tried again each second: something
 * is written that has to reach the standby after it, and the standby looked for once more. */
#include <string.h>

#include "store/inside_store.h"

static enum store_synchronous seen_in(const PGresult *result)
{
	return !PQgetisnull(result, 0, 0) && get_bool(result, 0, 0) ? STORE_SYNCHRONOUS : STORE_NOT_SYNCHRONOUS;
}

static void note(struct store *store, enum store_synchronous seen)
{
	if (store->synchronous == seen)
		return;
	store->synchronous = seen;
	store->callbacks.synchronous(store->callbacks.context, seen);
}

/* ---- Each second ---- */

static void looked(void *context, const PGresult *result, const struct failure *failure)
{
	struct store *store = context;

	store->looking = false;
	if (failure)
		store_lose(store, failure->sentence);
	else
		note(store, seen_in(result));
}

static void look(struct store *store)
{
	if (!store->looking)
		store->looking = connection_ask(store->reader, STATEMENT_SYNCHRONOUS, NULL, true, looked, store) == 0;
}

/* ---- Behind a commit ---- */

static void confirmed(void *context, const PGresult *result, const struct failure *failure)
{
	struct store *store = context;
	struct confirmation confirmation = store->confirmation;

	if (failure) {
		store_lose(store, failure->sentence);
		return;
	}
	note(store, seen_in(result));
	store->confirmation.asked = false;
	if (store->synchronous != STORE_SYNCHRONOUS)
		return; /* once more, by the next second */
	store->confirmation = (struct confirmation){ 0 };
	confirmation.done(confirmation.context);
}

static void touched(void *context, const PGresult *result, const struct failure *failure)
{
	(void)result;
	if (failure)
		store_lose(context, failure->sentence);
	else if (connection_warned(((struct store *)context)->writer))
		store_lose(context,
			"PostgreSQL gave the wait for its synchronous standby up: what has reached it is not known");
}

static void ask_confirmation(struct store *store, bool touch)
{
	store->confirmation.asked = true;
	if ((touch && connection_ask(store->writer, STATEMENT_TOUCH, NULL, false, touched, store) < 0) ||
		connection_ask(store->writer, STATEMENT_SYNCHRONOUS, NULL, false, confirmed, store) < 0)
		store_fail_soon(store, "out of memory while confirming a commit");
}

void synchronous_confirm(struct store *store, void (*done)(void *context), void *context)
{
	if (!store->require_synchronous) {
		done(context);
		return;
	}
	store->confirmation = (struct confirmation){ .done = done, .context = context };
	ask_confirmation(store, false);
}

void synchronous_tick(struct store *store)
{
	look(store);
	if (store->confirmation.done && !store->confirmation.asked)
		ask_confirmation(store, true);
}

void synchronous_end(struct store *store)
{
	store->confirmation = (struct confirmation){ 0 };
	store->looking = false;
	store->synchronous = STORE_SYNCHRONOUS_UNKNOWN;
}
