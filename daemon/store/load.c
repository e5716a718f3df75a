/* Facts in. A load asks in rounds, each of three turns: what is known by its own key (orders' persons, claims, parked and quarantined events); then the
 * persons with all their merges; then the requests and cases of the surviving numbers. A parked event that a round brings may touch further
 * keys: they are the next round. Keys whose file lies whole in the cabinet are not asked for: the overlay. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "store/inside_store.h"
#include "wire/decode.h"

#define LOAD_MEMORY (64 * 1024 * 1024UL)
#define ROUNDS_MAX  8 /* a parked event opens at most an order, and that a case */

/* Keys of one kind, each once. */
struct key {
	UT_hash_handle hh;
	const char *text;
	const char *second; /* of a claim: the id */
};

struct keys {
	struct key *set;
};

struct load {
	struct ask ask;
	struct cabinet *cabinet;
	struct arena *arena;
	store_done done;
	void *context;
	uint64_t stamp, clears;
	int round, waiting;
	struct keys prns, orders, cases, refs, ids;
	struct keys all_refs; /* refs whose parked events were asked for */
	const struct hash **hashes;
	size_t hash_count;
	const uint64_t *parked, *quarantined;
	size_t parked_count, quarantined_count;
	bool no_memory;
};

/* ---- Keys ---- */

static bool has_key(const struct keys *keys, const char *text, const char *second)
{
	char joined[CLAIM_KEY_MAX];
	size_t n = claim_key(joined, text, second ? second : "");
	struct key *key;

	HASH_FIND(hh, keys->set, joined, n, key);
	return key != NULL;
}

static void add_key(struct load *load, struct keys *keys, const char *text, const char *second)
{
	char joined[CLAIM_KEY_MAX];
	size_t n;
	struct key *key;

	if (!text_given(text) || has_key(keys, text, second))
		return;
	n = claim_key(joined, text, second ? second : "");
	key = ARENA_NEW(load->arena, struct key);
	if (key) {
		key->text = arena_copy(load->arena, joined, n);
		key->second = key->text ? key->text + strlen(key->text) + 1 : NULL;
	}
	if (!key || !key->text) {
		load->no_memory = true;
		return;
	}
	HASH_ADD_KEYPTR(hh, keys->set, key->text, n, key);
	if (!TABLE_ADDED(key))
		load->no_memory = true;
}

static void clear_keys(struct keys *keys)
{
	HASH_CLEAR(hh, keys->set);
}

static void put_keys(struct parameters *parameters, const struct keys *keys, bool second)
{
	struct buffer *out = parameter(parameters);
	size_t frame = put_array(out, OID_TEXT, HASH_COUNT(keys->set));

	for (const struct key *key = keys->set; key; key = key->hh.next)
		put_text(out, second ? key->second : key->text);
	put_array_end(out, frame);
}

static void put_numbers(struct parameters *parameters, const uint64_t *numbers, size_t n)
{
	struct buffer *out = parameter(parameters);
	size_t frame = put_array(out, OID_INT8, n);

	for (size_t i = 0; i < n; i++)
		put_u64(out, numbers[i]);
	put_array_end(out, frame);
}

/* ---- What lies in the cabinet already ---- */

static bool stamp_file(struct load *load, struct file *file)
{
	if (!file || !file_row(file)->whole)
		return false;
	file_row(file)->stamp = load->stamp;
	return true;
}

static bool has_person(struct load *load, const char *prn)
{
	struct person_row *row = cabinet_find_person(load->cabinet, prn);

	return row && stamp_file(load, row->person.file);
}

static bool has_request(struct load *load, const char *order_ref)
{
	struct request_row *row = cabinet_find_request(load->cabinet, order_ref);

	return row && stamp_file(load, row->request.file);
}

static bool has_case(struct load *load, const char *ptp_ref)
{
	struct case_row *row = cabinet_find_case(load->cabinet, ptp_ref);

	return row && row->ptp.request && stamp_file(load, row->ptp.request->file);
}

static void stamp_claim(struct load *load, const char *source, const char *id)
{
	struct claim_row *row = cabinet_find_claim(load->cabinet, source, id);

	if (row)
		row->stamp = load->stamp;
}

