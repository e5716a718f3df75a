/* Calls that fail when they are told to. Linked into a daemon with --wrap for each CALL below, so that only the calls of our own
 * code come by here, not those of the libraries among themselves.
 *
 *   FAULT_COUNT=FILE  at the end, one line for each place that was passed: function, ways it can fail, times passed, places
 *   FAULT=FUNCTION:PLACES:NTH:WAY  the NTH time the function is called from there it fails, once, in that WAY
 *   FAULT_FIRED=FILE  is made when that has happened
 *
 * PLACES are the return addresses of the call and of its callers, FAULT_DEPTH of them (2), as offsets in the program: what allocates for
 * many (a buffer, an arena) is told apart by whom it serves. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <libpq-fe.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-event.h>
#include <unistd.h>
#include <zmq.h>

#define DEPTH_MAX  4
#define PLACES_MAX 16384 /* a power of two */

struct place {
	const char *function;
	unsigned ways;
	unsigned long passed;
	uintptr_t at[DEPTH_MAX];
};

static struct place places[PLACES_MAX];
static struct {
	bool prepared, fired;
	unsigned depth;
	const char *count, *marker;
	char function[64];
	uintptr_t at[DEPTH_MAX];
	unsigned long nth;
	unsigned way;
} plan;

extern const char __executable_start, etext;

/* ---- Where the call comes from ---- */

static bool in_program(uintptr_t address)
{
	return address >= (uintptr_t)&__executable_start && address < (uintptr_t)&etext;
}

/* Our code keeps its frame pointers; the walk ends where a library called it, whose frames do not. */
__attribute__((no_sanitize("address", "undefined"))) static void where(const void *frame, uintptr_t *at)
{
	const uintptr_t *now = frame;

	for (unsigned i = 0; i < plan.depth; i++) {
		const uintptr_t *next = (const uintptr_t *)now[0];

		if (!in_program(now[1]))
			return;
		at[i] = now[1] - (uintptr_t)&__executable_start;
		if (next <= now || next > now + 65536 || (uintptr_t)next % sizeof(*next))
			return;
		now = next;
	}
}

/* ---- The plan, and the count ---- */

static void write_count(void)
{
	FILE *file = fopen(plan.count, "a");

	if (!file)
		return;
	for (size_t i = 0; i < PLACES_MAX; i++) {
		if (!places[i].function)
			continue;
		(void)fprintf(file, "%s %u %lu ", places[i].function, places[i].ways, places[i].passed);
		for (unsigned d = 0; d < plan.depth; d++)
			(void)fprintf(file, "%s%lx", d ? "," : "", (unsigned long)places[i].at[d]);
		(void)fputc('\n', file);
	}
	(void)fclose(file);
}

static void read_plan(const char *text)
{
	char at[128];

	if (sscanf(text, "%63[^:]:%127[^:]:%lu:%u", plan.function, at, &plan.nth, &plan.way) != 4) {
		(void)fprintf(stderr, "fault: FAULT=%s is not FUNCTION:PLACES:NTH:WAY\n", text);
		exit(2);
	}
	for (unsigned i = 0; i < plan.depth; i++) {
		char *part = strtok(i ? NULL : at, ",");

		plan.at[i] = part ? strtoul(part, NULL, 16) : 0;
	}
}

static void prepare(void)
{
	const char *depth = getenv("FAULT_DEPTH"), *text = getenv("FAULT");

	plan.prepared = true;
	plan.depth = depth ? (unsigned)atoi(depth) : 2;
	if (plan.depth < 1 || plan.depth > DEPTH_MAX)
		plan.depth = 2;
	plan.count = getenv("FAULT_COUNT");
	plan.marker = getenv("FAULT_FIRED");
	if (text)
		read_plan(text);
	if (plan.count)
		(void)atexit(write_count);
}

static struct place *find(const char *function, unsigned ways, const uintptr_t *at)
{
	size_t i = 0;

	for (unsigned d = 0; d < DEPTH_MAX; d++)
		i = i * 31 + at[d];
	for (i = (i ^ i >> 11) % PLACES_MAX; places[i].function; i = (i + 1) % PLACES_MAX)
		if (places[i].function == function && memcmp(places[i].at, at, sizeof(places[i].at)) == 0)
			return &places[i];
	places[i].function = function;
	places[i].ways = ways;
	memcpy(places[i].at, at, sizeof(places[i].at));
	return &places[i];
}

