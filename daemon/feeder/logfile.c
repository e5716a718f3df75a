/* WAL with synchronous=FULL: a commit is on the disk when it returns, and reading does not wait for writing. What a
 * killed process had committed without having seen the end of its fsync lies in the WAL and becomes part of the log
 * at the next start; beginning a term is a commit too, so that all of it is on the disk before any of it is served.
 *
 * The newest record always stays, so that the numbering needs no counter beside it. */
#include "feeder/logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/text.h"

#define APPLICATION    0x43505053 /* "CPPS" */
#define VERSION        1
#define BUSY_MS        200
#define DROPPED_A_CALL 500
#define READ_MAX       1000
#define CONSUMERS_MAX  "1000"

enum statement {
	S_BEGIN,
	S_COMMIT,
	S_ROLLBACK,
	S_TERM,
	S_INSERT,
	S_FIND,
	S_READ,
	S_EPOCH,
	S_BOUNDS,
	S_CONFIRMED,
	S_CONSUMER,
	S_LEAST_CONFIRMED,
	S_OLDEST,
	S_DROP,
	S_END
};

static const char *const texts[S_END] = {
	[S_BEGIN] = "BEGIN IMMEDIATE",
	[S_COMMIT] = "COMMIT",
	[S_ROLLBACK] = "ROLLBACK",
	[S_TERM] = "UPDATE stream SET epoch = max(epoch + 1, ?1) RETURNING epoch",
	[S_INSERT] =
		("INSERT INTO record (seq, epoch, at, source, id, topic, event) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) "
		 "ON CONFLICT (source, id) DO NOTHING"),
	[S_FIND] = "SELECT seq, event FROM record WHERE source = ?1 AND id = ?2",
	[S_READ] = "SELECT seq, epoch, topic, event FROM record WHERE seq > ?1 ORDER BY seq",
	[S_EPOCH] = "SELECT epoch FROM record WHERE seq = ?1",
	[S_BOUNDS] = "SELECT min(seq), max(seq), count(*) FROM record",
	[S_CONFIRMED] = "SELECT confirmed FROM consumer WHERE name = ?1",
	[S_CONSUMER] = "INSERT INTO consumer (name, confirmed, heard) SELECT ?1, ?2, ?3 WHERE (SELECT count(*) FROM "
		       "consumer) < " CONSUMERS_MAX " OR EXISTS (SELECT 1 FROM consumer WHERE name = ?1) "
		       "ON CONFLICT (name) DO UPDATE SET confirmed = max(confirmed, excluded.confirmed), heard = "
		       "excluded.heard",
	[S_LEAST_CONFIRMED] = "SELECT min(confirmed) FROM consumer",
	[S_OLDEST] = "SELECT seq, at FROM record WHERE seq < ?1 ORDER BY seq LIMIT ?2",
	[S_DROP] = "DELETE FROM record WHERE seq <= ?1",
};

static const char schema[] =
	"CREATE TABLE stream (name TEXT NOT NULL, epoch INTEGER NOT NULL);"
	"CREATE TABLE record (seq INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, at INTEGER NOT NULL, source TEXT, id "
	"TEXT, "
	"topic TEXT NOT NULL, event BLOB NOT NULL, UNIQUE (source, id));"
	"CREATE TABLE consumer (name TEXT PRIMARY KEY, confirmed INTEGER NOT NULL, heard INTEGER NOT NULL);";

struct logfile {
	char *path, *lock_path;
	int lock; /* -1: none */
	sqlite3 *db;
	sqlite3_stmt *statements[S_END];
	uint64_t epoch, first, head;
};

/* ---- What SQLite says ---- */

static const struct {
	int code, error;
} errors[] = {
	{ SQLITE_FULL, -ENOSPC },
	{ SQLITE_BUSY, -EBUSY },
	{ SQLITE_LOCKED, -EBUSY },
	{ SQLITE_NOMEM, -ENOMEM },
	{ SQLITE_READONLY, -EROFS },
	{ SQLITE_PERM, -EACCES },
	{ SQLITE_CANTOPEN, -EACCES },
	{ SQLITE_CORRUPT, -EUCLEAN },
	{ SQLITE_NOTADB, -EMEDIUMTYPE },
};

static int error_of(int code)
{
	for (size_t i = 0; i < ARRAY_LENGTH(errors); i++)
		if (errors[i].code == (code & 0xff))
			return errors[i].error;
	return -EIO;
}

static int failed(const struct logfile *file, const char *what, struct fault *fault)
{
	return fault_set(fault, error_of(sqlite3_errcode(file->db)), "the log %s cannot be %s: %s", file->path, what,
		sqlite3_errmsg(file->db));
}