/* Quarantined rows that only the batch being committed knows of. */
static void stamp_links(struct load *load, struct group *groups, const void *key, size_t size)
{
	for (struct link *link = cabinet_links(groups, key, size); link; link = link->after)
		((struct quarantined_row *)link->row)->stamp = load->stamp;
}

static void want_ref(struct load *load, const char *ref)
{
	if (!text_given(ref) || has_key(&load->all_refs, ref, NULL))
		return;
	stamp_links(load, load->cabinet->quarantined_of_opens, ref, strlen(ref));
	add_key(load, &load->refs, ref, NULL);
}

static void want_person(struct load *load, const char *prn)
{
	if (text_given(prn) && !has_person(load, prn))
		add_key(load, &load->prns, prn, NULL);
}

static void want_order(struct load *load, const char *order_ref)
{
	if (text_given(order_ref) && !has_request(load, order_ref))
		add_key(load, &load->orders, order_ref, NULL);
	want_ref(load, order_ref);
}

static void want_case(struct load *load, const char *ptp_ref)
{
	if (text_given(ptp_ref) && !has_case(load, ptp_ref))
		add_key(load, &load->cases, ptp_ref, NULL);
	want_ref(load, ptp_ref);
}

static void want_event(struct load *load, const struct event *event)
{
	want_person(load, event->prn);
	want_person(load, event->into_prn);
	want_order(load, event->order_ref);
	want_case(load, event->ptp_ref);
	if (text_given(event->source) && text_given(event->id)) {
		char key[CLAIM_KEY_MAX];

		stamp_links(load, load->cabinet->quarantined_of_id, key, claim_key(key, event->source, event->id));
		stamp_claim(load, event->source, event->id);
		add_key(load, &load->ids, event->source, event->id);
	}
}

/* ---- Answers ---- */

static void next_turn(struct load *load);

static void finish(struct load *load, enum store_result result, const char *sentence)
{
	clear_keys(&load->prns);
	clear_keys(&load->orders);
	clear_keys(&load->cases);
	clear_keys(&load->refs);
	clear_keys(&load->ids);
	clear_keys(&load->all_refs);
	load->done(load->context, result, sentence);
	arena_free(load->arena);
	free(load);
}

static void load_lost(struct ask *ask)
{
	struct load *load = (struct load *)ask;

	cabinet_end_load(load->cabinet, load->stamp);
	finish(load, STORE_LOST, NULL);
}

/* Every answer comes here: true where it is to be used. */
static bool answered(struct load *load, const struct failure *failure)
{
	load->waiting--;
	if (!failure)
		return true;
	store_lose(load->ask.store, failure->sentence); /* answers this load too */
	return false;
}

static void carry_on(struct load *load)
{
	if (load->no_memory)
		store_lose(load->ask.store, "out of memory while reading facts");
	else if (!load->waiting)
		next_turn(load);
}

static bool spans_a_clear(const struct load *load)
{
	return load->clears != load->cabinet->clears;
}

static void names_came(void *context, const PGresult *result, const struct failure *failure)
{
	struct load *load = context;

	if (!answered(load, failure))
		return;
	for (int i = 0; i < PQntuples(result); i++) {
		struct bytes order = get_bytes(result, i, 0), prn = get_bytes(result, i, 1),
			     filed = get_bytes(result, i, 2);

		add_key(load, &load->orders, arena_text_n(load->arena, (const char *)order.data, order.n), NULL);
		add_key(load, &load->prns, arena_text_n(load->arena, (const char *)prn.data, prn.n), NULL);
		add_key(load, &load->prns, arena_text_n(load->arena, (const char *)filed.data, filed.n), NULL);
	}
	carry_on(load);
}

/* A parked row holds the bytes; the rules want the event. */
static int decode_parked(struct load *load, struct parked_row *row)
{
	struct event event = { 0 };
	enum reason reason;
	struct fault fault;
	int r = wire_decode(load->arena, row->raw.data, row->raw.n, &event, &reason, &fault);

	if (r < 0)
		return r;
	event.kind = row->kind;
	event.submitter = row->submitter;
	row->event = event_copy(&event);
	if (!row->event)
		return -ENOMEM;
	row->parked.event = row->event;
	row->source = row->event->source;
	row->id = row->event->id;
	row->submitter = row->event->submitter;
	row->raw = (struct bytes){ row->event->raw, row->event->raw_size };
	return 0;
}

