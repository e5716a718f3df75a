/* libpq's own state machine sits below; ours is: CLOSED, CONNECTING, then UP, where one job is under way or none. set_state() is the only door.
 *
 * Of several hosts each attempt begins with the next one (rotate()), for libpq goes on only from a host that refuses: one that swallows what
 * it is sent (a machine without power, a stopped server) would hold up every attempt. For the same reason a job that is not answered is not waited
 * for beyond SILENCE_US or twice that: no statement of ours takes as long, and no timeout of the server covers a commit that waits for a
 * synchronous standby. */
#include "store/connection.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#include "base/instant.h"
#include "base/text.h"

#define CONNECT_US (3 * US_PER_SECOND)
#define SILENCE_US (5 * US_PER_SECOND)
#define COPY_CHUNK (256 * 1024)

enum state { CLOSED, CONNECTING, UP };

enum kind { KIND_ASK, KIND_SCRIPT, KIND_COPY };

struct job {
	struct job *next;
	enum kind kind;
	enum statement statement;
	struct parameters parameters;
	const struct row_table *table; /* COPY */
	struct buffer bytes;           /* the script, or the rows */
	size_t copied;
	bool copying, preparing;
	PGresult *result; /* the one that counts: the first failure, else the last */
	connection_done done;
	void *context;
};

struct connection {
	sd_event *loop;
	const char *name;
	struct connection_handlers handlers;
	enum state state;
	PGconn *pg;
	sd_event_source *io, *timer, *starter; /* timer: of the attempt, then of the job under way */
	struct job *jobs, *last;               /* the first is under way where `busy` */
	bool busy;
	uint64_t moves, moves_seen; /* signs of life; as many as at the last look */
	bool warned;                /* the job under way came with a warning */
	bool prepared[STATEMENTS];
};

/* ---- Jobs ---- */

static struct job *job_free(struct job *job)
{
	if (!job)
		return NULL;
	parameters_clear(&job->parameters);
	buffer_clear(&job->bytes);
	PQclear(job->result);
	free(job);
	return NULL;
}

static struct job *take_first(struct connection *c)
{
	struct job *job = c->jobs;

	c->jobs = job->next;
	if (!c->jobs)
		c->last = NULL;
	return job;
}

static void drop_jobs(struct connection *c)
{
	while (c->jobs)
		job_free(take_first(c));
	c->busy = false;
}

/* ---- State ---- */

static void close_pg(struct connection *c)
{
	c->io = sd_event_source_disable_unref(c->io);
	c->timer = sd_event_source_disable_unref(c->timer);
	PQfinish(c->pg);
	c->pg = NULL;
	memset(c->prepared, 0, sizeof(c->prepared));
	drop_jobs(c);
}

static void set_state(struct connection *c, enum state state, const char *reason)
{
	enum state old = c->state;

	c->state = state;
	if (state == CLOSED)
		close_pg(c);
	if (state == UP)
		c->handlers.up(c->handlers.owner);
	if (state == CLOSED && old != CLOSED && reason)
		c->handlers.down(c->handlers.owner, reason);
}

/* The connection is gone, or never came. */
static void broke(struct connection *c, const char *what)
{
	const char *reason = c->pg ? PQerrorMessage(c->pg) : "out of memory";
	struct fault fault = { "" };

	(void)fault_set(&fault, 0, "%s PostgreSQL (host %s, database %s): %s", what,
		c->pg && PQhost(c->pg) && *PQhost(c->pg) ? PQhost(c->pg) : "as configured",
		c->pg && PQdb(c->pg) ? PQdb(c->pg) : "as configured", *reason ? reason : "libpq gives no reason");
	set_state(c, CLOSED, fault.sentence);
}

bool connection_is_up(const struct connection *c)
{
	return c->state == UP;
}

bool connection_warned(const struct connection *c)
{
	return c->warned;
}

/* ---- Sending ---- */

