/* Each file is sent statement by statement rather than whole: PostgreSQL gives a position for some errors only, and a statement's first line is
 * known for all of them. Objects belong to cpps_owner, whoever migrates: the migrator takes that role for every file. The list of applied
 * files (cpps_store.migration) is made right behind 001, which makes its schema, in the same transaction. */
#include "store/migrate.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "store/read.h"

#define MIGRATE_LOCK "76321100915" /* any number; advisory locks are the database's own */

struct migration {
	PGconn *connection;
	const struct sql_file *files;
	size_t count;
	migrate_progress progress;
	void *context;
	struct fault *fault;
};

static void say(const struct migration *m, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(const struct migration *m, const char *format, ...)
{
	char sentence[FAULT_MAX];
	va_list args;

	if (!m->progress)
		return;
	va_start(args, format);
	(void)vsnprintf(sentence, sizeof(sentence), format, args);
	va_end(args);
	m->progress(m->context, sentence);
}

int migrate_number(const struct sql_file *file)
{
	int number = 0;
	const char *c = file->name;

	for (; isdigit((unsigned char)*c) && c - file->name < 6; c++)
		number = number * 10 + (*c - '0');
	return *c == '_' ? number : 0;
}

static int newest(const struct migration *m)
{
	int number = 0;

	for (size_t i = 0; i < m->count; i++)
		if (migrate_number(&m->files[i]) > number)
			number = migrate_number(&m->files[i]);
	return number;
}

/* ---- Short queries of the migrator's own ---- */

static int run(const struct migration *m, const char *sql)
{
	CLEANUP(read_clearp) PGresult *result = NULL;

	return read_query(m->connection, sql, NULL, &result, m->fault);
}

/* The one number or truth (0, 1) that a query yields. */
static int ask(const struct migration *m, const char *sql, const char *parameter, int *ret)
{
	const char *const parameters[] = { parameter, NULL };
	CLEANUP(read_clearp) PGresult *result = NULL;
	int r = read_query(m->connection, sql, parameters, &result, m->fault);

	if (r < 0)
		return r;
	*ret = strcmp(PQgetvalue(result, 0, 0), "t") == 0 ? 1 : atoi(PQgetvalue(result, 0, 0));
	return 0;
}

/* ---- Statements ---- */

static const char *behind(const char *p, const char *end, const char *what, size_t n)
{
	const char *found = memmem(p, (size_t)(end - p), what, n);

	return found ? found + n : end;
}

/* Behind the dollar quote that starts at p; p + 1 if none does ($1, a lone $). */
static const char *behind_dollar_quote(const char *p, const char *end)
{
	const char *tag = p + 1;

	while (tag < end && (isalnum((unsigned char)*tag) || *tag == '_'))
		tag++;
	if (tag == end || *tag != '$')
		return p + 1;
	tag++;
	return behind(tag, end, p, (size_t)(tag - p));
}

/* Behind the comment that starts at p; p itself if none does. */
static const char *behind_comment(const char *p, const char *end)
{
	if (end - p >= 2 && memcmp(p, "--", 2) == 0)
		return behind(p, end, "\n", 1);
	if (end - p >= 2 && memcmp(p, "/*", 2) == 0)
		return behind(p, end, "*/", 2);
	return p;
}

/* Behind the character at p, or what it opens: a comment, a quoted name or text. */
static const char *behind_token(const char *p, const char *end)
{
	const char *comment = behind_comment(p, end);

	if (comment > p)
		return comment;
	switch (*p) {
	case '\'':
	case '"':
		return behind(p + 1, end, p, 1);
	case '$':
		return behind_dollar_quote(p, end);
	default:
		return p + 1;
	}
}

static const char *statement_end(const char *p, const char *end)
{
	while (p < end && *p != ';')
		p = behind_token(p, end);
	return p;
}

static const char *statement_start(const char *p, const char *end)
{
	while (p < end && (isspace((unsigned char)*p) || behind_comment(p, end) > p))
		p = isspace((unsigned char)*p) ? p + 1 : behind_comment(p, end);
	return p;
}

static int lines(const char *from, const char *to)
{
	int n = 0;

	for (const char *c = from; c < to; c++)
		n += *c == '\n';
	return n;
}

/* Where the statement's character number `position` (1 is the first) lies; its start where PostgreSQL names none. */
static const char *at_position(const char *statement, const char *position)
{
	long left = position ? strtol(position, NULL, 10) : 0;
	const char *c = statement;

	for (; *c && left > 1; c++)
		left -= (c[1] & 0xc0) != 0x80;
	return c;
}

/* What a person can do about an error, by the class or code of its SQLSTATE. */
static const char *mend_for(const char *state)
{
	static const struct {
		const char *state, *mend;
	} mends[] = {
		{ "42501", "connect as a superuser, or as a member of cpps_owner" },
		{ "42P06", "the schema was made by something else: migrate an empty database, or restore a backup" },
		{ "42P07", "the table was made by something else: migrate an empty database, or restore a backup" },
		{ "53", "the database server has run out of space, memory or connections: make room and run it again" },
		{ "55P03", "another session holds what it needs: end that session and run it again" },
		{ "57", "the database server is stopping or starting: run it again later" },
		{ "22", "the file holds a value its column does not take: mend the file" },
		{ "23", "the file holds rows that contradict each other: mend the file" },
	};

	for (size_t i = 0; state && i < ARRAY_LENGTH(mends); i++)
		if (strncmp(state, mends[i].state, strlen(mends[i].state)) == 0)
			return mends[i].mend;
	return "nothing of this file was kept: mend it and run it again";
}

static int statement_fault(const struct migration *m, const struct sql_file *file, const char *from,
	const char *statement, const PGresult *result)
{
	const char *position = PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION);
	const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	int line = 1 + lines((const char *)file->start, from) + lines(statement, at_position(statement, position));

	return fault_set(m->fault, -EIO, "%s, line %d: %s; %s", file->name, line,
		message ? message : PQerrorMessage(m->connection),
		mend_for(PQresultErrorField(result, PG_DIAG_SQLSTATE)));
}