/* ---- Statements ---- */

/* Ready to be bound. NULL: it cannot be prepared. */
static sqlite3_stmt *statement(struct logfile *file, enum statement which)
{
	sqlite3_stmt **s = &file->statements[which];

	if (!*s && sqlite3_prepare_v3(file->db, texts[which], -1, SQLITE_PREPARE_PERSISTENT, s, NULL) != SQLITE_OK)
		return NULL;
	(void)sqlite3_reset(*s);
	(void)sqlite3_clear_bindings(*s);
	return *s;
}

/* Steps a statement that gives no row, or whose row is not wanted. */
static int finish(sqlite3_stmt *s)
{
	int r = sqlite3_step(s);

	(void)sqlite3_reset(s);
	return r == SQLITE_DONE || r == SQLITE_ROW ? 0 : error_of(r);
}

static int run(struct logfile *file, enum statement which)
{
	sqlite3_stmt *s = statement(file, which);

	return s ? finish(s) : error_of(sqlite3_errcode(file->db));
}

/* One number of a statement's one row. 0 for NULL, and where there is no row. */
static int number_of(sqlite3_stmt *s, uint64_t *ret, bool *ret_given)
{
	int r = sqlite3_step(s);
	bool given = r == SQLITE_ROW && sqlite3_column_type(s, 0) != SQLITE_NULL;

	*ret = given ? (uint64_t)sqlite3_column_int64(s, 0) : 0;
	if (ret_given)
		*ret_given = given;
	(void)sqlite3_reset(s);
	return r == SQLITE_ROW || r == SQLITE_DONE ? 0 : error_of(r);
}

/* A failed statement may have rolled the transaction back by itself. */
static void roll_back(struct logfile *file)
{
	if (!sqlite3_get_autocommit(file->db))
		(void)run(file, S_ROLLBACK);
}

/* ---- Opening ---- */

/* Beside the file itself, whatever link it was named by. */
static int name_lock(struct logfile *file)
{
	CLEANUP(freep) char *real = realpath(file->path, NULL);

	return asprintf(&file->lock_path, "%s.lock", real ? real : file->path) < 0 ? -ENOMEM : 0;
}

