#include "store/statements.h"

#include <stdio.h>
#include <string.h>

/* `{table alias}` stands for the columns rows.c reads. */
static const struct {
	const char *purpose, *text;
	const struct row_table *update; /* its text is made from the table's columns */
} statements[STATEMENTS] = {
	/* ---- The session and the term ---- */
	[STATEMENT_SESSION] = { "asking for the session",
		"SELECT a.pid, a.backend_start FROM pg_stat_activity a WHERE a.pid = pg_backend_pid()", NULL },
	[STATEMENT_TAKE_ROLE] = { "taking the role cpps_bridge",
		"SELECT set_config('role', rolname, false) FROM pg_roles"
		" WHERE rolname = 'cpps_bridge' AND pg_has_role(session_user, oid, 'MEMBER')",
		NULL },
	[STATEMENT_VERSION] = { "asking for the schema's version",
		"SELECT coalesce(max(version), 0) FROM cpps.migration", NULL },
	[STATEMENT_TAKE_TERM] = { "taking the term",
		"SELECT leads, epoch, pid, backend_start, expired, endpoints"
		" FROM cpps_store.take_term($1::text, $2::integer, $3::timestamptz, $4::text[])",
		NULL },
	[STATEMENT_RESET_ROLE] = { "taking the login's own role", "RESET ROLE", NULL },
	[STATEMENT_EVICT] = { "ending the session of a leader that has stopped",
		"SELECT pg_terminate_backend(a.pid, 2000) FROM pg_stat_activity a"
		" LEFT JOIN pg_locks l ON l.pid = a.pid AND l.locktype = 'advisory' AND l.classid = 1668313203"
		" AND l.objid = 1 AND l.database = a.datid AND l.granted"
		" WHERE a.datname = current_database() AND ((a.pid = $1::integer AND a.backend_start = $2::timestamptz)"
		" OR (l.pid IS NOT NULL AND a.query_start < clock_timestamp() - interval '10 seconds'))",
		NULL },
	[STATEMENT_RENEW] = { "renewing the lease",
		"UPDATE cpps_store.lease SET renewed_at = clock_timestamp()"
		" WHERE stream = $1::text AND epoch = $2::bigint AND pid = $3::integer AND backend_start = "
		"$4::timestamptz",
		NULL },
	[STATEMENT_SYNCHRONOUS] = { "looking for a synchronous standby", "SELECT cpps_store.synchronous()", NULL },
	/* Writes what a synchronous commit has to wait for, and touches no row. */
	[STATEMENT_TOUCH] = { "confirming a commit", "SELECT pg_logical_emit_message(true, 'cpps-bridge', '')", NULL },
	[STATEMENT_TERM] = { "reading what the term starts from",
		"SELECT (SELECT epoch FROM cpps_store.term WHERE stream = $1::text),"
		" (SELECT max(last_seq) FROM cpps_store.batch), (SELECT min(first_seq) FROM cpps_store.batch),"
		" (SELECT recorded_at FROM cpps_store.batch ORDER BY last_seq DESC LIMIT 1), clock_timestamp(),"
		" (SELECT (extract(epoch FROM ahead) * 1000000)::bigint FROM cpps_store.clock WHERE stream = $1::text),"
		" (SELECT count(*) FROM cpps_store.parked), (SELECT count(*) FROM cpps_store.quarantined WHERE state = "
		"1),"
		" (SELECT coalesce(max(number), 0) + 1 FROM cpps_store.parked),"
		" (SELECT coalesce(max(number), 0) + 1 FROM cpps_store.quarantined)",
		NULL },
	[STATEMENT_POSITIONS] = { "reading the sources' positions",
		"SELECT source, stream, epoch, seq, head FROM cpps_store.source_position ORDER BY taken_at DESC LIMIT "
		"32",
		NULL },
	[STATEMENT_HELD_BYTES] = { "adding up the quarantine",
		"SELECT coalesce(submitter, ''), sum(octet_length(raw))::bigint FROM cpps_store.quarantined"
		" WHERE state = 1 AND raw IS NOT NULL GROUP BY 1",
		NULL },

	/* ---- Facts ---- */
	[STATEMENT_LOAD_NAMES] = { "looking up orders",
		"SELECT r.order_ref, r.prn, r.filed_prn FROM cpps_store.request r WHERE r.order_ref = ANY ($1::text[] "
		"||"
		" ARRAY(SELECT c.order_ref FROM cpps_store.ptp_case c WHERE c.ptp_ref = ANY ($2::text[])))",
		NULL },
	/* Those that wait for the order or case; those that would open it; by number. */
	[STATEMENT_LOAD_PARKED] = { "loading parked events",
		"SELECT {parked p} FROM cpps_store.parked p WHERE p.waits_for = ANY ($1::text[])"
		" OR p.number = ANY ($2::bigint[] || ARRAY("
		"SELECT n.number FROM unnest($1::text[]) AS o (ref) CROSS JOIN LATERAL (SELECT number"
		" FROM cpps_store.parked WHERE opens = o.ref ORDER BY opens, number LIMIT 20) AS n))",
		NULL },
	[STATEMENT_LOAD_CLAIMS] = { "loading claims",
		"SELECT {claim c} FROM unnest($1::text[], $2::text[]) AS k (source, id)"
		" JOIN cpps_store.claim c ON c.source = k.source AND c.id = k.id",
		NULL },
	/* The newest of the same bytes; those held of the same id; those held that would open the order or case; by number. The
	 * limits are for a sender gone wild: what is beyond them stays held. */
	[STATEMENT_LOAD_QUARANTINED] = { "loading quarantined events",
		"SELECT {quarantined q}, coalesce(octet_length(q.raw), 0)::bigint FROM cpps_store.quarantined q"
		" WHERE q.number = ANY ($5::bigint[] || ARRAY("
		"SELECT n.number FROM unnest($1::bytea[]) AS h (hash) CROSS JOIN LATERAL (SELECT number FROM "
		"cpps_store.quarantined"
		" WHERE raw_hash = h.hash ORDER BY raw_hash, number DESC LIMIT 1) AS n"
		" UNION ALL SELECT n.number FROM unnest($2::text[], $3::text[]) AS k (source, id) CROSS JOIN LATERAL "
		"(SELECT number"
		" FROM cpps_store.quarantined WHERE source = k.source AND id = k.id AND state = 1 ORDER BY source, id, "
		"number"
		" LIMIT 200) AS n"
		" UNION ALL SELECT n.number FROM unnest($4::text[]) AS o (ref) CROSS JOIN LATERAL (SELECT number"
		" FROM cpps_store.quarantined WHERE opens = o.ref AND state = 1 ORDER BY opens, number LIMIT 20) AS "
		"n))",
		NULL },
	/* The whole tree of merges a number belongs to: up to the survivor, and down from everyone on the way. */
	[STATEMENT_LOAD_PERSONS] = { "loading persons",
		"WITH RECURSIVE up (prn, merged_into) AS ("
		"SELECT p.prn, p.merged_into FROM cpps_store.person p WHERE p.prn = ANY ($1::text[])"
		" UNION SELECT p.prn, p.merged_into FROM up JOIN cpps_store.person p ON p.prn = up.merged_into"
		"), down (prn) AS ("
		"SELECT prn FROM up UNION SELECT p.prn FROM down JOIN cpps_store.person p ON p.merged_into = down.prn)"
		" SELECT {person p} FROM down JOIN cpps_store.person p ON p.prn = down.prn",
		NULL },
	[STATEMENT_LOAD_REQUESTS] = { "loading requests",
		"SELECT {request r} FROM cpps_store.request r"
		" WHERE r.order_ref = ANY ($1::text[]) OR (r.prn = ANY ($2::text[]) AND r.state < 5)",
		NULL },
	[STATEMENT_LOAD_CASES] = { "loading PTP cases",
		"SELECT {ptp_case c} FROM cpps_store.ptp_case c WHERE c.order_ref = ANY (ARRAY(SELECT r.order_ref"
		" FROM cpps_store.request r WHERE r.order_ref = ANY ($1::text[]) OR (r.prn = ANY ($2::text[]) AND "
		"r.state < 5)))"
		" ORDER BY c.opened_at, c.ptp_ref",
		NULL },

	/* ---- The leader's transaction ---- */
	[STATEMENT_BEGIN] = { "beginning a transaction", "BEGIN", NULL },
	[STATEMENT_UPDATE_PERSON] = { "writing persons", NULL, &person_table },
	[STATEMENT_UPDATE_REQUEST] = { "writing requests", NULL, &request_table },
	[STATEMENT_UPDATE_CASE] = { "writing PTP cases", NULL, &case_table },
	[STATEMENT_UPDATE_CLAIM] = { "writing claims", NULL, &claim_table },
	[STATEMENT_UPDATE_PARKED] = { "writing parked events", NULL, &parked_table },
	[STATEMENT_UPDATE_QUARANTINED] = { "writing quarantined events", NULL, &quarantined_table },
	[STATEMENT_REFILE] = { "moving requests to their surviving number",
		"UPDATE cpps_store.request AS r SET prn = m.now FROM unnest($1::text[], $2::text[], $3::text[])"
		" AS m (filed, was, now) WHERE r.prn = m.was AND r.filed_prn = m.filed",
		NULL },
	[STATEMENT_DELETE_PARKED] = { "deleting parked events",
		"DELETE FROM cpps_store.parked WHERE number = ANY ($1::bigint[])", NULL },
	[STATEMENT_DELETE_CLAIM] = { "releasing claims",
		"DELETE FROM cpps_store.claim AS c USING unnest($1::text[], $2::text[]) AS k (source, id)"
		" WHERE c.source = k.source AND c.id = k.id",
		NULL },
	[STATEMENT_POSITION] = { "writing positions",
		"INSERT INTO cpps_store.source_position (source, stream, epoch, seq, head, taken_at)"
		" SELECT p.*, clock_timestamp() FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], "
		"$5::bigint[])"
		" AS p (source, stream, epoch, seq, head)"
		" ON CONFLICT (source) DO UPDATE SET stream = excluded.stream, epoch = excluded.epoch, seq = "
		"excluded.seq,"
		" head = excluded.head, taken_at = excluded.taken_at",
		NULL },
	[STATEMENT_CLOCK] = { "moving the test clock",
		"INSERT INTO cpps_store.clock (stream, ahead) VALUES ($1::text, $2::bigint * interval '1 microsecond')"
		" ON CONFLICT (stream) DO UPDATE SET ahead = excluded.ahead",
		NULL },
	[STATEMENT_RECONCILED] = { "recording a comparison",
		"INSERT INTO cpps_store.reconciliation (at, agreed, differences, by)"
		" VALUES (clock_timestamp(), $1::boolean, $2::integer, $3::text)",
		NULL },
	[STATEMENT_FENCE] = { "writing the log",
		"SELECT cpps_store.fence($1::text, $2::bigint, $3::bigint, $4::bigint, $5::timestamptz, $6::text[], "
		"$7::text[],"
		" $8::text[], $9::text[], $10::integer[], $11::bytea)",
		NULL },
	[STATEMENT_COMMIT] = { "committing", "COMMIT", NULL },
	[STATEMENT_ROLLBACK] = { "rolling back", "ROLLBACK", NULL },

	/* ---- Answers ---- */
	/* Begins within the batch that holds the record, and ends within the batch that reaches the limit; the bytes between are cut out by the
	 * server (the column is stored plain for this), so that one answer is never longer than asked for, but for one record. */
	[STATEMENT_LOG] = { "reading the log",
		"SELECT w.first_seq + w.skip AS seq, w.epoch, w.topics[w.skip + 1 : e.last], w.ends[w.skip + 1 : "
		"e.last], w.start,"
		" substring(w.records FROM w.start + 1 FOR w.ends[e.last] - w.start)"
		" FROM (SELECT s.*, sum(octet_length(s.records) - s.start) OVER (ORDER BY s.first_seq)"
		" - (octet_length(s.records) - s.start) AS before"
		" FROM (SELECT b.*, greatest($1::bigint - b.first_seq + 1, 0)::integer AS skip,"
		" coalesce(b.ends[greatest($1::bigint - b.first_seq + 1, 0)::integer], 0) AS start"
		" FROM cpps_store.batch b WHERE b.last_seq > $1::bigint ORDER BY b.last_seq LIMIT 200) AS s) AS w"
		" CROSS JOIN LATERAL (SELECT max(u.i)::integer AS last FROM unnest(w.ends) WITH ORDINALITY AS u (e, i)"
		" WHERE u.i > w.skip AND (w.before + u.e - w.start <= $2::bigint OR (w.before = 0 AND u.i = w.skip + "
		"1))) AS e"
		" WHERE e.last IS NOT NULL ORDER BY w.first_seq",
		NULL },
	[STATEMENT_EPOCH_OF] = { "asking for a record's epoch",
		"SELECT b.epoch FROM (SELECT * FROM cpps_store.batch WHERE last_seq >= $1::bigint ORDER BY last_seq "
		"LIMIT 1) AS b"
		" WHERE b.first_seq <= $1::bigint",
		NULL },
	[STATEMENT_DUE] = { "asking what is due",
		"SELECT * FROM ("
		"(SELECT next_alarm, order_ref, NULL::bigint AS parked, NULL::bigint AS quarantined FROM "
		"cpps_store.request"
		" WHERE next_alarm <= $1::timestamptz ORDER BY next_alarm LIMIT $2::bigint)"
		" UNION ALL (SELECT next_alarm, NULL, number, NULL FROM cpps_store.parked"
		" WHERE next_alarm <= $1::timestamptz ORDER BY next_alarm LIMIT $2::bigint)"
		" UNION ALL (SELECT next_alarm, NULL, NULL, number FROM cpps_store.quarantined"
		" WHERE next_alarm <= $1::timestamptz ORDER BY next_alarm LIMIT $2::bigint)"
		") AS due ORDER BY next_alarm LIMIT $2::bigint",
		NULL },
	/* At most some bytes at once, but for one event. */
	[STATEMENT_HELD] = { "reading held events",
		"SELECT q.number, q.kind, q.submitter, q.raw FROM (SELECT *, sum(raw_size) OVER (ORDER BY number) - "
		"raw_size AS before"
		" FROM (SELECT number, kind, submitter, raw, raw_size FROM cpps_store.quarantined"
		" WHERE state = 1 AND ($1::boolean OR number = ANY ($2::bigint[])) ORDER BY number LIMIT $3::bigint) "
		"AS h) AS q"
		" WHERE q.before < $4::bigint ORDER BY q.number",
		NULL },
	[STATEMENT_CONFIRM] = { "recording a consumer's position",
		"INSERT INTO cpps_store.consumer_position AS c (name, confirmed) VALUES ($1::text, $2::bigint)"
		" ON CONFLICT (name) DO UPDATE SET confirmed = greatest(c.confirmed, excluded.confirmed), seen_at = "
		"clock_timestamp()",
		NULL },
	[STATEMENT_FORGET] = { "forgetting a consumer",
		"DELETE FROM cpps_store.consumer_position WHERE name = $1::text", NULL },
	[STATEMENT_RETAIN] = { "deleting what need not be kept",
		"SELECT first, more FROM cpps_store.retain($1::text, $2::bigint, $3::timestamptz, $4::integer, "
		"$5::integer, "
		"$6::integer, $7::integer)",
		NULL },
};