static int run_statement(const struct migration *m, const struct sql_file *file, const char *from, const char *to)
{
	CLEANUP(freep) char *statement = strndup(from, (size_t)(to - from));
	CLEANUP(read_clearp) PGresult *result = NULL;

	if (!statement)
		return fault_set(m->fault, -ENOMEM, "out of memory");
	result = PQexec(m->connection, statement);
	if (PQresultStatus(result) == PGRES_COMMAND_OK || PQresultStatus(result) == PGRES_TUPLES_OK)
		return 0;
	return statement_fault(m, file, from, statement, result);
}

static int run_file(const struct migration *m, const struct sql_file *file)
{
	const char *end = (const char *)file->end;
	const char *p = statement_start((const char *)file->start, end);

	while (p < end) {
		const char *to = statement_end(p, end);
		int r = run_statement(m, file, p, to);

		if (r < 0)
			return r;
		p = to < end ? statement_start(to + 1, end) : end;
	}
	return 0;
}

/* ---- The shipped policy ---- */

/* The table of policy/<table>.csv; false for other files. */
static bool policy_file_table(const struct sql_file *file, char *table, size_t size)
{
	const char *name = file->name;
	size_t n = strlen(name);

	if (strncmp(name, "policy/", 7) != 0 || n < 12 || strcmp(name + n - 4, ".csv") != 0)
		return false;
	return (size_t)snprintf(table, size, "%.*s", (int)(n - 11), name + 7) < size;
}

static int copy_result(const struct migration *m, const struct sql_file *file)
{
	CLEANUP(read_clearp) PGresult *result = PQgetResult(m->connection);
	CLEANUP(read_clearp) PGresult *end = PQgetResult(m->connection);
	const char *where = result ? PQresultErrorField(result, PG_DIAG_CONTEXT) : NULL;

	if (PQresultStatus(result) == PGRES_COMMAND_OK) {
		say(m, "loaded %s: %s rows", file->name, PQcmdTuples(result));
		return 0;
	}
	return fault_set(m->fault, -EIO, "%s: %s%s%s; %s", file->name,
		result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : PQerrorMessage(m->connection),
		where ? ": " : "", where ? where : "",
		mend_for(result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL));
}

/* The columns are those the header names, in its order. */
static int copy_policy(const struct migration *m, const struct sql_file *file, const char *table)
{
	const char *start = (const char *)file->start;
	size_t size = (size_t)(file->end - file->start);
	int header = (int)strcspn(start, "\r\n");
	char sql[1024];
	CLEANUP(read_clearp) PGresult *result = NULL;

	(void)snprintf(sql, sizeof(sql), "COPY cpps_policy.\"%s\" (%.*s) FROM STDIN (FORMAT csv, HEADER)", table,
		header, start);
	result = PQexec(m->connection, sql);
	if (PQresultStatus(result) != PGRES_COPY_IN)
		return fault_set(m->fault, -EIO, "%s: %s; its header must name columns of cpps_policy.%s", file->name,
			PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY), table);
	(void)PQputCopyData(m->connection, start, (int)size);
	(void)PQputCopyEnd(m->connection, NULL);
	return copy_result(m, file);
}

