/* Who talks to the daemons: submitters that send what was not acknowledged again, in order, on a new connection; and consumers of our stream and of the
 * sources', which are flow/follower.h and see every record once, in order, or are told why not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/text.h"
#include "flow/follower.h"
#include "world.h"

#define SUBMITTERS 3
#define CONSUMERS  (SOURCES + 3)
#define LIST_MAX   64
#define WINDOW     6
#define PATIENCE   (4 * US_PER_SECOND)

/* ---- Submitters ---- */

static struct submitter {
	int number, endpoint;
	sd_event *loop;
	struct flow_socket *socket;
	struct arena *arena;
	const struct made_event *list[LIST_MAX];
	size_t count, acked, sent;
	int64_t heard;
	uint64_t connection;
} submitters[SUBMITTERS];

static void connect_to(struct submitter *submitter);

static void send_more(struct submitter *submitter)
{
	while (submitter->sent < submitter->count && submitter->sent < submitter->acked + WINDOW) {
		const struct made_event *made = submitter->list[submitter->sent++];
		const struct bytes event = made->bytes;

		TELL("submitter %d sends %s to daemon %d", submitter->number, made->id, submitter->endpoint);
		(void)flow_socket_send(submitter->socket, &(struct flow_frame){ event.data, event.n }, 1);
	}
}

static void reconnect(void *what, uint64_t connection)
{
	struct submitter *submitter = what;

	if (submitter->connection == connection)
		connect_to(submitter);
}

static void leave(struct submitter *submitter)
{
	if (submitter->acked == submitter->count)
		return;
	count_fault(FAULT_RESENDS);
	TELL("submitter %d goes elsewhere, %zu acknowledged", submitter->number, submitter->acked);
	submitter->connection++;
	submitter->socket = flow_socket_free(submitter->socket);
	submitter->endpoint = (submitter->endpoint + 1) % DAEMONS;
	later(loop_of(submitter->loop), span(10 * MS, 200 * MS), reconnect, submitter, submitter->connection);
}

/* An event that is acknowledged has its disposition in the database, whatever comes after (X5). */
static void check_ack(const struct submitter *submitter, const struct made_event *event, const struct ack *ack)
{
	const struct fate fate = database_fate(event->source, event->id);

	if (!text_equal(ack->id, event->id) || !text_equal(ack->source, event->source))
		broken("submitter %d gets the ack of %s for %s", submitter->number, ack->id ? ack->id : "?", event->id);
	if (!fate.claims && !fate.held && !fate.closed)
		broken("%s is acknowledged as %s and has no disposition", event->id,
			disposition_text(ack->disposition));
	if (ack->seq > database_head())
		broken("%s is acknowledged with record %lu, which is not in the log", event->id, ack->seq);
}

static void on_ack(void *owner, zmq_msg_t *frames, size_t n)
{
	struct submitter *submitter = owner;
	struct ack ack;

	if (n != 1 || wire_unpack_ack(submitter->arena,
			      (struct bytes){ zmq_msg_data(&frames[0]), zmq_msg_size(&frames[0]) }, &ack) < 0)
		broken("submitter %d gets what is no ack", submitter->number);
	submitter->heard = world.now;
	TELL("submitter %d: %s %s", submitter->number, ack.id ? ack.id : "?", disposition_text(ack.disposition));
	if (ack.disposition == DISPOSITION_NONE) {
		leave(submitter);
	} else if (submitter->acked == submitter->sent) {
		broken("submitter %d gets an ack for nothing", submitter->number);
	} else {
		check_ack(submitter, submitter->list[submitter->acked++], &ack);
		send_more(submitter);
	}
	arena_reset(submitter->arena);
}

static void on_cut(void *owner)
{
	leave(owner);
}

static void look(void *what, uint64_t connection)
{
	struct submitter *submitter = what;

	if (submitter->connection != connection || submitter->acked == submitter->count)
		return;
	if (world.now - submitter->heard > PATIENCE)
		leave(submitter);
	else
		later(loop_of(submitter->loop), PATIENCE, look, submitter, connection);
}