static int take_lock(struct logfile *file, struct fault *fault)
{
	file->lock = open(file->lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (file->lock < 0)
		return fault_set(
			fault, -errno, "the lock file %s cannot be opened: %s", file->lock_path, strerror(errno));
	if (flock(file->lock, LOCK_EX | LOCK_NB) < 0)
		return fault_set(fault, -EBUSY,
			"the log %s is in use: another process holds %s; stop it, or name another log", file->path,
			file->lock_path);
	return 0;
}

/* It holds person record numbers: nobody else's business, whatever the umask says. */
static int make_private(const struct logfile *file, struct fault *fault)
{
	int fd = open(file->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return fault_set(fault, -errno, "the log %s cannot be opened: %s", file->path, strerror(errno));
	(void)close(fd);
	return 0;
}

static int number_now(struct logfile *file, const char *sql, uint64_t *ret)
{
	sqlite3_stmt *s = NULL;
	int r = sqlite3_prepare_v2(file->db, sql, -1, &s, NULL);

	r = r == SQLITE_OK ? number_of(s, ret, NULL) : error_of(r);
	(void)sqlite3_finalize(s);
	return r;
}

static int execute(struct logfile *file, const char *sql)
{
	int r = sqlite3_exec(file->db, sql, NULL, NULL, NULL);

	return r == SQLITE_OK ? 0 : error_of(r);
}

static int make_tables(struct logfile *file, const char *stream)
{
	char *sql = sqlite3_mprintf("BEGIN IMMEDIATE; PRAGMA application_id = %d; PRAGMA user_version = %d; %s"
				    "INSERT INTO stream VALUES (%Q, 0); COMMIT;",
		APPLICATION, VERSION, schema, stream);
	int r = sql ? execute(file, sql) : -ENOMEM;

	sqlite3_free(sql);
	if (r < 0)
		roll_back(file);
	return r;
}

static int check_stream(struct logfile *file, const char *stream, struct fault *fault)
{
	sqlite3_stmt *s = NULL;
	int r = sqlite3_prepare_v2(file->db, "SELECT name FROM stream", -1, &s, NULL);

	if (r == SQLITE_OK)
		r = sqlite3_step(s);
	if (r != SQLITE_ROW)
		r = failed(file, "read", fault);
	else if (!text_equal((const char *)sqlite3_column_text(s, 0), stream))
		r = fault_set(fault, -EMEDIUMTYPE,
			"the log %s is of the stream %s, not of %s: name another log, or give the stream its name",
			file->path, (const char *)sqlite3_column_text(s, 0), stream);
	else
		r = 0;
	(void)sqlite3_finalize(s);
	return r;
}

static int check_kind(struct logfile *file, const char *stream, struct fault *fault)
{
	uint64_t application = 0, version = 0, tables = 0;
	int r = number_now(file, "SELECT count(*) FROM sqlite_master", &tables);

	if (r == 0)
		r = number_now(file, "PRAGMA application_id", &application);
	if (r == 0)
		r = number_now(file, "PRAGMA user_version", &version);
	if (r == 0 && !tables)
		r = make_tables(file, stream);
	if (r == -EMEDIUMTYPE || (r == 0 && tables && application != APPLICATION))
		return fault_set(fault, -EMEDIUMTYPE,
			"%s is there and is no feeder's log: name another file, which is then made", file->path);
	if (r < 0)
		return failed(file, "read", fault);
	if (tables && version != VERSION)
		return fault_set(fault, -EMEDIUMTYPE,
			"the log %s has the format %" PRIu64 ", and this program knows %d: use the one that wrote it",
			file->path, version, VERSION);
	return tables ? check_stream(file, stream, fault) : 0;
}

static int read_bounds(struct logfile *file, struct fault *fault)
{
	sqlite3_stmt *s = statement(file, S_BOUNDS);
	uint64_t count;

	if (!s || sqlite3_step(s) != SQLITE_ROW)
		return failed(file, "read", fault);
	file->first = (uint64_t)sqlite3_column_int64(s, 0);
	file->head = (uint64_t)sqlite3_column_int64(s, 1);
	count = (uint64_t)sqlite3_column_int64(s, 2);
	(void)sqlite3_reset(s);
	if (!count)
		file->first = 1;
	if (count && count != file->head - file->first + 1)
		return fault_set(fault, -EUCLEAN,
			"the log %s holds %" PRIu64 " records between %" PRIu64 " and %" PRIu64
			": some were taken out; put back a copy that has them all",
			file->path, count, file->first, file->head);
	return 0;
}

static int open_database(struct logfile *file, const char *stream, struct fault *fault)
{
	int r = sqlite3_open_v2(file->path, &file->db, SQLITE_OPEN_READWRITE, NULL);

	if (r != SQLITE_OK)
		return fault_set(fault, error_of(r), "the log %s cannot be opened: %s", file->path, sqlite3_errstr(r));
	(void)sqlite3_busy_timeout(file->db, BUSY_MS);
	r = check_kind(file, stream, fault);
	if (r < 0)
		return r;
	if (execute(file, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL") < 0)
		return failed(file, "opened", fault);
	if (number_now(file, "SELECT epoch FROM stream", &file->epoch) < 0)
		return failed(file, "read", fault);
	return read_bounds(file, fault);
}

int logfile_open(const char *path, const char *stream, struct logfile **ret, struct fault *fault)
{
	CLEANUP(logfile_freep) struct logfile *file = calloc(1, sizeof(*file));
	int r;

	if (!file)
		return -ENOMEM;
	file->lock = -1;
	file->path = strdup(path);
	if (!file->path || name_lock(file) < 0)
		return -ENOMEM;
	r = take_lock(file, fault);
	if (r == 0)
		r = make_private(file, fault);
	if (r == 0)
		r = open_database(file, stream, fault);
	if (r < 0)
		return r;
	*ret = TAKE(file);
	return 0;
}

struct logfile *logfile_free(struct logfile *file)
{
	if (!file)
		return NULL;
	for (size_t i = 0; i < S_END; i++)
		(void)sqlite3_finalize(file->statements[i]);
	(void)sqlite3_close(file->db);
	if (file->lock >= 0)
		(void)close(file->lock);
	free(file->lock_path);
	free(file->path);
	free(file);
	return NULL;
}

uint64_t logfile_first(const struct logfile *file)
{
	return file->first;
}

uint64_t logfile_head(const struct logfile *file)
{
	return file->head;
}

/* ---- Terms ---- */

int logfile_begin(struct logfile *file, int64_t now_s, struct fault *fault)
{
	sqlite3_stmt *s = statement(file, S_TERM);
	int r = s ? run(file, S_BEGIN) : -EIO;

	if (r == 0 && sqlite3_bind_int64(s, 1, now_s) != SQLITE_OK)
		r = -EIO;
	if (r == 0)
		r = number_of(s, &file->epoch, NULL);
	if (r == 0)
		r = run(file, S_COMMIT);
	return r < 0 ? failed(file, "written", fault) : 0;
}

uint64_t logfile_epoch(const struct logfile *file)
{
	return file->epoch;
}

/* ---- Storing ---- */

static int bind_text(sqlite3_stmt *s, int at, const char *text)
{
	return text ? sqlite3_bind_text(s, at, text, -1, SQLITE_STATIC) : sqlite3_bind_null(s, at);
}

/* An empty blob, and not NULL, for an empty event. */
static int bind_bytes(sqlite3_stmt *s, int at, struct bytes bytes)
{
	return sqlite3_bind_blob64(s, at, bytes.n ? (const void *)bytes.data : "", bytes.n, SQLITE_STATIC);
}

/* Who has the name, and whether it is this event. */
static int find(struct logfile *file, struct logfile_entry *entry)
{
	sqlite3_stmt *s = statement(file, S_FIND);
	int r;

	if (!s || bind_text(s, 1, entry->source) != SQLITE_OK || bind_text(s, 2, entry->id) != SQLITE_OK)
		return error_of(sqlite3_errcode(file->db));
	r = sqlite3_step(s);
	if (r == SQLITE_ROW) {
		struct bytes known = { sqlite3_column_blob(s, 1), (size_t)sqlite3_column_bytes(s, 1) };
		bool same = known.n == entry->event.n && (!known.n || !memcmp(known.data, entry->event.data, known.n));

		entry->outcome = same ? LOGFILE_KNOWN : LOGFILE_REUSED;
		entry->seq = (uint64_t)sqlite3_column_int64(s, 0);
	}
	(void)sqlite3_reset(s);
	return r == SQLITE_ROW ? 0 : error_of(r);
}

static int insert(struct logfile *file, int64_t now_s, uint64_t seq, const struct logfile_entry *entry, bool named)
{
	sqlite3_stmt *s = statement(file, S_INSERT);
	int r;

	if (!s)
		return error_of(sqlite3_errcode(file->db));
	r = sqlite3_bind_int64(s, 1, (sqlite3_int64)seq);
	r |= sqlite3_bind_int64(s, 2, (sqlite3_int64)file->epoch);
	r |= sqlite3_bind_int64(s, 3, now_s);
	r |= bind_text(s, 4, named ? entry->source : NULL);
	r |= bind_text(s, 5, named ? entry->id : NULL);
	r |= bind_text(s, 6, entry->topic);
	r |= bind_bytes(s, 7, entry->event);
	return r == SQLITE_OK ? finish(s) : -ENOMEM;
}

static int store_one(struct logfile *file, int64_t now_s, uint64_t seq, struct logfile_entry *entry)
{
	int r = insert(file, now_s, seq, entry, true);

	if (r == 0 && !sqlite3_changes(file->db)) {
		r = find(file, entry);
		if (r < 0 || entry->outcome == LOGFILE_KNOWN || !entry->whatever)
			return r;
		r = insert(file, now_s, seq, entry, false);
	}
	if (r < 0)
		return r;
	entry->outcome = LOGFILE_STORED;
	entry->seq = seq;
	return 0;
}

static int store_all(struct logfile *file, int64_t now_s, struct logfile_entry *entries, size_t n, uint64_t *ret_head)
{
	uint64_t head = file->head;
	int r = run(file, S_BEGIN);

	for (size_t i = 0; i < n && r == 0; i++) {
		r = store_one(file, now_s, head + 1, &entries[i]);
		if (r == 0 && entries[i].outcome == LOGFILE_STORED)
			head++;
	}
	if (r == 0)
		r = run(file, S_COMMIT);
	if (r == 0)
		*ret_head = head;
	return r;
}

int logfile_store(struct logfile *file, int64_t now_s, struct logfile_entry *entries, size_t n, struct fault *fault)
{
	int r = store_all(file, now_s, entries, n, &file->head);

	if (r == 0)
		return 0;
	(void)failed(file, "written", fault);
	roll_back(file);
	return r;
}

/* ---- Reading ---- */

static int read_record(sqlite3_stmt *s, struct arena *arena, struct wire_record *ret)
{
	size_t n = (size_t)sqlite3_column_bytes(s, 3);
	const void *event = n ? arena_copy(arena, sqlite3_column_blob(s, 3), n) : "";

	if (!event)
		return -ENOMEM;
	ret->seq = (uint64_t)sqlite3_column_int64(s, 0);
	ret->epoch = (uint64_t)sqlite3_column_int64(s, 1);
	(void)TEXT_SET(ret->topic, (const char *)sqlite3_column_text(s, 2));
	ret->event = (struct bytes){ event, n };
	return 0;
}

int logfile_read(struct logfile *file, uint64_t after, size_t max_bytes, struct arena *arena, struct wire_record **ret,
	size_t *ret_n)
{
	sqlite3_stmt *s = statement(file, S_READ);
	struct wire_record *records = arena_take(arena, READ_MAX * sizeof(*records));
	size_t n = 0, bytes = 0;
	int step = SQLITE_DONE, r = 0;

	if (!s || !records || sqlite3_bind_int64(s, 1, (sqlite3_int64)after) != SQLITE_OK)
		return -ENOMEM;
	while (r == 0 && n < READ_MAX && (!n || bytes < max_bytes) && (step = sqlite3_step(s)) == SQLITE_ROW) {
		r = read_record(s, arena, &records[n]);
		if (r == 0)
			bytes += records[n++].event.n;
	}
	(void)sqlite3_reset(s);
	if (r < 0 && !n)
		return r;
	if (step != SQLITE_ROW && step != SQLITE_DONE)
		return error_of(step);
	*ret = records;
	*ret_n = n;
	return 0;
}

int logfile_epoch_of(struct logfile *file, uint64_t seq, uint64_t *ret)
{
	sqlite3_stmt *s = statement(file, S_EPOCH);

	if (!s || sqlite3_bind_int64(s, 1, (sqlite3_int64)seq) != SQLITE_OK)
		return -ENOMEM;
	return number_of(s, ret, NULL);
}

/* ---- Consumers and retention ---- */

int logfile_consumer(struct logfile *file, const char *name, uint64_t confirmed, int64_t now_s)
{
	sqlite3_stmt *s = statement(file, S_CONFIRMED);
	uint64_t known = 0;
	bool given = false;
	int r;

	if (!s || bind_text(s, 1, name) != SQLITE_OK)
		return -ENOMEM;
	r = number_of(s, &known, &given);
	if (r < 0 || (given && known >= confirmed))
		return r;
	s = statement(file, S_CONSUMER);
	if (!s || bind_text(s, 1, name) != SQLITE_OK ||
		sqlite3_bind_int64(s, 2, (sqlite3_int64)confirmed) != SQLITE_OK ||
		sqlite3_bind_int64(s, 3, now_s) != SQLITE_OK)
		return -ENOMEM;
	return finish(s);
}

/* The last of the oldest records that need not be kept; 0: none. */
static int droppable(
	struct logfile *file, int64_t keep_s, int64_t cap_s, uint64_t confirmed, uint64_t *ret, bool *ret_more)
{
	sqlite3_stmt *s = statement(file, S_OLDEST);
	int n = 0, step;

	if (!s || sqlite3_bind_int64(s, 1, (sqlite3_int64)file->head) != SQLITE_OK ||
		sqlite3_bind_int(s, 2, DROPPED_A_CALL) != SQLITE_OK)
		return -ENOMEM;
	*ret = 0;
	while ((step = sqlite3_step(s)) == SQLITE_ROW) {
		uint64_t seq = (uint64_t)sqlite3_column_int64(s, 0);

		if (sqlite3_column_int64(s, 1) >= (seq <= confirmed ? keep_s : cap_s))
			break;
		*ret = seq;
		n++;
	}
	(void)sqlite3_reset(s);
	*ret_more = n == DROPPED_A_CALL;
	return step == SQLITE_ROW || step == SQLITE_DONE ? 0 : error_of(step);
}

static int drop(struct logfile *file, uint64_t seq)
{
	sqlite3_stmt *s = statement(file, S_DROP);
	int r;

	if (!s || sqlite3_bind_int64(s, 1, (sqlite3_int64)seq) != SQLITE_OK)
		return -ENOMEM;
	r = finish(s);
	if (r == 0)
		file->first = seq + 1;
	return r;
}

int logfile_retain(struct logfile *file, int64_t keep_s, int64_t cap_s)
{
	sqlite3_stmt *s = statement(file, S_LEAST_CONFIRMED);
	uint64_t confirmed = 0, last = 0;
	bool given = false, more = false;
	int r = s ? number_of(s, &confirmed, &given) : -ENOMEM;

	if (r == 0)
		r = droppable(file, keep_s, cap_s, given ? confirmed : UINT64_MAX, &last, &more);
	if (r == 0 && last)
		r = drop(file, last);
	return r < 0 ? r : more;
}