static bool listen_for(struct connection *c, uint32_t events)
{
	return sd_event_source_set_io_events(c->io, events) >= 0;
}

/* Sends what libpq holds; EPOLLOUT is asked for only while something is left. */
static bool flush(struct connection *c)
{
	int r = PQflush(c->pg);

	return r >= 0 && listen_for(c, EPOLLIN | (r == 1 ? (uint32_t)EPOLLOUT : 0));
}

static bool send_prepare(struct connection *c, struct job *job)
{
	CLEANUP(buffer_clear) struct buffer sql = { 0 };
	char name[16];

	statement_text(job->statement, &sql);
	buffer_u8(&sql, 0);
	(void)snprintf(name, sizeof(name), "s%d", (int)job->statement);
	job->preparing = true;
	return !sql.failed && PQsendPrepare(c->pg, name, (const char *)sql.data, 0, NULL) == 1;
}

static bool send_ask(struct connection *c, struct job *job)
{
	const char *values[PARAMETERS_MAX];
	int lengths[PARAMETERS_MAX], formats[PARAMETERS_MAX];
	char name[16];

	if (!c->prepared[job->statement])
		return send_prepare(c, job);
	for (int i = 0; i < job->parameters.n; i++) {
		const uint8_t *frame = job->parameters.bytes.data + job->parameters.at[i];
		const uint32_t n = bytes_u32(frame);

		values[i] = n == UINT32_MAX ? NULL : (const char *)frame + sizeof(uint32_t);
		lengths[i] = n == UINT32_MAX ? 0 : (int)n;
		formats[i] = 1;
	}
	(void)snprintf(name, sizeof(name), "s%d", (int)job->statement);
	return PQsendQueryPrepared(c->pg, name, job->parameters.n, values, lengths, formats, 1) == 1;
}

static bool send_script(struct connection *c, struct job *job)
{
	return PQsendQuery(c->pg, (const char *)job->bytes.data) == 1;
}

static bool send_copy(struct connection *c, struct job *job)
{
	CLEANUP(buffer_clear) struct buffer sql = { 0 };

	rows_copy_sql(job->table, &sql);
	buffer_u8(&sql, 0);
	return !sql.failed && PQsendQuery(c->pg, (const char *)sql.data) == 1;
}

static bool (*const senders[])(struct connection *, struct job *) = {
	[KIND_ASK] = send_ask,
	[KIND_SCRIPT] = send_script,
	[KIND_COPY] = send_copy,
};

static void start(struct connection *c)
{
	while (c->state == UP && !c->busy && c->jobs) {
		c->busy = true;
		c->moves++;
		c->warned = false;
		if (!senders[c->jobs->kind](c, c->jobs) || !flush(c))
			broke(c, "lost");
	}
}

static int on_start(sd_event_source *source, void *userdata)
{
	(void)source;
	start(userdata);
	return 0;
}

/* ---- Receiving ---- */

/* Puts the rows, as far as the socket takes them: libpq's own buffer grows with whatever it is given, and never shrinks. */
static bool put_rows(struct connection *c, struct job *job)
{
	while (job->copied < job->bytes.n) {
		const size_t left = job->bytes.n - job->copied, n = left < COPY_CHUNK ? left : COPY_CHUNK;
		int r = PQflush(c->pg);

		if (r == 0)
			r = PQputCopyData(c->pg, (const char *)job->bytes.data + job->copied, (int)n) == 1 ? 0 : -1;
		if (r != 0)
			return r == 1 && listen_for(c, EPOLLIN | EPOLLOUT);
		job->copied += n;
		c->moves++;
	}
	if (PQputCopyEnd(c->pg, NULL) < 0)
		return false;
	job->copying = false;
	return flush(c);
}

static bool failed(const PGresult *result)
{
	const ExecStatusType status = PQresultStatus(result);

	return status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_EMPTY_QUERY;
}

