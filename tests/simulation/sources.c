/* Two source streams, each with two servers of flow/log_server.h and flow/publisher.h, of which one leads. They are killed and come back, take over from
 * each other while the former leader does not know it yet, come back from an older copy, and forget their oldest records. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flow/log_server.h"
#include "flow/publisher.h"
#include "world.h"

#define RECORDS_MAX 128
#define SERVERS     2
#define READS_MAX   32

/* One copy of the log. */
struct copy {
	struct entry {
		uint64_t epoch;
		const struct made_event *event;
	} at[RECORDS_MAX + 1]; /* by seq */
	uint64_t head, first, epoch;
};

struct read_asked {
	log_read_done read;
	log_epoch_done epoch;
	void *waiter;
	uint64_t after;
};

struct server {
	struct source *source;
	int number;
	sd_event *loop;
	struct log_server *log;
	struct publisher *publisher;
	struct copy *copy;
	uint64_t epoch, head; /* epoch 0: it does not lead */
	struct read_asked reads[READS_MAX];
};

static struct source {
	int number;
	const char *name;
	char live[SERVERS][32], logs[SERVERS][32];
	struct server servers[SERVERS];
	int leader; /* -1: none */
	struct copy *copy;
	const struct made_event *script[RECORDS_MAX];
	size_t script_count, written;
	/* Everything that was ever written. */
	struct {
		uint64_t epoch, seq;
		const struct made_event *event;
	} ever[4 * RECORDS_MAX];
	size_t ever_count;
	uint64_t ever_first;
	int64_t quiet_until; /* no two epochs of one second */
} sources[SOURCES];

static const char *const names[SOURCES] = { "court", "prison" };

/* ---- The log's questions ---- */

static void answer_read(void *what, uint64_t place)
{
	struct server *server = what;
	struct read_asked *asked = &server->reads[place];
	struct wire_record records[RECORDS_MAX];
	const struct copy *copy = server->copy;
	const struct read_asked was = *asked;
	size_t n = 0;

	if (!was.waiter)
		return;
	*asked = (struct read_asked){ 0 };
	if (was.epoch) {
		const bool kept = was.after >= copy->first && was.after <= server->head;

		was.epoch(was.waiter, server->epoch ? 0 : -ESTALE, kept ? copy->at[was.after].epoch : 0);
		return;
	}
	for (uint64_t seq = was.after + 1 > copy->first ? was.after + 1 : copy->first; seq <= server->head; seq++)
		records[n++] = (struct wire_record){
			.seq = seq, .epoch = copy->at[seq].epoch, .topic = "event", .event = copy->at[seq].event->bytes
		};
	was.read(was.waiter, server->epoch ? 0 : -ESTALE, records, n);
}

static int ask(struct server *server, struct read_asked asked)
{
	for (size_t i = 0; i < READS_MAX; i++)
		if (!server->reads[i].waiter) {
			server->reads[i] = asked;
			later(loop_of(server->loop), span(100, 3 * MS), answer_read, server, i);
			return 0;
		}
	return -EAGAIN;
}

static int read_log(void *owner, uint64_t after, size_t max_bytes, log_read_done done, void *waiter)
{
	(void)max_bytes;
	return ask(owner, (struct read_asked){ .read = done, .waiter = waiter, .after = after });
}

static int epoch_of(void *owner, uint64_t seq, log_epoch_done done, void *waiter)
{
	return ask(owner, (struct read_asked){ .epoch = done, .waiter = waiter, .after = seq });
}

/* ---- Servers ---- */

static void server_up(struct server *server)
{
	const struct source *source = server->source;
	const char *const live[] = { source->live[server->number], NULL };
	const char *const log[] = { source->logs[server->number], NULL };
	const char *const other[] = { source->logs[1 - server->number] };
	const struct log_options options = { source->name, (size_t)span(200, 20000), 64 * 1024, 100 };
	const struct log_handlers handlers = { server, read_log, epoch_of, NULL };
	struct fault fault;

	if (server->loop || sd_event_new(&server->loop) < 0)
		return;
	if (log_server_new(server->loop, NULL, log, &options, &handlers, &server->log, &fault) < 0 ||
		publisher_new(server->loop, NULL, live, source->name, &server->publisher, &fault) < 0)
		abort();
	log_server_set_leaders(server->log, other, 1);
	server->epoch = 0;
}