/* Whether the file's table exists; a table is filled in the transaction that makes it, so that a policy once edited is never touched. */
static int table_exists(const struct migration *m, const char *table, int *ret)
{
	return ask(m,
		"SELECT EXISTS (SELECT FROM pg_catalog.pg_tables WHERE schemaname = 'cpps_policy' AND tablename = $1)",
		table, ret);
}

#define POLICY_FILES_MAX 64

/* `had`: which of the files' tables stood before this migration. */
static int note_tables(const struct migration *m, int *had)
{
	char table[64];

	for (size_t i = 0; i < m->count && i < POLICY_FILES_MAX; i++) {
		int r = policy_file_table(&m->files[i], table, sizeof(table)) ? table_exists(m, table, &had[i]) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

static int fill_new_tables(const struct migration *m, const int *had)
{
	char table[64];
	int now[POLICY_FILES_MAX] = { 0 }, filled = 0;
	int r = note_tables(m, now);

	for (size_t i = 0; r >= 0 && i < m->count && i < POLICY_FILES_MAX; i++) {
		if (!now[i] || had[i] || !policy_file_table(&m->files[i], table, sizeof(table)))
			continue;
		r = copy_policy(m, &m->files[i], table);
		filled++;
	}
	return r < 0 ? r : filled;
}

static int check_policy(const struct migration *m)
{
	CLEANUP(freep) struct policy *policy = NULL;

	return read_policy(m->connection, &policy, m->fault);
}

/* ---- One file, one transaction ---- */

static int record(const struct migration *m, const struct sql_file *file)
{
	char number[12];
	const char *const parameters[] = { number, file->name, NULL };
	CLEANUP(read_clearp) PGresult *result = NULL;
	int r = run(m,
		"CREATE TABLE IF NOT EXISTS cpps_store.migration ("
		"version integer PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())");

	if (r < 0)
		return r;
	(void)snprintf(number, sizeof(number), "%d", migrate_number(file));
	return read_query(m->connection, "INSERT INTO cpps_store.migration (version, name) VALUES ($1, $2)", parameters,
		&result, m->fault);
}

static int apply_within(const struct migration *m, const struct sql_file *file)
{
	int had[POLICY_FILES_MAX] = { 0 };
	int r = note_tables(m, had);

	if (r >= 0)
		r = run_file(m, file);
	if (r >= 0)
		r = run(m, "SET LOCAL ROLE cpps_owner");
	if (r >= 0)
		r = record(m, file);
	if (r >= 0)
		r = fill_new_tables(m, had);
	if (r > 0)
		r = check_policy(m);
	return r;
}

static int apply(const struct migration *m, const struct sql_file *file)
{
	int r = run(m, "BEGIN");

	if (r >= 0)
		r = apply_within(m, file);
	if (r >= 0)
		r = run(m, "COMMIT");
	if (r < 0) {
		PQclear(PQexec(m->connection, "ROLLBACK"));
		return r;
	}
	say(m, "applied %s", file->name);
	return 0;
}

/* ---- Before the first ---- */

static int read_version(const struct migration *m, int *ret)
{
	int there;
	int r = ask(m,
		"SELECT EXISTS (SELECT FROM pg_catalog.pg_tables WHERE schemaname = 'cpps_store' AND tablename = "
		"'migration')",
		NULL, &there);

	if (r < 0)
		return r;
	if (!there) {
		*ret = 0;
		return 0;
	}
	return ask(m, "SELECT coalesce(max(version), 0) FROM cpps_store.migration", NULL, ret);
}

/* Rows of truths the database must answer with yes, and what to say where it does not. */
static int check_server(const struct migration *m, int version)
{
	static const struct {
		bool first; /* needed for the first migration only */
		int error;
		const char *question, *sentence;
	} checks[] = {
		{ false, -EPROTO, "SELECT current_setting('server_version_num')::int >= 150000",
			"the database server is too old: cpps-bridge needs PostgreSQL 15 or later" },
		{ false, -EPROTO, "SELECT getdatabaseencoding() = 'UTF8'",
			"the database's encoding is not UTF8: create it with `CREATE DATABASE ... ENCODING 'UTF8' "
			"TEMPLATE template0`" },
		{ false, -EPROTO, "SELECT NOT pg_is_in_recovery()",
			"the database server is a standby and cannot be migrated: connect to its primary" },
		{ true, -EPERM,
			"SELECT rolsuper OR rolcreaterole OR (SELECT count(*) = 3 FROM pg_roles WHERE rolname IN "
			"('cpps_owner', "
			"'cpps_bridge', 'cpps_reader')) FROM pg_roles WHERE rolname = current_user",
			"the first migration makes the roles cpps_owner, cpps_bridge and cpps_reader: run it as a "
			"superuser or as an account with CREATEROLE" },
		{ true, -EPERM, "SELECT has_database_privilege(current_database(), 'CREATE')",
			"the account may not create schemas in this database: run `cppsctl migrate` as its owner or as "
			"a superuser" },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(checks); i++) {
		int yes = 1;
		int r = checks[i].first && version > 0 ? 0 : ask(m, checks[i].question, NULL, &yes);

		if (r < 0)
			return r;
		if (!yes)
			return fault_set(m->fault, checks[i].error, "%s", checks[i].sentence);
	}
	return 0;
}

/* The roles are the server's, not the database's: another database's migration may be making them at this moment. */
static int make_roles(const struct migration *m)
{
	static const char roles[] = "DO $$ DECLARE r text; BEGIN"
				    " FOREACH r IN ARRAY ARRAY['cpps_owner', 'cpps_bridge', 'cpps_reader'] LOOP"
				    "  BEGIN"
				    "   IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = r) THEN EXECUTE "
				    "format('CREATE ROLE %I NOLOGIN', r); END IF;"
				    "  EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;"
				    "  END;"
				    " END LOOP;"
				    " IF NOT pg_has_role(current_user, 'cpps_owner', 'MEMBER') THEN GRANT cpps_owner "
				    "TO CURRENT_USER; END IF;"
				    "EXCEPTION WHEN insufficient_privilege THEN NULL; " /* check_member() says it */
				    "END $$";

	return run(m, roles);
}

static int check_member(const struct migration *m)
{
	int member;
	int r = ask(m, "SELECT pg_has_role(current_user, 'cpps_owner', 'MEMBER')", NULL, &member);

	if (r < 0 || member)
		return r;
	return fault_set(m->fault, -EPERM,
		"the account is not a member of cpps_owner: connect as a superuser, or have one say `GRANT cpps_owner "
		"TO ...`");
}

static int prepare(const struct migration *m, int version)
{
	int r = check_server(m, version);

	if (r >= 0)
		r = version == 0 ? make_roles(m) : 0;
	if (r >= 0)
		r = check_member(m);
	return r;
}

static int apply_from(const struct migration *m, int version)
{
	for (size_t i = 0; i < m->count; i++) {
		int r = migrate_number(&m->files[i]) > version ? apply(m, &m->files[i]) : 0;

		if (r < 0)
			return r;
	}
	say(m, "the schema is at version %d", newest(m));
	return 0;
}

/* Under the lock: whoever came first has committed everything by now. */
static int migrate_locked(const struct migration *m)
{
	int version;
	int r = read_version(m, &version);

	if (r < 0)
		return r;
	if (version > newest(m))
		return fault_set(m->fault, -EPROTO,
			"the database's schema is at version %d and this program knows only %d: install the newer "
			"cpps-bridge; nothing was changed",
			version, newest(m));
	if (version == newest(m)) {
		say(m, "nothing to do: the schema is at version %d", version);
		return 0;
	}
	r = prepare(m, version);
	return r < 0 ? r : apply_from(m, version);
}

static int lock(const struct migration *m)
{
	int locked;
	int r = ask(m, "SELECT pg_try_advisory_lock(" MIGRATE_LOCK ")", NULL, &locked);

	if (r < 0 || locked)
		return r;
	say(m, "another migration is under way: waiting for it");
	return run(m, "SELECT pg_advisory_lock(" MIGRATE_LOCK ")");
}

int migrate_files(const char *conninfo, const struct sql_file *files, size_t count, migrate_progress progress,
	void *context, struct fault *fault)
{
	CLEANUP(read_closep) PGconn *connection = NULL;
	struct migration m = {
		.files = files, .count = count, .progress = progress, .context = context, .fault = fault
	};
	int r = read_connect(conninfo, &connection, fault);

	if (r < 0)
		return r;
	m.connection = connection;
	r = lock(&m);
	return r < 0 ? r : migrate_locked(&m);
}

int migrate(const char *conninfo, migrate_progress progress, void *context, struct fault *fault)
{
	return migrate_files(conninfo, sql_files, sql_file_count, progress, context, fault);
}

int migrate_version(const char *conninfo, int *ret, struct fault *fault)
{
	CLEANUP(read_closep) PGconn *connection = NULL;
	struct migration m = { .fault = fault };
	int r = read_connect(conninfo, &connection, fault);

	if (r < 0)
		return r;
	m.connection = connection;
	return read_version(&m, ret);
}