static void keep(struct job *job, PGresult *result)
{
	if (job->result && failed(job->result)) {
		PQclear(result);
		return;
	}
	PQclear(job->result);
	job->result = result;
}

static void complete(struct connection *c, struct job *job)
{
	struct failure failure = { 0 };
	struct fault fault = { "" };

	if (!job->result || !failed(job->result)) {
		job->done(job->context, job->result, NULL);
		return;
	}
	TEXT_SET(failure.sqlstate, PQresultErrorField(job->result, PG_DIAG_SQLSTATE));
	(void)fault_set(&fault, 0, "PostgreSQL (database %s) failed at %s: %s (SQLSTATE %s)", PQdb(c->pg),
		job->kind == KIND_ASK      ? statement_purpose(job->statement)
		: job->kind == KIND_SCRIPT ? "a script"
					   : job->table->name,
		PQresultErrorField(job->result, PG_DIAG_MESSAGE_PRIMARY)
			? PQresultErrorField(job->result, PG_DIAG_MESSAGE_PRIMARY)
			: PQresultErrorMessage(job->result),
		failure.sqlstate);
	TEXT_SET(failure.sentence, fault.sentence);
	job->done(job->context, NULL, &failure);
}

/* The job's last result has come. */
static void end_job(struct connection *c)
{
	struct job *job = c->jobs;

	c->busy = false;
	if (job->preparing && !failed(job->result)) {
		c->prepared[job->statement] = true;
		job->preparing = false;
		PQclear(job->result);
		job->result = NULL;
		return; /* start() sends it now */
	}
	(void)take_first(c);
	complete(c, job);
	job_free(job);
}

/* Takes what has arrived. False: the connection broke. */
static bool receive(struct connection *c)
{
	while (c->busy && !c->jobs->copying && !PQisBusy(c->pg)) {
		PGresult *result = PQgetResult(c->pg);

		if (!result && !c->jobs->result)
			return false; /* libpq had no memory for it: whether it was done is not known */
		if (!result) {
			end_job(c);
			if (c->state != UP)
				return true; /* its completion closed the connection */
			start(c);
			continue;
		}
		if (PQresultStatus(result) == PGRES_COPY_IN) {
			PQclear(result);
			c->jobs->copying = true;
			if (!put_rows(c, c->jobs))
				return false;
			continue;
		}
		keep(c->jobs, result);
	}
	return PQstatus(c->pg) == CONNECTION_OK;
}

static bool work(struct connection *c, uint32_t events)
{
	if (events & EPOLLOUT) {
		if (c->busy && c->jobs->copying ? !put_rows(c, c->jobs) : !flush(c))
			return false;
	}
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
		if (!PQconsumeInput(c->pg))
			return false;
	}
	return receive(c);
}

/* ---- Connecting ---- */

static int on_io(sd_event_source *source, int fd, uint32_t events, void *userdata);

/* The socket may be another one after each step. */
static bool watch(struct connection *c, uint32_t events)
{
	c->io = sd_event_source_disable_unref(c->io);
	return PQsocket(c->pg) >= 0 && sd_event_add_io(c->loop, &c->io, PQsocket(c->pg), events, on_io, c) >= 0;
}