const char session_script[] =
	"SET statement_timeout = '30s'; SET lock_timeout = '5s';"
	" SET idle_in_transaction_session_timeout = '5s';"
	" SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3;"
	" SET tcp_user_timeout = '10s'; SET synchronous_commit = on;"
	" SET timezone = 'UTC'; SET datestyle = 'ISO'; SET bytea_output = 'hex';"
	" SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET jit = off";

const char *statement_purpose(enum statement statement)
{
	return statements[statement].purpose;
}

static const struct row_table *table_named(const char *name, size_t n)
{
	static const struct row_table *const tables[] = { &person_table, &request_table, &case_table, &claim_table,
		&parked_table, &quarantined_table };
	const size_t schema = strlen("cpps_store.");

	for (size_t i = 0; i < ARRAY_LENGTH(tables); i++)
		if (strlen(tables[i]->name) == schema + n && strncmp(tables[i]->name + schema, name, n) == 0)
			return tables[i];
	return NULL;
}

void statement_text(enum statement statement, struct buffer *sql)
{
	const char *text = statements[statement].text, *open;

	if (statements[statement].update) {
		rows_update_sql(statements[statement].update, sql);
		return;
	}
	while ((open = strchr(text, '{'))) {
		size_t name = strcspn(open + 1, " "), alias = strcspn(open + 1 + name, "}");
		char as[8];

		buffer_bytes(sql, text, (size_t)(open - text));
		(void)snprintf(as, sizeof(as), "%.*s", (int)alias - 1, open + name + 2);
		rows_select_sql(table_named(open + 1, name), as, sql);
		text = open + 1 + name + alias + 1;
	}
	buffer_text(sql, text);
}

struct buffer *parameter(struct parameters *parameters)
{
	if (parameters->n < PARAMETERS_MAX)
		parameters->at[parameters->n++] = parameters->bytes.n;
	else
		parameters->bytes.failed = true;
	return &parameters->bytes;
}

void parameter_texts(struct parameters *parameters, const char *const *texts, size_t n)
{
	struct buffer *out = parameter(parameters);
	size_t frame = put_array(out, OID_TEXT, n);

	for (size_t i = 0; i < n; i++)
		put_text(out, texts[i]);
	put_array_end(out, frame);
}

void parameters_clear(struct parameters *parameters)
{
	buffer_clear(&parameters->bytes);
	parameters->n = 0;
}