static void server_down(struct server *server)
{
	if (!server->loop)
		return;
	server->log = log_server_free(server->log);
	server->publisher = publisher_free(server->publisher);
	(void)sd_event_unref(server->loop);
	server->epoch = 0;
	for (size_t i = 0; i < READS_MAX; i++)
		answer_read(server, i);
	server->loop = NULL;
}

static void lead(struct server *server)
{
	struct source *source = server->source;
	struct copy *copy = source->copy;
	const uint64_t seconds = (uint64_t)(wall_us() / US_PER_SECOND);

	copy->epoch = copy->epoch + 1 > seconds ? copy->epoch + 1 : seconds;
	server->copy = copy;
	server->epoch = copy->epoch;
	server->head = copy->head;
	source->leader = server->number;
	log_server_lead(server->log, server->epoch, copy->first, server->head);
	publisher_lead(server->publisher, server->epoch, server->head);
	TELL("%s: server %d leads in epoch %lu, head %lu", source->name, server->number, server->epoch, server->head);
}

static void unlead(void *what, uint64_t epoch)
{
	struct server *server = what;

	if (server->epoch != epoch || !server->loop)
		return;
	TELL("%s: server %d learns that it does not lead", server->source->name, server->number);
	server->epoch = 0;
	log_server_lead(server->log, 0, 0, 0);
	publisher_lead(server->publisher, 0, 0);
}

static void come_back(void *what, uint64_t number)
{
	struct server *server = what;

	(void)number;
	server_up(server);
	if (server->source->leader < 0)
		lead(server);
}

/* ---- Writing ---- */

static void write_one(struct source *source)
{
	struct server *server = &source->servers[source->leader];
	struct copy *copy = source->copy;
	const struct made_event *event = source->script[source->written++];
	const struct wire_record record = {
		.seq = ++copy->head, .epoch = server->epoch, .topic = "event", .event = event->bytes
	};

	copy->at[copy->head].epoch = server->epoch;
	copy->at[copy->head].event = event;
	source->ever[source->ever_count].epoch = server->epoch;
	source->ever[source->ever_count].seq = copy->head;
	source->ever[source->ever_count++].event = event;
	server->head = copy->head;
	log_server_append(server->log, &record, 1);
	publisher_send(server->publisher, &record, 1);
}

static void write_some(void *what, uint64_t number)
{
	struct source *source = what;

	(void)number;
	for (uint64_t n = 1 + chance(4); n && source->leader >= 0 && source->written < source->script_count; n--)
		write_one(source);
	if (source->written < source->script_count)
		later(NULL, happens(600) ? span(0, 20 * MS) : span(20 * MS, 600 * MS), write_some, source, 0);
}

/* ---- Trouble ---- */

static void restart(struct source *source, int64_t length)
{
	struct server *server = &source->servers[source->leader];

	TELL("%s: server %d is killed", source->name, server->number);
	source->leader = -1;
	server_down(server);
	later(NULL, length, come_back, server, 0);
	source->quiet_until = world.now + length + 1500 * MS;
}

static void switch_over(struct source *source)
{
	struct server *old = &source->servers[source->leader], *new = &source->servers[1 - source->leader];

	if (!new->loop)
		return;
	count_fault(FAULT_SWITCHES);
	lead(new);
	later(NULL, span(0, 2500 * MS), unlead, old, old->epoch);
	source->quiet_until = world.now + 2600 * MS;
}

static void restore(struct source *source)
{
	struct copy *copy = take_copy(source->copy, sizeof(*copy));
	const uint64_t kept = copy->head - copy->first + 1;

	if (!copy->head || kept < 2)
		return;
	count_fault(FAULT_RESTORES);
	copy->head -= 1 + chance(kept > 6 ? 6 : kept - 1);
	copy->epoch = copy->at[copy->head].epoch;
	TELL("%s: is restored to record %lu of %lu", source->name, copy->head, source->copy->head);
	source->copy = copy;
	restart(source, span(2100 * MS, 3000 * MS));
}