static int take_parked(struct load *load, const PGresult *result, int i)
{
	struct parked_row *row = calloc(1, sizeof(*row));
	CLEANUP(freep) char *strings = NULL;
	int r = row ? rows_read(&parked_table, result, i, row, &strings) : -ENOMEM;

	if (r == 0)
		r = decode_parked(load, row);
	if (r < 0) {
		parked_row_free(row);
		return r;
	}
	row->stored = true;
	row = cabinet_take_parked(load->cabinet, row);
	if (!row)
		return -ENOMEM;
	row->stamp = load->stamp;
	return 0;
}

static void parked_came(void *context, const PGresult *result, const struct failure *failure)
{
	struct load *load = context;
	int r = 0;

	if (!answered(load, failure))
		return;
	for (int i = 0; r == 0 && !spans_a_clear(load) && i < PQntuples(result); i++)
		r = take_parked(load, result, i);
	load->no_memory |= r < 0;
	carry_on(load);
}

static int take_claim(struct load *load, const PGresult *result, int i)
{
	struct claim_row *row = calloc(1, sizeof(*row));
	int r = row ? rows_read(&claim_table, result, i, row, &row->strings) : -ENOMEM;

	if (r < 0) {
		claim_row_free(row);
		return r;
	}
	row->stored = true;
	row = cabinet_take_claim(load->cabinet, row);
	if (!row)
		return -ENOMEM;
	row->stamp = load->stamp;
	return 0;
}

static void claims_came(void *context, const PGresult *result, const struct failure *failure)
{
	struct load *load = context;
	int r = 0;

	if (!answered(load, failure))
		return;
	for (int i = 0; r == 0 && !spans_a_clear(load) && i < PQntuples(result); i++)
		r = take_claim(load, result, i);
	load->no_memory |= r < 0;
	carry_on(load);
}

static int take_quarantined(struct load *load, const PGresult *result, int i)
{
	struct quarantined_row *row = calloc(1, sizeof(*row));
	int r = row ? rows_read(&quarantined_table, result, i, row, &row->strings) : -ENOMEM;

	if (r < 0) {
		quarantined_row_free(row);
		return r;
	}
	row->quarantined.raw_size = (size_t)row->raw_size;
	row->raw_kept = get_u64(result, i, PQnfields(result) - 1);
	row->quarantined.without_bytes = quarantined_without_bytes(row);
	row->stored = true;
	row->was_held = row->quarantined.state == QUARANTINE_HELD;
	row = cabinet_take_quarantined(load->cabinet, row);
	if (!row)
		return -ENOMEM;
	row->stamp = load->stamp;
	return 0;
}

static void quarantined_came(void *context, const PGresult *result, const struct failure *failure)
{
	struct load *load = context;
	int r = 0;

	if (!answered(load, failure))
		return;
	for (int i = 0; r == 0 && !spans_a_clear(load) && i < PQntuples(result); i++)
		r = take_quarantined(load, result, i);
	load->no_memory |= r < 0;
	carry_on(load);
}

/* All are taken before the first is filed: a chain needs its links. */
static int file_persons(struct load *load, const PGresult *result)
{
	struct person_row **rows = arena_take(load->arena, ((size_t)PQntuples(result) + 1) * sizeof(*rows));
	int n = 0, r = 0;

	for (int i = 0; rows && r == 0 && i < PQntuples(result); i++) {
		struct person_row *row = calloc(1, sizeof(*row)), *taken;
		char *strings = NULL;

		r = row ? rows_read(&person_table, result, i, row, &strings) : -ENOMEM;
		free(strings);
		if (r < 0) {
			free(row);
			break;
		}
		row->stored = true;
		taken = cabinet_take_person(load->cabinet, row);
		if (!taken)
			return -ENOMEM;
		if (!taken->person.file)
			rows[n++] = taken;
	}
	for (int i = 0; rows && r == 0 && i < n; i++)
		r = cabinet_file_person(load->cabinet, rows[i]);
	for (int i = 0; rows && r == 0 && i < n; i++)
		TEXT_SET(rows[i]->survivor, file_prn(rows[i]->person.file));
	return rows ? r : -ENOMEM;
}

