/* A file is sent statement by statement rather than whole: PostgreSQL gives a position for some errors only, and a statement's first line is known
 * for all of them. Finding the end of a statement takes no more than stepping over what is quoted; the files are our own, so that nested comments,
 * backslashes in E'' and BEGIN ATOMIC need not be understood. */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "store/inside_migrate.h"

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

const char *script_mend_for(const char *state)
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

const char *script_message(const struct migration *m, const PGresult *result)
{
	const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

	return message ? message : PQerrorMessage(m->connection);
}

static int statement_fault(const struct migration *m, const struct sql_file *file, const char *from,
	const char *statement, const PGresult *result)
{
	const char *position = PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION);
	int line = 1 + lines((const char *)file->start, from) + lines(statement, at_position(statement, position));

	return fault_set(m->fault, -EIO, "%s, line %d: %s; %s", file->name, line, script_message(m, result),
		script_mend_for(PQresultErrorField(result, PG_DIAG_SQLSTATE)));
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

int script_run(const struct migration *m, const struct sql_file *file)
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