static void trim(struct source *source)
{
	struct copy *copy = source->copy;

	if (copy->head <= copy->first)
		return;
	count_fault(FAULT_TRIMS);
	copy->first += 1 + chance(copy->head - copy->first);
	if (copy->first > source->ever_first)
		source->ever_first = copy->first;
	TELL("%s: is trimmed to begin with record %lu", source->name, copy->first);
	log_server_keep_from(source->servers[source->leader].log, copy->first);
}

void sources_disturb(void)
{
	struct source *source = &sources[chance(SOURCES)];
	/* Some histories only have what a sound source may do. */
	const bool harsh = world.seed % 4 == 0;

	if (source->leader < 0 || world.now < source->quiet_until)
		return;
	if (harsh && happens(150)) {
		restore(source);
	} else if (harsh && happens(150)) {
		trim(source);
	} else if (happens(400)) {
		switch_over(source);
	} else {
		count_fault(FAULT_RESTARTS);
		restart(source, span(50 * MS, 2500 * MS));
	}
}

/* ---- Life ---- */

static void shuffle(struct source *source)
{
	const int kind = source->number ? LETTERS_PRISON : LETTERS_COURT;

	source->script_count = letters_count(kind);
	for (size_t i = 0; i < source->script_count; i++) {
		size_t k = chance(i + 1);

		source->script[i] = source->script[k];
		source->script[k] = letter_at(kind, i);
	}
	source->script_count -= chance(source->script_count - 2);
}

void sources_begin(void)
{
	for (int i = 0; i < SOURCES; i++) {
		struct source *source = &sources[i];

		*source = (struct source){ .number = i, .name = names[i], .leader = -1, .ever_first = 1 };
		source->copy = take(sizeof(*source->copy));
		source->copy->first = 1;
		shuffle(source);
		for (int k = 0; k < SERVERS; k++) {
			(void)snprintf(source->live[k], sizeof(source->live[k]), "ipc://%s-live-%d", names[i], k);
			(void)snprintf(source->logs[k], sizeof(source->logs[k]), "ipc://%s-log-%d", names[i], k);
			source->servers[k].source = source;
			source->servers[k].number = k;
			source->servers[k].copy = source->copy;
			server_up(&source->servers[k]);
		}
		lead(&source->servers[0]);
		later(NULL, span(0, US_PER_SECOND), write_some, source, 0);
	}
}

void sources_end(void)
{
	for (int i = 0; i < SOURCES; i++)
		for (int k = 0; k < SERVERS; k++)
			server_down(&sources[i].servers[k]);
}

bool sources_settled(void)
{
	for (int i = 0; i < SOURCES; i++)
		if (sources[i].leader < 0 || sources[i].written < sources[i].script_count)
			return false;
	return true;
}

const struct made_event *source_wrote(int i, uint64_t epoch, uint64_t seq)
{
	for (size_t k = 0; k < sources[i].ever_count; k++)
		if (sources[i].ever[k].epoch == epoch && sources[i].ever[k].seq == seq)
			return sources[i].ever[k].event;
	return NULL;
}

const struct made_event *source_wrote_next(int i, uint64_t seq, size_t *at)
{
	while (*at < sources[i].ever_count)
		if (sources[i].ever[(*at)++].seq == seq)
			return sources[i].ever[*at - 1].event;
	return NULL;
}

uint64_t source_head(int i)
{
	return sources[i].copy->head;
}

uint64_t source_first(int i)
{
	return sources[i].copy->first;
}

uint64_t source_ever_first(int i)
{
	return sources[i].ever_first;
}

uint64_t source_epoch_of(int i, uint64_t seq)
{
	return seq && seq <= sources[i].copy->head ? sources[i].copy->at[seq].epoch : 0;
}