static void mark_fired(void)
{
	int fd = plan.marker ? open(plan.marker, O_WRONLY | O_CREAT | O_CLOEXEC, 0644) : -1;

	plan.fired = true;
	if (fd >= 0)
		(void)close(fd);
}

/* 0: the call is made; else in which way it fails, from 1. */
static unsigned fails(const char *function, unsigned ways, const void *frame)
{
	uintptr_t at[DEPTH_MAX] = { 0 };
	struct place *place;

	if (!plan.prepared)
		prepare();
	where(frame, at);
	place = find(function, ways, at);
	place->passed++;
	if (plan.fired || place->passed != plan.nth || strcmp(plan.function, function) != 0 ||
		memcmp(plan.at, at, sizeof(at)) != 0)
		return 0;
	mark_fired();
	return plan.way;
}

/* The wrapper of a function and the function itself, declared, and the beginning of the wrapper. */
#define CALL(type, name, ...)            \
	type __real_##name(__VA_ARGS__); \
	type __wrap_##name(__VA_ARGS__); \
	__attribute__((noinline)) type __wrap_##name(__VA_ARGS__)

#define FAILS(name, ways) fails(name, ways, __builtin_frame_address(0))

#define OR_NOTHING(name, call)                            \
	{                                                 \
		if (FAILS(name, 1))                       \
			return errno = ENOMEM, (void *)0; \
		return call;                              \
	}

/* ---- Memory ---- */

CALL(void *, malloc, size_t n)
OR_NOTHING("malloc", __real_malloc(n))

CALL(void *, calloc, size_t n, size_t size)
OR_NOTHING("calloc", __real_calloc(n, size))

CALL(void *, realloc, void *old, size_t n)
OR_NOTHING("realloc", __real_realloc(old, n))

CALL(void *, reallocarray, void *old, size_t n, size_t size)
OR_NOTHING("reallocarray", __real_reallocarray(old, n, size))

CALL(char *, strdup, const char *text)
OR_NOTHING("strdup", __real_strdup(text))

CALL(char *, strndup, const char *text, size_t n)
OR_NOTHING("strndup", __real_strndup(text, n))

CALL(int, asprintf, char **ret, const char *format, ...)
{
	va_list list;
	int r;

	if (FAILS("asprintf", 1))
		return -1;
	va_start(list, format);
	r = vasprintf(ret, format, list);
	va_end(list);
	return r;
}

/* ---- Memory, by way of jansson ---- */

CALL(json_t *, json_object, void)
OR_NOTHING("json_object", __real_json_object())

CALL(json_t *, json_array, void)
OR_NOTHING("json_array", __real_json_array())

CALL(json_t *, json_string, const char *text)
OR_NOTHING("json_string", __real_json_string(text))

CALL(json_t *, json_integer, json_int_t value)
OR_NOTHING("json_integer", __real_json_integer(value))

CALL(char *, json_dumps, const json_t *json, size_t flags)
OR_NOTHING("json_dumps", __real_json_dumps(json, flags))

CALL(json_t *, json_loads, const char *text, size_t flags, json_error_t *error)
OR_NOTHING("json_loads", __real_json_loads(text, flags, error))

CALL(json_t *, json_loadb, const char *bytes, size_t n, size_t flags, json_error_t *error)
{
	if (FAILS("json_loadb", 1)) {
		memset(error, 0, sizeof(*error));
		(void)strcpy(error->text, "out of memory");
		error->text[JSON_ERROR_TEXT_LENGTH - 1] = (char)json_error_out_of_memory;
		return NULL;
	}
	return __real_json_loadb(bytes, n, flags, error);
}

CALL(json_t *, json_pack, const char *format, ...)
{
	va_list list;
	json_t *json;

	va_start(list, format);
	json = json_vpack_ex(NULL, 0, format, list);
	va_end(list);
	if (FAILS("json_pack", 1)) {
		json_decref(json);
		return NULL;
	}
	return json;
}

CALL(json_t *, json_sprintf, const char *format, ...)
{
	va_list list;
	json_t *json;

	if (FAILS("json_sprintf", 1))
		return NULL;
	va_start(list, format);
	json = json_vsprintf(format, list);
	va_end(list);
	return json;
}

CALL(int, json_object_set_new, json_t *object, const char *key, json_t *value)
{
	if (FAILS("json_object_set_new", 1)) {
		json_decref(value);
		return -1;
	}
	return __real_json_object_set_new(object, key, value);
}

CALL(int, json_array_append_new, json_t *array, json_t *value)
{
	if (FAILS("json_array_append_new", 1)) {
		json_decref(value);
		return -1;
	}
	return __real_json_array_append_new(array, value);
}

