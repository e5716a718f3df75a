/* The messages of the stream protocol are unpacked from whoever connects, so each row of text goes through one check (clean, and within its cap)
 * and each list is counted before it is taken over. What merely asks for too much, a limit or a wait, is cut down and not refused. */
#include "wire/protocol.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "core/event.h"
#include "wire/message.h"

#include "protocol.pb-c.h"

#define SMALL_MEMORY_MAX (64 * 1024UL)         /* for messages of a few keys */
#define LARGE_MEMORY_MAX (256 * 1024 * 1024UL) /* for those with events in them; the arena's own cap is smaller */
#define ENDPOINT_MAX     256
#define LEADERS_MAX      16
#define EVENTS_MAX       10000 /* PLAN; acks of it and of a retry */

typedef Cpps__Bridge__V1__Position Position;
typedef Cpps__Bridge__V1__LogRequest LogRequest;
typedef Cpps__Bridge__V1__LogAnswer LogAnswer;
typedef Cpps__Bridge__V1__LogRecord LogRecord;
typedef Cpps__Bridge__V1__Ack Ack;
typedef Cpps__Bridge__V1__ControlRequest ControlRequest;
typedef Cpps__Bridge__V1__ControlAnswer ControlAnswer;

#define SAME(ours, theirs) \
	_Static_assert((int)(ours) == (int)CPPS__BRIDGE__V1__##theirs, #theirs " has another number in protocol.h")
SAME(LOG_OK, LOG_ANSWER__RESULT__OK);
SAME(LOG_TOO_OLD, LOG_ANSWER__RESULT__TOO_OLD);
SAME(LOG_DIVERGED, LOG_ANSWER__RESULT__DIVERGED);
SAME(LOG_NOT_LEADER, LOG_ANSWER__RESULT__NOT_LEADER);
SAME(LOG_NOT_ALLOWED, LOG_ANSWER__RESULT__NOT_ALLOWED);
SAME(CONTROL_NONE, CONTROL_REQUEST__VERB__NONE);
SAME(CONTROL_STATUS, CONTROL_REQUEST__VERB__STATUS);
SAME(CONTROL_PLAN, CONTROL_REQUEST__VERB__PLAN);
SAME(CONTROL_RETRY, CONTROL_REQUEST__VERB__QUARANTINE_RETRY);
SAME(CONTROL_DISCARD, CONTROL_REQUEST__VERB__QUARANTINE_DISCARD);
SAME(CONTROL_FORGET, CONTROL_REQUEST__VERB__CONSUMER_FORGET);
SAME(CONTROL_NEW_TERM, CONTROL_REQUEST__VERB__NEW_TERM);
SAME(CONTROL_CLOCK, CONTROL_REQUEST__VERB__CLOCK_ADVANCE);
SAME(CONTROL_RECONCILED, CONTROL_REQUEST__VERB__RECONCILED);
#define SAME_DISPOSITION(prefix, name, number) SAME(prefix##_##name, ACK__DISPOSITION__##name);
DISPOSITIONS(SAME_DISPOSITION)

/* ---- values ---- */

static char *text(const char *value)
{
	return (char *)(uintptr_t)(value ? value : "");
}

/* NULL for "". */
static const char *given(const char *value)
{
	return *value ? value : NULL;
}

static ProtobufCBinaryData binary(struct bytes bytes)
{
	return (ProtobufCBinaryData){ bytes.n, (uint8_t *)(uintptr_t)bytes.data };
}

static bool fits(const char *value, size_t max)
{
	size_t n = strlen(value);

	return n <= max && text_is_clean(value, n);
}

/* An array of n messages, and the pointers to them that protobuf-c wants. */
static void *take_list(struct arena *arena, size_t n, size_t size, void *ret_pointers)
{
	char **pointers = arena_take(arena, n * sizeof(*pointers));
	char *list = arena_take(arena, n * size);

	if (!list || !pointers)
		return NULL;
	for (size_t i = 0; i < n; i++)
		pointers[i] = list + i * size;
	memcpy(ret_pointers, &pointers, sizeof(pointers));
	return list;
}

static int unpack(
	struct arena *arena, size_t cap, const ProtobufCMessageDescriptor *descriptor, struct bytes bytes, void *ret)
{
	ProtobufCMessage *message;
	int r = message_unpack(arena, cap, descriptor, bytes, &message);

	if (r < 0)
		return r;
	memcpy(ret, &message, sizeof(message));
	return 0;
}

/* ---- position ---- */

int wire_pack_position(struct arena *arena, const struct position *position, struct bytes *ret)
{
	Position message = CPPS__BRIDGE__V1__POSITION__INIT;

	message.stream = text(position->stream);
	message.epoch = position->epoch;
	message.seq = position->seq;
	message.head = position->head;
	return message_pack(arena, &message.base, ret);
}

int wire_unpack_position(struct arena *arena, struct bytes bytes, struct position *ret)
{
	Position *message = NULL;
	int r = unpack(arena, SMALL_MEMORY_MAX, &cpps__bridge__v1__position__descriptor, bytes, &message);

	if (r < 0)
		return r;
	if (!fits(message->stream, REF_MAX))
		return -EINVAL;
	*ret = (struct position){ message->stream, message->epoch, message->seq, message->head };
	return 0;
}

/* ---- log request ---- */

int wire_pack_log_request(struct arena *arena, const struct log_request *request, struct bytes *ret)
{
	LogRequest message = CPPS__BRIDGE__V1__LOG_REQUEST__INIT;

	message.stream = text(request->stream);
	message.after = request->after;
	message.after_epoch = request->after_epoch;
	message.n_prefixes = request->prefix_count;
	message.prefixes = (char **)(uintptr_t)request->prefixes;
	message.limit = request->limit;
	message.wait_ms = request->wait_ms;
	message.name = text(request->name);
	message.confirmed = request->confirmed;
	message.start = request->from_now ? CPPS__BRIDGE__V1__LOG_REQUEST__START__NOW
					  : CPPS__BRIDGE__V1__LOG_REQUEST__START__EARLIEST;
	message.request = request->request;
	return message_pack(arena, &message.base, ret);
}

static bool log_request_fits(const LogRequest *message)
{
	if (!*message->stream || !fits(message->stream, REF_MAX) || !fits(message->name, REF_MAX) ||
		message->n_prefixes > PREFIXES_MAX)
		return false;
	for (size_t i = 0; i < message->n_prefixes; i++)
		if (!fits(message->prefixes[i], PREFIX_SIZE_MAX))
			return false;
	return true;
}

int wire_unpack_log_request(struct arena *arena, struct bytes bytes, struct log_request *ret)
{
	LogRequest *message = NULL;
	int r = unpack(arena, SMALL_MEMORY_MAX, &cpps__bridge__v1__log_request__descriptor, bytes, &message);

	if (r < 0)
		return r;
	if (!log_request_fits(message))
		return -EINVAL;
	*ret = (struct log_request){
		.stream = message->stream,
		.name = given(message->name),
		.after = message->after,
		.after_epoch = message->after_epoch,
		.confirmed = message->confirmed,
		.request = message->request,
		.prefix_count = message->n_prefixes,
		.limit = message->limit > 0 && message->limit < LOG_LIMIT_MAX ? message->limit : LOG_LIMIT_MAX,
		.wait_ms = message->wait_ms < LOG_WAIT_MAX_MS ? message->wait_ms : LOG_WAIT_MAX_MS,
		.from_now = message->start == CPPS__BRIDGE__V1__LOG_REQUEST__START__NOW,
	};
	for (size_t i = 0; i < message->n_prefixes; i++)
		ret->prefixes[i] = message->prefixes[i];
	return 0;
}

/* ---- log answer ---- */

static int give_records(struct arena *arena, const struct log_answer *answer, LogAnswer *message)
{
	LogRecord *records = take_list(arena, answer->record_count, sizeof(*records), &message->records);

	if (!records)
		return -ENOMEM;
	for (size_t i = 0; i < answer->record_count; i++) {
		const struct wire_record *record = &answer->records[i];

		cpps__bridge__v1__log_record__init(&records[i]);
		records[i].seq = record->seq;
		records[i].epoch = record->epoch;
		records[i].topic = text(record->topic);
		records[i].event = binary(record->event);
	}
	message->n_records = answer->record_count;
	return 0;
}

int wire_pack_log_answer(struct arena *arena, const struct log_answer *answer, struct bytes *ret)
{
	LogAnswer message = CPPS__BRIDGE__V1__LOG_ANSWER__INIT;

	if (give_records(arena, answer, &message) < 0)
		return -ENOMEM;
	message.result = (Cpps__Bridge__V1__LogAnswer__Result)answer->result;
	message.through = answer->through;
	message.head = answer->head;
	message.epoch = answer->epoch;
	message.first = answer->first;
	message.n_leaders = answer->leader_count;
	message.leaders = (char **)(uintptr_t)answer->leaders;
	message.sentence = text(answer->sentence);
	message.request = answer->request;
	return message_pack(arena, &message.base, ret);
}

static int take_records(struct arena *arena, const LogAnswer *message, struct log_answer *answer)
{
	struct wire_record *records = arena_take(arena, message->n_records * sizeof(*records));

	if (!records)
		return -ENOMEM;
	for (size_t i = 0; i < message->n_records; i++) {
		const LogRecord *record = message->records[i];

		if (!fits(record->topic, TOPIC_MAX))
			return -EINVAL;
		records[i].seq = record->seq;
		records[i].epoch = record->epoch;
		records[i].event = (struct bytes){ record->event.data, record->event.len };
		(void)TEXT_SET(records[i].topic, record->topic);
	}
	answer->records = records;
	answer->record_count = message->n_records;
	return 0;
}

static bool log_answer_fits(const LogAnswer *message)
{
	if ((unsigned)message->result > LOG_NOT_ALLOWED || message->n_records > LOG_LIMIT_MAX ||
		message->n_leaders > LEADERS_MAX || !fits(message->sentence, FAULT_MAX))
		return false;
	for (size_t i = 0; i < message->n_leaders; i++)
		if (!fits(message->leaders[i], ENDPOINT_MAX))
			return false;
	return true;
}

int wire_unpack_log_answer(struct arena *arena, struct bytes bytes, struct log_answer *ret)
{
	struct log_answer answer;
	LogAnswer *message = NULL;
	int r = unpack(arena, LARGE_MEMORY_MAX, &cpps__bridge__v1__log_answer__descriptor, bytes, &message);

	if (r < 0)
		return r;
	if (!log_answer_fits(message))
		return -EINVAL;
	answer = (struct log_answer){
		.result = (enum log_result)message->result,
		.through = message->through,
		.head = message->head,
		.epoch = message->epoch,
		.first = message->first,
		.request = message->request,
		.leaders = (const char *const *)message->leaders,
		.leader_count = message->n_leaders,
		.sentence = given(message->sentence),
	};
	r = take_records(arena, message, &answer);
	if (r == 0)
		*ret = answer;
	return r;
}

/* ---- acknowledgement ---- */

static void give_ack(const struct ack *ack, Ack *message)
{
	cpps__bridge__v1__ack__init(message);
	message->id = text(ack->id);
	message->source = text(ack->source);
	message->disposition = (Cpps__Bridge__V1__Ack__Disposition)ack->disposition;
	message->reason = text(ack->reason);
	message->sentence = text(ack->sentence);
	message->seq = ack->seq;
}

/* 0 or -EINVAL. */
static int take_ack(const Ack *message, struct ack *ret)
{
	if (!fits(message->id, ID_MAX) || !fits(message->source, ID_MAX) || !fits(message->reason, REF_MAX) ||
		!fits(message->sentence, FAULT_MAX) || (unsigned)message->disposition >= DISPOSITION_END)
		return -EINVAL;
	*ret = (struct ack){
		.id = given(message->id),
		.source = given(message->source),
		.reason = given(message->reason),
		.sentence = given(message->sentence),
		.disposition = (enum disposition)message->disposition,
		.seq = message->seq,
	};
	return 0;
}

int wire_pack_ack(struct arena *arena, const struct ack *ack, struct bytes *ret)
{
	Ack message;

	give_ack(ack, &message);
	return message_pack(arena, &message.base, ret);
}

int wire_unpack_ack(struct arena *arena, struct bytes bytes, struct ack *ret)
{
	Ack *message = NULL;
	int r = unpack(arena, SMALL_MEMORY_MAX, &cpps__bridge__v1__ack__descriptor, bytes, &message);

	return r < 0 ? r : take_ack(message, ret);
}

/* ---- control ---- */

int wire_pack_control_request(struct arena *arena, const struct control_request *request, struct bytes *ret)
{
	ControlRequest message = CPPS__BRIDGE__V1__CONTROL_REQUEST__INIT;
	ProtobufCBinaryData *events = arena_take(arena, request->event_count * sizeof(*events));

	if (!events)
		return -ENOMEM;
	for (size_t i = 0; i < request->event_count; i++)
		events[i] = binary(request->events[i]);
	message.verb = (Cpps__Bridge__V1__ControlRequest__Verb)request->verb;
	message.n_events = request->event_count;
	message.events = events;
	message.n_numbers = request->number_count;
	message.numbers = (uint64_t *)(uintptr_t)request->numbers;
	message.all = request->all;
	message.by = text(request->by);
	message.reason = text(request->reason);
	message.name = text(request->name);
	message.microseconds = request->microseconds;
	message.agreed = request->agreed;
	message.differences = request->differences;
	return message_pack(arena, &message.base, ret);
}

static bool control_request_fits(const ControlRequest *message)
{
	return message->n_events <= EVENTS_MAX && message->n_numbers <= EVENTS_MAX && fits(message->by, REF_MAX) &&
	       fits(message->reason, PROSE_MAX) && fits(message->name, REF_MAX);
}

/* A verb of a later version counts as none: the daemon then says that it does not know it. */
static enum control_verb verb_of(Cpps__Bridge__V1__ControlRequest__Verb verb)
{
	return (unsigned)verb <= CONTROL_RECONCILED ? (enum control_verb)verb : CONTROL_NONE;
}

int wire_unpack_control_request(struct arena *arena, struct bytes bytes, struct control_request *ret)
{
	ControlRequest *message = NULL;
	struct bytes *events;
	int r = unpack(arena, LARGE_MEMORY_MAX, &cpps__bridge__v1__control_request__descriptor, bytes, &message);

	if (r < 0)
		return r;
	if (!control_request_fits(message))
		return -EINVAL;
	events = arena_take(arena, message->n_events * sizeof(*events));
	if (!events)
		return -ENOMEM;
	for (size_t i = 0; i < message->n_events; i++)
		events[i] = (struct bytes){ message->events[i].data, message->events[i].len };
	*ret = (struct control_request){
		.verb = verb_of(message->verb),
		.events = events,
		.event_count = message->n_events,
		.numbers = message->numbers,
		.number_count = message->n_numbers,
		.all = message->all,
		.agreed = message->agreed,
		.by = given(message->by),
		.reason = given(message->reason),
		.name = given(message->name),
		.microseconds = message->microseconds,
		.differences = message->differences,
	};
	return 0;
}

int wire_pack_control_answer(struct arena *arena, const struct control_answer *answer, struct bytes *ret)
{
	ControlAnswer message = CPPS__BRIDGE__V1__CONTROL_ANSWER__INIT;
	Ack *acks = take_list(arena, answer->ack_count, sizeof(*acks), &message.acks);

	if (!acks)
		return -ENOMEM;
	for (size_t i = 0; i < answer->ack_count; i++)
		give_ack(&answer->acks[i], &acks[i]);
	message.done = answer->done;
	message.sentence = text(answer->sentence);
	message.json = text(answer->json);
	message.n_acks = answer->ack_count;
	return message_pack(arena, &message.base, ret);
}

int wire_unpack_control_answer(struct arena *arena, struct bytes bytes, struct control_answer *ret)
{
	ControlAnswer *message = NULL;
	struct ack *acks;
	int r = unpack(arena, LARGE_MEMORY_MAX, &cpps__bridge__v1__control_answer__descriptor, bytes, &message);

	if (r < 0)
		return r;
	if (message->n_acks > EVENTS_MAX || !fits(message->sentence, FAULT_MAX) || !fits(message->json, SIZE_MAX))
		return -EINVAL;
	acks = arena_take(arena, message->n_acks * sizeof(*acks));
	if (!acks)
		return -ENOMEM;
	for (size_t i = 0; i < message->n_acks; i++)
		if (take_ack(message->acks[i], &acks[i]) < 0)
			return -EINVAL;
	*ret = (struct control_answer){ message->done, given(message->sentence), given(message->json), acks,
		message->n_acks };
	return 0;
}
