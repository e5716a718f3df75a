/* Objects belong to cpps_owner, whoever migrates: the migrator takes that role for every file. The list of applied
 * files (cpps_store.migration) is made right behind 001, which makes its schema, in the same transaction. */
#include "store/inside_migrate.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MIGRATE_LOCK "76321100915" /* any number; advisory locks are the database's own */

void migration_say(const struct migration *m, const char *format, ...)
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

int migration_ask(const struct migration *m, const char *sql, const char *parameter, int *ret)
{
	const char *const parameters[] = { parameter, NULL };
	CLEANUP(read_clearp) PGresult *result = NULL;
	int r = read_query(m->connection, sql, parameters, &result, m->fault);

	if (r < 0)
		return r;
	*ret = strcmp(PQgetvalue(result, 0, 0), "t") == 0 ? 1 : atoi(PQgetvalue(result, 0, 0));
	return 0;
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

/* As a whole, with the daemon's own rules. */
static int check_policy(const struct migration *m)
{
	CLEANUP(freep) struct policy *policy = NULL;

	return read_policy(m->connection, &policy, m->fault);
}

static int apply_within(const struct migration *m, const struct sql_file *file)
{
	int had[SHIPPED_FILES_MAX] = { 0 };
	int r = shipped_note(m, had);

	if (r >= 0)
		r = script_run(m, file);
	if (r >= 0)
		r = run(m, "SET LOCAL ROLE cpps_owner");
	if (r >= 0)
		r = record(m, file);
	if (r >= 0)
		r = shipped_fill(m, had);
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
	migration_say(m, "applied %s", file->name);
	return 0;
}

/* ---- Before the first ---- */

static int read_version(const struct migration *m, int *ret)
{
	int there;
	int r = migration_ask(m,
		"SELECT EXISTS (SELECT FROM pg_catalog.pg_tables WHERE schemaname = 'cpps_store' AND tablename = "
		"'migration')",
		NULL, &there);

	if (r < 0)
		return r;
	if (!there) {
		*ret = 0;
		return 0;
	}
	return migration_ask(m, "SELECT coalesce(max(version), 0) FROM cpps_store.migration", NULL, ret);
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
		int r = checks[i].first && version > 0 ? 0 : migration_ask(m, checks[i].question, NULL, &yes);

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
	int r = migration_ask(m, "SELECT pg_has_role(current_user, 'cpps_owner', 'MEMBER')", NULL, &member);

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
	migration_say(m, "the schema is at version %d", newest(m));
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
		migration_say(m, "nothing to do: the schema is at version %d", version);
		return 0;
	}
	r = prepare(m, version);
	return r < 0 ? r : apply_from(m, version);
}

static int lock(const struct migration *m)
{
	int locked;
	int r = migration_ask(m, "SELECT pg_try_advisory_lock(" MIGRATE_LOCK ")", NULL, &locked);

	if (r < 0 || locked)
		return r;
	migration_say(m, "another migration is under way: waiting for it");
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