/* ---- Memory and descriptors, by way of sd-event ---- */

#define OR_ENOMEM(name, call)           \
	{                               \
		if (FAILS(name, 1))     \
			return -ENOMEM; \
		return call;            \
	}

CALL(int, sd_event_new, sd_event **ret)
OR_ENOMEM("sd_event_new", __real_sd_event_new(ret))

CALL(int, sd_event_add_defer, sd_event *loop, sd_event_source **ret, sd_event_handler_t callback, void *userdata)
OR_ENOMEM("sd_event_add_defer", __real_sd_event_add_defer(loop, ret, callback, userdata))

CALL(int, sd_event_add_io, sd_event *loop, sd_event_source **ret, int fd, uint32_t events,
	sd_event_io_handler_t callback, void *userdata)
OR_ENOMEM("sd_event_add_io", __real_sd_event_add_io(loop, ret, fd, events, callback, userdata))

CALL(int, sd_event_add_signal, sd_event *loop, sd_event_source **ret, int number, sd_event_signal_handler_t callback,
	void *userdata)
OR_ENOMEM("sd_event_add_signal", __real_sd_event_add_signal(loop, ret, number, callback, userdata))

CALL(int, sd_event_add_time, sd_event *loop, sd_event_source **ret, clockid_t clock, uint64_t at, uint64_t accuracy,
	sd_event_time_handler_t callback, void *userdata)
OR_ENOMEM("sd_event_add_time", __real_sd_event_add_time(loop, ret, clock, at, accuracy, callback, userdata))

CALL(int, sd_event_add_time_relative, sd_event *loop, sd_event_source **ret, clockid_t clock, uint64_t in,
	uint64_t accuracy, sd_event_time_handler_t callback, void *userdata)
OR_ENOMEM("sd_event_add_time_relative",
	__real_sd_event_add_time_relative(loop, ret, clock, in, accuracy, callback, userdata))

/* ---- libpq: the server has gone (1), or the client has no memory while the server is well (2) ---- */

int __real_PQsocket(const PGconn *pg);

static void go(PGconn *pg)
{
	if (pg && __real_PQsocket(pg) >= 0)
		(void)shutdown(__real_PQsocket(pg), SHUT_RDWR);
}

/* Fails with this value, the connection being shut down in way 1. */
#define OR_GONE(name, pg, value, call)               \
	{                                            \
		const unsigned way = FAILS(name, 2); \
                                                     \
		if (way == 1)                        \
			go(pg);                      \
		return way ? value : call;           \
	}

CALL(PQconninfoOption *, PQconninfoParse, const char *text, char **error)
OR_NOTHING("PQconninfoParse", __real_PQconninfoParse(text, error))

CALL(PGconn *, PQconnectStart, const char *text)
OR_NOTHING("PQconnectStart", __real_PQconnectStart(text))

CALL(PGconn *, PQconnectStartParams, const char *const *keywords, const char *const *values, int expand)
OR_NOTHING("PQconnectStartParams", __real_PQconnectStartParams(keywords, values, expand))

CALL(PostgresPollingStatusType, PQconnectPoll, PGconn *pg)
OR_GONE("PQconnectPoll", pg, PGRES_POLLING_FAILED, __real_PQconnectPoll(pg))

CALL(int, PQsendPrepare, PGconn *pg, const char *name, const char *sql, int n, const Oid *types)
OR_GONE("PQsendPrepare", pg, 0, __real_PQsendPrepare(pg, name, sql, n, types))

CALL(int, PQsendQuery, PGconn *pg, const char *sql)
OR_GONE("PQsendQuery", pg, 0, __real_PQsendQuery(pg, sql))

CALL(int, PQsendQueryPrepared, PGconn *pg, const char *name, int n, const char *const *values, const int *lengths,
	const int *formats, int format)
OR_GONE("PQsendQueryPrepared", pg, 0, __real_PQsendQueryPrepared(pg, name, n, values, lengths, formats, format))

CALL(int, PQconsumeInput, PGconn *pg)
OR_GONE("PQconsumeInput", pg, 0, __real_PQconsumeInput(pg))

CALL(int, PQflush, PGconn *pg)
OR_GONE("PQflush", pg, -1, __real_PQflush(pg))

CALL(int, PQputCopyData, PGconn *pg, const char *bytes, int n)
OR_GONE("PQputCopyData", pg, -1, __real_PQputCopyData(pg, bytes, n))