static void connect_to(struct submitter *submitter)
{
	char endpoint[32];
	const char *const connect[] = { endpoint, NULL };
	const struct flow_options options = { .type = ZMQ_DEALER, .connect = connect };
	const struct flow_handlers handlers = { .owner = submitter, .message = on_ack };
	struct fault fault;

	(void)snprintf(endpoint, sizeof(endpoint), "ipc://bridge-submit-%d", submitter->endpoint);
	if (flow_socket_new(submitter->loop, NULL, &options, &handlers, &submitter->socket, &fault) < 0)
		abort();
	bus_watch(submitter->socket, on_cut, submitter);
	submitter->sent = submitter->acked;
	submitter->heard = world.now;
	send_more(submitter);
	later(loop_of(submitter->loop), PATIENCE, look, submitter, submitter->connection);
}

static void begin_submitting(void *what, uint64_t number)
{
	(void)number;
	connect_to(what);
}

/* The tools' own events, dealt out; one of the submitters also repeats what the court's and the prison's streams say. */
static void fill(struct submitter *submitter)
{
	for (int kind = 0; kind < LETTER_KINDS; kind++)
		for (size_t i = 0; i < letters_count(kind); i++) {
			const bool takes = kind == LETTERS_TOOLS ? i % SUBMITTERS == (size_t)submitter->number
								 : submitter->number == 0 && happens(100);
			size_t k;

			if (!takes || submitter->count == LIST_MAX || happens(200))
				continue;
			k = chance(++submitter->count);
			submitter->list[submitter->count - 1] = submitter->list[k];
			submitter->list[k] = letter_at(kind, i);
		}
}

/* ---- Consumers ---- */

static struct consumer {
	int number, stream; /* of a source; SOURCES: ours */
	sd_event *loop;
	struct follower *follower;
	uint64_t epoch, seq, taken;
} consumers[CONSUMERS];

static void take_ours(const struct consumer *consumer, const struct position *position, struct bytes event)
{
	const struct log_entry *entry = database_entry(position->seq);

	if (!entry || entry->epoch != position->epoch || entry->event.n != event.n ||
		memcmp(entry->event.data, event.data, event.n) != 0)
		broken("consumer %d gets record %lu of epoch %lu, which is not in the log", consumer->number,
			position->seq, position->epoch);
}

static void take_theirs(const struct consumer *consumer, const struct position *position, struct bytes event)
{
	const struct made_event *made = source_wrote(consumer->stream, position->epoch, position->seq);

	if (!made || made->bytes.n != event.n || memcmp(made->bytes.data, event.data, event.n) != 0)
		broken("consumer %d gets record %lu of epoch %lu, which was never written", consumer->number,
			position->seq, position->epoch);
}

static void on_record(void *owner, size_t source, const struct position *position, const void *bytes, size_t n)
{
	struct consumer *consumer = owner;

	(void)source;
	if (!position)
		broken("consumer %d gets a record without a position", consumer->number);
	if (consumer->seq                     ? position->seq != consumer->seq + 1
		: consumer->stream == SOURCES ? position->seq != database_first()
					      : position->seq > source_ever_first(consumer->stream))
		broken("consumer %d gets record %lu after %lu", consumer->number, position->seq, consumer->seq);
	(consumer->stream == SOURCES ? take_ours : take_theirs)(consumer, position, (struct bytes){ bytes, n });
	consumer->seq = position->seq;
	consumer->epoch = position->epoch;
	consumer->taken++;
}

static void on_alarm(void *owner, size_t source, const char *sentence)
{
	const struct consumer *consumer = owner;

	(void)source;
	TELL("    consumer %d: %s", consumer->number, sentence);
}

static void consumer_up(void *what, uint64_t number)
{
	static const char *const names[] = { "court", "prison", "bridge" };
	static const char *const streams[] = { "court", "prison", OUR_STREAM };
	struct consumer *consumer = what;
	char live[2][32], logs[2][32];
	const char *const live_list[] = { live[0], live[1], NULL }, *const log_list[] = { logs[0], logs[1], NULL };
	const struct follower_options options = {
		.name = "source", .stream = streams[consumer->stream], .live = live_list, .log = log_list
	};
	const struct follower_handlers handlers = { consumer, on_record, on_alarm };
	const struct position from = { streams[consumer->stream], consumer->epoch, consumer->seq, 0 };
	struct fault fault;

	(void)number;
	if (consumer->follower)
		return;
	for (int i = 0; i < 2; i++) {
		(void)snprintf(live[i], sizeof(live[i]), "ipc://%s-live-%d", names[consumer->stream], i);
		(void)snprintf(logs[i], sizeof(logs[i]), "ipc://%s-log-%d", names[consumer->stream], i);
	}
	if (sd_event_new(&consumer->loop) < 0 ||
		follower_new(consumer->loop, NULL, &options, &handlers, &consumer->follower, &fault) < 0)
		abort();
	follower_start(consumer->follower, consumer->seq ? &from : NULL);
}