/* Numbers nobody has heard of have files too. */
static int make_files(struct load *load)
{
	for (const struct key *key = load->prns.set; key; key = key->hh.next) {
		struct person_row *row = cabinet_make_person(load->cabinet, key->text);

		if (!row)
			return -ENOMEM;
		file_row(row->person.file)->stamp = load->stamp;
	}
	return 0;
}

static void persons_came(void *context, const PGresult *result, const struct failure *failure)
{
	struct load *load = context;
	int r = 0;

	if (!answered(load, failure))
		return;
	if (!spans_a_clear(load)) {
		r = file_persons(load, result);
		if (r == 0)
			r = make_files(load);
	}
	load->no_memory |= r < 0;
	carry_on(load);
}

static int take_request(struct load *load, const PGresult *result, int i)
{
	struct request_row *row = calloc(1, sizeof(*row));
	CLEANUP(freep) char *strings = NULL;
	int r = row ? rows_read(&request_table, result, i, row, &strings) : -ENOMEM;

	if (r < 0) {
		free(row);
		return r;
	}
	row->stored = true;
	row = cabinet_take_request(load->cabinet, row);
	if (!row)
		return -ENOMEM;
	file_row(row->request.file)->stamp = load->stamp;
	return 0;
}

static void requests_came(void *context, const PGresult *result, const struct failure *failure)
{
	struct load *load = context;
	int r = 0;

	if (!answered(load, failure))
		return;
	for (int i = 0; r == 0 && !spans_a_clear(load) && i < PQntuples(result); i++)
		r = take_request(load, result, i);
	load->no_memory |= r < 0;
	carry_on(load);
}

static int take_case(struct load *load, const PGresult *result, int i)
{
	struct case_row *row = calloc(1, sizeof(*row));
	CLEANUP(freep) char *strings = NULL;
	int r = row ? rows_read(&case_table, result, i, row, &strings) : -ENOMEM;

	if (r < 0) {
		free(row);
		return r;
	}
	row->stored = true;
	return cabinet_take_case(load->cabinet, row);
}

static void cases_came(void *context, const PGresult *result, const struct failure *failure)
{
	struct load *load = context;
	int r = 0;

	if (!answered(load, failure))
		return;
	for (int i = 0; r == 0 && !spans_a_clear(load) && i < PQntuples(result); i++)
		r = take_case(load, result, i);
	load->no_memory |= r < 0;
	carry_on(load);
}

/* ---- Turns ---- */

static void ask_for(struct load *load, enum statement statement, struct parameters *parameters, connection_done came)
{
	if (connection_ask(load->ask.store->reader, statement, parameters, false, came, load) < 0)
		load->no_memory = true;
	else
		load->waiting++;
}

static void put_hashes(struct parameters *parameters, const struct load *load)
{
	struct buffer *out = parameter(parameters);
	size_t frame = put_array(out, OID_BYTEA, load->hash_count);

	for (size_t i = 0; i < load->hash_count; i++)
		put_bytes(out, load->hashes[i]->bytes, HASH_SIZE);
	put_array_end(out, frame);
}

static void ask_names(struct load *load)
{
	struct parameters parameters = { 0 };

	put_keys(&parameters, &load->orders, false);
	put_keys(&parameters, &load->cases, false);
	ask_for(load, STATEMENT_LOAD_NAMES, &parameters, names_came);
}

static void ask_parked(struct load *load)
{
	struct parameters parameters = { 0 };

	if (!load->refs.set && !load->parked_count)
		return;
	put_keys(&parameters, &load->refs, false);
	put_numbers(&parameters, load->parked, load->parked_count);
	ask_for(load, STATEMENT_LOAD_PARKED, &parameters, parked_came);
}

static void ask_claims(struct load *load)
{
	struct parameters parameters = { 0 };

	if (!load->ids.set)
		return;
	put_keys(&parameters, &load->ids, false);
	put_keys(&parameters, &load->ids, true);
	ask_for(load, STATEMENT_LOAD_CLAIMS, &parameters, claims_came);
}