CALL(int, PQputCopyEnd, PGconn *pg, const char *error)
OR_GONE("PQputCopyEnd", pg, -1, __real_PQputCopyEnd(pg, error))

CALL(int, PQsetnonblocking, PGconn *pg, int on)
OR_GONE("PQsetnonblocking", pg, -1, __real_PQsetnonblocking(pg, on))

CALL(int, PQsocket, const PGconn *pg)
{
	return FAILS("PQsocket", 1) ? -1 : __real_PQsocket(pg);
}

/* A server that has gone is told by libpq itself; without memory there is no result where there was one. */
CALL(PGresult *, PQgetResult, PGconn *pg)
{
	const unsigned way = FAILS("PQgetResult", 2);

	if (way == 1)
		go(pg);
	if (way == 2) {
		PQclear(__real_PQgetResult(pg));
		return NULL;
	}
	return __real_PQgetResult(pg);
}

CALL(ConnStatusType, PQstatus, const PGconn *pg)
{
	if (FAILS("PQstatus", 1)) {
		go((PGconn *)pg);
		return CONNECTION_BAD;
	}
	return __real_PQstatus(pg);
}

/* ---- ZeroMQ ---- */

/* Each way is one of the errors that the call may give. */
#define OR_ERRNO(name, call, ...)                                                         \
	{                                                                                 \
		static const int errors[] = { __VA_ARGS__ };                              \
		const unsigned way = FAILS(name, sizeof(errors) / sizeof(errors[0]));     \
                                                                                          \
		if (way)                                                                  \
			errno = errors[(way - 1) % (sizeof(errors) / sizeof(errors[0]))]; \
		return way ? FAILED : call;                                               \
	}

#define FAILED ((void *)0)
CALL(void *, zmq_ctx_new, void)
OR_ERRNO("zmq_ctx_new", __real_zmq_ctx_new(), EMFILE)

CALL(void *, zmq_socket, void *context, int type)
OR_ERRNO("zmq_socket", __real_zmq_socket(context, type), EMFILE, ENOMEM)
#undef FAILED

#define FAILED (-1)
CALL(int, zmq_ctx_set, void *context, int option, int value)
OR_ERRNO("zmq_ctx_set", __real_zmq_ctx_set(context, option, value), EINVAL)

CALL(int, zmq_ctx_term, void *context)
OR_ERRNO("zmq_ctx_term", __real_zmq_ctx_term(context), EINTR)

CALL(int, zmq_bind, void *socket, const char *endpoint)
OR_ERRNO("zmq_bind", __real_zmq_bind(socket, endpoint), EADDRINUSE, EMFILE)

CALL(int, zmq_connect, void *socket, const char *endpoint)
OR_ERRNO("zmq_connect", __real_zmq_connect(socket, endpoint), EMTHREAD, ENOMEM)

CALL(int, zmq_unbind, void *socket, const char *endpoint)
OR_ERRNO("zmq_unbind", __real_zmq_unbind(socket, endpoint), ENOENT)

CALL(int, zmq_setsockopt, void *socket, int option, const void *value, size_t n)
OR_ERRNO("zmq_setsockopt", __real_zmq_setsockopt(socket, option, value, n), EINVAL, EINTR)

CALL(int, zmq_getsockopt, void *socket, int option, void *value, size_t *n)
OR_ERRNO("zmq_getsockopt", __real_zmq_getsockopt(socket, option, value, n), EINTR)

/* Of a message of several frames, once begun, nothing is missing. */
static int inside(int error, bool begun)
{
	errno = begun ? EINTR : error;
	return -1;
}

CALL(int, zmq_msg_recv, zmq_msg_t *message, void *socket, int flags)
{
	static const int errors[] = { EAGAIN, EINTR };
	const unsigned way = FAILS("zmq_msg_recv", 2);
	size_t n = sizeof(int);
	int more = 0;

	if (!way)
		return __real_zmq_msg_recv(message, socket, flags);
	(void)__real_zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &n);
	return inside(errors[(way - 1) % 2], more);
}

CALL(int, zmq_send, void *socket, const void *bytes, size_t n, int flags)
{
	static const int errors[] = { EAGAIN, EINTR, EHOSTUNREACH };
	static bool begun;
	const unsigned way = FAILS("zmq_send", 3);
	int r;

	if (way)
		return inside(errors[(way - 1) % 3], begun);
	r = __real_zmq_send(socket, bytes, n, flags);
	if (r >= 0)
		begun = flags & ZMQ_SNDMORE;
	return r;
}