static void consumer_down(struct consumer *consumer)
{
	if (!consumer->follower)
		return;
	consumer->follower = follower_free(consumer->follower);
	(void)sd_event_unref(consumer->loop);
}

/* Now and then one ends and comes back at its position. */
static void consumer_restarts(void *what, uint64_t number)
{
	struct consumer *consumer = what;

	if (!world.faults || !consumer->follower)
		return;
	consumer_down(consumer);
	later(NULL, span(0, 3 * US_PER_SECOND), consumer_up, consumer, number);
	later(NULL, span(3100 * MS, 5 * US_PER_SECOND), consumer_restarts, consumer, number);
}

static bool consumer_settled(const struct consumer *consumer)
{
	struct follower_status status;

	if (!consumer->follower)
		return false;
	follower_status(consumer->follower, &status);
	if (consumer->stream == SOURCES) {
		if (status.state == FOLLOWING_STUCK)
			broken("consumer %d of our stream stands still at record %lu", consumer->number, consumer->seq);
		return consumer->seq == database_head();
	}
	if (status.state != FOLLOWING_STUCK)
		return consumer->seq == source_head(consumer->stream);
	if (status.position + 1 >= source_first(consumer->stream) &&
		source_epoch_of(consumer->stream, status.position) == status.epoch)
		broken("consumer %d stands still at record %lu, which is in the log, as is the next", consumer->number,
			status.position);
	return true;
}

/* ---- All of them ---- */

void clients_begin(void)
{
	for (int i = 0; i < SUBMITTERS; i++) {
		struct submitter *submitter = &submitters[i];

		*submitter = (struct submitter){ .number = i, .endpoint = (int)chance(DAEMONS) };
		if (sd_event_new(&submitter->loop) < 0 || arena_new(65536, &submitter->arena) < 0)
			abort();
		fill(submitter);
		later(NULL, span(0, 3 * US_PER_SECOND), begin_submitting, submitter, 0);
	}
	for (int i = 0; i < CONSUMERS; i++) {
		struct consumer *consumer = &consumers[i];

		*consumer = (struct consumer){ .number = i, .stream = i < SOURCES ? i : SOURCES };
		later(NULL, i > SOURCES ? span(0, 9 * US_PER_SECOND) : span(0, 100 * MS), consumer_up, consumer, 0);
		if (i == SOURCES || happens(500))
			later(NULL, span(US_PER_SECOND, 5 * US_PER_SECOND), consumer_restarts, consumer, 0);
	}
}

void clients_end(void)
{
	for (int i = 0; i < SUBMITTERS; i++) {
		submitters[i].socket = flow_socket_free(submitters[i].socket);
		submitters[i].arena = arena_free(submitters[i].arena);
	}
	for (int i = 0; i < CONSUMERS; i++)
		consumer_down(&consumers[i]);
}

bool clients_settled(void)
{
	for (int i = 0; i < SUBMITTERS; i++)
		if (submitters[i].acked < submitters[i].count)
			return false;
	for (int i = 0; i < CONSUMERS; i++)
		if (!consumer_settled(&consumers[i]))
			return false;
	return true;
}

void clients_check(void)
{
	for (int i = 0; i < SUBMITTERS; i++)
		for (size_t k = 0; k < submitters[i].count; k++)
			check_fate(submitters[i].list[k]);
}

void clients_say(void)
{
	struct follower_status status;

	for (int i = 0; i < SUBMITTERS; i++)
		TELL("submitter %d: %zu of %zu acknowledged, %zu sent", i, submitters[i].acked, submitters[i].count,
			submitters[i].sent);
	for (int i = 0; i < CONSUMERS; i++) {
		if (!consumers[i].follower)
			continue;
		follower_status(consumers[i].follower, &status);
		TELL("consumer %d: state %d, position %lu, epoch %lu", i, (int)status.state, status.position,
			status.epoch);
	}
}