static void ask_quarantined(struct load *load)
{
	struct parameters parameters = { 0 };

	if (!load->hash_count && !load->ids.set && !load->refs.set && !load->quarantined_count)
		return;
	put_hashes(&parameters, load);
	put_keys(&parameters, &load->ids, false);
	put_keys(&parameters, &load->ids, true);
	put_keys(&parameters, &load->refs, false);
	put_numbers(&parameters, load->quarantined, load->quarantined_count);
	ask_for(load, STATEMENT_LOAD_QUARANTINED, &parameters, quarantined_came);
}

static void ask_persons(struct load *load)
{
	struct parameters parameters = { 0 };

	put_keys(&parameters, &load->prns, false);
	ask_for(load, STATEMENT_LOAD_PERSONS, &parameters, persons_came);
}

/* The survivors of the numbers asked for. */
static void put_survivors(struct parameters *parameters, const struct load *load)
{
	struct buffer *out = parameter(parameters);
	size_t frame = put_array(out, OID_TEXT, HASH_COUNT(load->prns.set));

	for (const struct key *key = load->prns.set; key; key = key->hh.next) {
		const struct person_row *row = cabinet_find_person(load->cabinet, key->text);

		put_text(out, row && row->person.file ? file_prn(row->person.file) : key->text);
	}
	put_array_end(out, frame);
}

static void ask_files(struct load *load)
{
	struct parameters requests = { 0 }, cases = { 0 };

	put_keys(&requests, &load->orders, false);
	put_survivors(&requests, load);
	ask_for(load, STATEMENT_LOAD_REQUESTS, &requests, requests_came);
	put_keys(&cases, &load->orders, false);
	put_survivors(&cases, load);
	ask_for(load, STATEMENT_LOAD_CASES, &cases, cases_came);
}

static void mark_whole(struct load *load)
{
	for (const struct key *key = load->prns.set; key; key = key->hh.next) {
		const struct person_row *row = cabinet_find_person(load->cabinet, key->text);

		if (row && row->person.file)
			file_row(row->person.file)->whole = true;
	}
}

static void stamp_parked(struct load *load, struct group *groups, const struct keys *refs)
{
	for (const struct key *key = refs->set; key; key = key->hh.next) {
		struct link *link = cabinet_links(groups, key->text, strlen(key->text));

		for (; link; link = link->after)
			((struct parked_row *)link->row)->stamp = load->stamp;
	}
}

/* What the parked events found so far touch in turn, and what the quarantined ones would open: others may wait for it. */
static void want_touched(struct load *load)
{
	for (struct parked_row *row = load->cabinet->parked; row; row = row->hh.next) {
		if (row->stamp != load->stamp || row->wanted == load->stamp)
			continue;
		row->wanted = load->stamp;
		want_ref(load, row->parked.waits_for);
		want_event(load, row->event);
	}
	for (const struct quarantined_row *row = load->cabinet->quarantined; row; row = row->hh.next)
		if (row->stamp == load->stamp && row->quarantined.state == QUARANTINE_HELD)
			want_ref(load, row->quarantined.opens);
}

/* The keys of the next round. True: there is more to ask for. */
static bool want_more(struct load *load)
{
	struct keys refs = load->refs;

	load->refs = (struct keys){ 0 };
	clear_keys(&load->prns);
	clear_keys(&load->orders);
	clear_keys(&load->cases);
	clear_keys(&load->ids);
	load->hash_count = load->parked_count = load->quarantined_count = 0;
	for (const struct key *key = refs.set; key; key = key->hh.next)
		add_key(load, &load->all_refs, key->text, NULL);
	stamp_parked(load, load->cabinet->parked_of_ref, &refs);
	stamp_parked(load, load->cabinet->parked_of_opens, &refs);
	clear_keys(&refs);
	want_touched(load);
	return load->prns.set || load->orders.set || load->cases.set || load->refs.set || load->ids.set;
}

/* A parked row keeps its claim beside it. */
static void join_claims(struct load *load)
{
	for (struct parked_row *row = load->cabinet->parked; row; row = row->hh.next) {
		struct claim_row *claim =
			row->parked.claim ? NULL : cabinet_find_claim(load->cabinet, row->source, row->id);

		if (claim)
			row->parked.claim = &claim->claim;
	}
}