/* A job that was under way at the last look, and has not moved since, is given up. */
static int on_silence(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct connection *c = userdata;
	struct fault fault = { "" };

	(void)usec;
	if (c->busy && c->moves == c->moves_seen) {
		(void)fault_set(&fault, 0,
			"PostgreSQL (host %s, port %s) has not answered for five seconds: is its host up, and the "
			"synchronous standby that its commits wait for?",
			PQhost(c->pg), PQport(c->pg));
		set_state(c, CLOSED, fault.sentence);
		return 0;
	}
	c->moves_seen = c->moves;
	(void)sd_event_source_set_time_relative(source, (uint64_t)SILENCE_US);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static void on_notice(void *userdata, const PGresult *notice)
{
	struct connection *c = userdata;
	const char *severity = PQresultErrorField(notice, PG_DIAG_SEVERITY_NONLOCALIZED);

	c->warned = c->warned || (severity && strcmp(severity, "WARNING") == 0);
}

static void connected(struct connection *c)
{
	c->timer = sd_event_source_disable_unref(c->timer);
	(void)PQsetNoticeReceiver(c->pg, on_notice, c);
	if (PQsetnonblocking(c->pg, 1) < 0 || !watch(c, EPOLLIN) ||
		sd_event_add_time_relative(
			c->loop, &c->timer, CLOCK_MONOTONIC, (uint64_t)SILENCE_US, 0, on_silence, c) < 0)
		broke(c, "cannot use the connection to");
	else
		set_state(c, UP, NULL);
}

static void step(struct connection *c, PostgresPollingStatusType status)
{
	if (status == PGRES_POLLING_OK)
		connected(c);
	else if (status == PGRES_POLLING_FAILED || !watch(c, status == PGRES_POLLING_WRITING ? EPOLLOUT : EPOLLIN))
		broke(c, "cannot reach");
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct connection *c = userdata;

	(void)source;
	(void)fd;
	if (c->state == CONNECTING)
		step(c, PQconnectPoll(c->pg));
	else if (!work(c, events))
		broke(c, "lost");
	return 0;
}

static int on_timeout(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct connection *c = userdata;
	struct fault fault = { "" };

	(void)source;
	(void)usec;
	(void)fault_set(&fault, 0,
		"PostgreSQL (host %s, port %s) does not answer within three seconds: is its host up and reachable?",
		PQhost(c->pg) ? PQhost(c->pg) : "as configured", PQport(c->pg) ? PQport(c->pg) : "as configured");
	set_state(c, CLOSED, fault.sentence);
	return 0;
}

/* A list of hosts or ports, from its n-th element on: "a,b,c" by 1 is "b,c,a". NULL: out of memory. */
static char *rotate(const char *list, unsigned by)
{
	const size_t n = strlen(list);
	char *rotated = malloc(n + 1);
	unsigned elements = 1;
	const char *at = list;

	for (const char *c = list; *c; c++)
		elements += *c == ',';
	for (by %= elements; by; by--)
		at = strchr(at, ',') + 1;
	if (rotated && at > list)
		(void)snprintf(rotated, n + 1, "%s,%.*s", at, (int)(at - list - 1), list);
	else if (rotated)
		memcpy(rotated, list, n + 1);
	return rotated;
}

#define KEYWORDS_MAX 64

static bool is_list(const char *keyword)
{
	return strcmp(keyword, "host") == 0 || strcmp(keyword, "hostaddr") == 0 || strcmp(keyword, "port") == 0;
}

/* What the string says, its lists rotated, and what we say on top of it. */
static PGconn *begin(const struct connection *c, PQconninfoOption *options, unsigned attempt)
{
	const char *keywords[KEYWORDS_MAX + 4], *values[KEYWORDS_MAX + 4];
	char *rotated[3] = { NULL };
	size_t n = 0, lists = 0;
	PGconn *pg;

	for (const PQconninfoOption *o = options; o->keyword && n < KEYWORDS_MAX; o++) {
		if (!o->val)
			continue;
		if (is_list(o->keyword) && lists < ARRAY_LENGTH(rotated))
			rotated[lists++] = rotate(o->val, attempt);
		keywords[n] = o->keyword;
		values[n++] = is_list(o->keyword) ? rotated[lists - 1] : o->val;
	}
	keywords[n] = "application_name", values[n++] = c->name;
	keywords[n] = "client_encoding", values[n++] = "UTF8";
	keywords[n] = "target_session_attrs", values[n++] = "read-write";
	keywords[n] = NULL, values[n] = NULL;
	pg = PQconnectStartParams(keywords, values, 0);
	for (size_t i = 0; i < lists; i++)
		free(rotated[i]);
	return pg;
}

/* A string that libpq cannot read is handed to it all the same: it says why. */
static PGconn *begin_with(const struct connection *c, const char *conninfo, unsigned attempt)
{
	PQconninfoOption *options = PQconninfoParse(conninfo, NULL);
	PGconn *pg = options ? begin(c, options, attempt) : PQconnectStart(conninfo);

	PQconninfoFree(options);
	return pg;
}

void connection_open(struct connection *c, const char *conninfo, unsigned attempt)
{
	connection_close(c);
	c->state = CONNECTING;
	c->pg = begin_with(c, conninfo, attempt);
	if (!c->pg || PQstatus(c->pg) == CONNECTION_BAD ||
		sd_event_add_time_relative(c->loop, &c->timer, CLOCK_MONOTONIC, CONNECT_US, 0, on_timeout, c) < 0)
		broke(c, "cannot reach");
	else
		step(c, PGRES_POLLING_WRITING);
}

void connection_close(struct connection *c)
{
	set_state(c, CLOSED, NULL);
}

/* ---- Asking ---- */

static void queue_job(struct connection *c, struct job *job, bool first)
{
	struct job **at = &c->jobs;

	if (!first && c->last)
		at = &c->last->next;
	else if (c->busy)
		at = &c->jobs->next;
	job->next = *at;
	*at = job;
	if (!job->next)
		c->last = job;
	/* Sent by a turn of the loop of its own, so that nothing completes or breaks within the call that asks. */
	(void)sd_event_source_set_enabled(c->starter, SD_EVENT_ONESHOT);
}

static int add_job(struct connection *c, struct job job, bool first)
{
	struct job *kept = job.bytes.failed || job.parameters.bytes.failed ? NULL : malloc(sizeof(*kept));

	if (c->state == UP && kept) {
		*kept = job;
		queue_job(c, kept, first);
		return 0;
	}
	free(kept);
	parameters_clear(&job.parameters);
	buffer_clear(&job.bytes);
	return c->state == UP ? -ENOMEM : -ENOTCONN;
}

int connection_ask(struct connection *c, enum statement statement, struct parameters *parameters, bool first,
	connection_done done, void *context)
{
	struct job job = { .kind = KIND_ASK, .statement = statement, .done = done, .context = context };

	if (parameters) {
		job.parameters = *parameters;
		*parameters = (struct parameters){ 0 };
	}
	return add_job(c, job, first);
}

int connection_script(struct connection *c, const char *sql, connection_done done, void *context)
{
	struct job job = { .kind = KIND_SCRIPT, .done = done, .context = context };

	buffer_text(&job.bytes, sql);
	buffer_u8(&job.bytes, 0);
	return add_job(c, job, false);
}

int connection_copy(
	struct connection *c, const struct row_table *table, struct buffer *rows, connection_done done, void *context)
{
	struct job job = { .kind = KIND_COPY, .table = table, .bytes = *rows, .done = done, .context = context };

	*rows = (struct buffer){ 0 };
	return add_job(c, job, false);
}

/* ---- Life ---- */

struct connection *connection_free(struct connection *c)
{
	if (!c)
		return NULL;
	connection_close(c);
	sd_event_source_disable_unref(c->starter);
	free(c);
	return NULL;
}

int connection_new(
	sd_event *loop, const char *name, const struct connection_handlers *handlers, struct connection **ret)
{
	CLEANUP(connection_freep) struct connection *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	c->loop = loop;
	c->name = name;
	c->handlers = *handlers;
	r = sd_event_add_defer(loop, &c->starter, on_start, c);
	if (r >= 0)
		r = sd_event_source_set_enabled(c->starter, SD_EVENT_OFF);
	if (r < 0)
		return r;
	*ret = TAKE(c);
	return 0;
}