static void first_turn(struct load *load)
{
	ask_names(load);
	ask_parked(load);
	ask_claims(load);
	ask_quarantined(load);
}

enum turn { TURN_NAMES, TURN_PERSONS, TURN_FILES, TURNS };

/* A parked event lies beside its claim. Its turns read one after the other: where the claim is gone by its turn, another leader has decided the event
 * meanwhile. Beyond the last round claims are not asked for. */
static bool is_torn(const struct load *load)
{
	if (load->round >= ROUNDS_MAX * TURNS || spans_a_clear(load))
		return false;
	for (const struct parked_row *row = load->cabinet->parked; row; row = row->hh.next)
		if (row->stamp == load->stamp && row->stored && !row->parked.gone && !row->parked.claim)
			return true;
	return false;
}

static void complete(struct load *load)
{
	struct ask *ask = &load->ask;

	join_claims(load);
	if (is_torn(load)) {
		store_lose(ask->store, "another daemon has decided a parked event meanwhile: the term is over");
		return;
	}
	cabinet_end_load(load->cabinet, load->stamp);
	ask_end(ask);
	finish(load, STORE_OK, NULL);
}

/* Asks of a turn that could not be made will not be answered: the term ends. Not at once, for this may be within store_load(). */
static void turn_asked(struct load *load)
{
	if (load->no_memory)
		store_fail_soon(load->ask.store, "out of memory while reading facts");
}

/* True: the turn has been asked for; false: there is nothing more to ask for. */
static bool ask_turn(struct load *load, enum turn turn)
{
	if (turn == TURN_PERSONS) {
		ask_persons(load);
		return true;
	}
	if (turn == TURN_FILES) {
		ask_files(load);
		return true;
	}
	mark_whole(load);
	if (load->round >= ROUNDS_MAX * TURNS || !want_more(load))
		return false;
	first_turn(load);
	return true;
}

static void next_turn(struct load *load)
{
	load->round++;
	/* One that spans a clear: its keys went back to who asked, and are asked for anew. */
	if (!spans_a_clear(load) && ask_turn(load, (enum turn)(load->round % TURNS)))
		turn_asked(load);
	else
		complete(load);
}

/* ---- Beginning ---- */

static void want_all(struct load *load, const struct store_keys *keys)
{
	load->hashes = arena_take(load->arena, (keys->event_count + 1) * sizeof(*load->hashes));
	load->parked = arena_copy(load->arena, keys->parked, keys->parked_count * sizeof(uint64_t));
	load->quarantined = arena_copy(load->arena, keys->quarantined, keys->quarantined_count * sizeof(uint64_t));
	load->parked_count = keys->parked_count;
	load->quarantined_count = keys->quarantined_count;
	load->no_memory = !load->hashes || !load->parked || !load->quarantined;
	for (size_t i = 0; !load->no_memory && i < keys->event_count; i++) {
		load->hashes[i] = arena_copy(load->arena, &keys->events[i]->raw_hash, sizeof(struct hash));
		load->no_memory = !load->hashes[i];
		load->hash_count++;
		stamp_links(load, load->cabinet->quarantined_of_bytes, &keys->events[i]->raw_hash, sizeof(struct hash));
		want_event(load, keys->events[i]);
	}
	for (size_t i = 0; i < keys->order_ref_count; i++)
		want_order(load, keys->order_refs[i]);
}

int store_load(
	struct store *store, struct cabinet *cabinet, const struct store_keys *keys, store_done done, void *context)
{
	struct load *load;
	int r;

	if (store->state != STORE_LEADING)
		return -ENOTCONN;
	load = calloc(1, sizeof(*load));
	r = load ? arena_new(LOAD_MEMORY, &load->arena) : -ENOMEM;
	if (r < 0) {
		free(load);
		return r;
	}
	load->cabinet = cabinet;
	load->done = done;
	load->context = context;
	load->stamp = cabinet_begin_load(cabinet);
	load->clears = cabinet->clears;
	ask_begin(store, &load->ask, load_lost);
	want_all(load, keys);
	first_turn(load);
	turn_asked(load);
	return 0;
}
