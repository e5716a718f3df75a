/* libcppsbridge: the client of this room under names and structs that stay. Only what cpps-bridge.h declares leaves the library. */
#include "client/cpps-bridge.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/text.h"
#include "client/client.h"
#include "wire/json.h"

static int tell(struct cpps_error *error, int r, const struct fault *fault)
{
	if (error && r < 0)
		(void)TEXT_SET(error->sentence, text_given(fault->sentence) ? fault->sentence : strerror(-r));
	return r;
}

/* Options of the program's own size, older or newer than ours: what it does not know is zero; what we do not know must be. */
static int take_options(void *to, size_t size, const void *from, struct fault *fault)
{
	const unsigned char *bytes = from;
	size_t given;

	if (!from)
		return fault_set(fault, -EINVAL, "no options are given");
	memcpy(&given, from, sizeof(given));
	if (given < sizeof(given) || given > 64 * 1024)
		return fault_set(
			fault, -EINVAL, "the options do not begin with their size: make them with CPPS_OPTIONS()");
	for (size_t i = size; i < given; i++)
		if (bytes[i])
			return fault_set(fault, -EINVAL,
				"the options hold something that this version of libcppsbridge (" CPPS_VERSION
				") does not know");
	memcpy(to, from, given < size ? given : size);
	return 0;
}

/* ---- Following ---- */

struct follower_of_program {
	struct cpps_follow_options o;
};

static int hand_on(void *context, const struct wire_record *record)
{
	const struct follower_of_program *follower = context;
	const struct cpps_record given = {
		.seq = record->seq,
		.epoch = record->epoch,
		.topic = record->topic,
		.event = record->event.data,
		.event_size = record->event.n,
	};

	return follower->o.record(follower->o.context, &given);
}

static uint64_t confirmed(void *context)
{
	const struct follower_of_program *follower = context;

	return follower->o.confirmed(follower->o.context);
}

static void notice(void *context, const char *sentence)
{
	const struct follower_of_program *follower = context;

	follower->o.notice(follower->o.context, sentence);
}

static bool stop(void *context)
{
	const struct follower_of_program *follower = context;

	return follower->o.stop(follower->o.context) != 0;
}

static int follow(struct follower_of_program *follower, struct fault *fault)
{
	const struct cpps_follow_options *o = &follower->o;
	const struct client_follow_options options = {
		.live = o->live,
		.log = o->log,
		.stream = o->stream,
		.after = o->after,
		.after_epoch = o->after_epoch,
		.from_now = o->flags & CPPS_FROM_NOW,
		.prefixes = o->prefixes,
		.name = o->name,
		.follow = !(o->flags & CPPS_TO_HEAD),
		.count = o->count,
		.timeout_ms = o->timeout_ms > 0 ? o->timeout_ms : -1,
		.record = hand_on,
		.confirmed = o->confirmed ? confirmed : NULL,
		.notice = o->notice ? notice : NULL,
		.stop = o->stop ? stop : NULL,
		.context = follower,
	};

	if (!o->record)
		return fault_set(fault, -EINVAL, "no function is given to call for each record");
	return client_follow(&options, fault);
}

int cpps_follow(const struct cpps_follow_options *options, struct cpps_error *error)
{
	struct follower_of_program follower = { .o = { 0 } };
	struct fault fault = { "" };
	int r = take_options(&follower.o, sizeof(follower.o), options, &fault);

	return tell(error, r < 0 ? r : follow(&follower, &fault), &fault);
}

int cpps_event_json(const void *event, size_t size, char **ret_line, struct cpps_error *error)
{
	struct fault fault = { "" };

	return tell(error, wire_event_to_json((struct bytes){ event, size }, ret_line, &fault), &fault);
}

/* ---- Submitting ---- */

struct cpps_submit {
	struct client_submit *client;
	char **endpoints; /* copies: the program's list need not stay */
	struct cpps_ack ack;
};

static int copy_endpoints(const char *const *from, char ***ret)
{
	size_t n = 0;

	while (from && from[n])
		n++;
	*ret = calloc(n + 1, sizeof(char *));
	for (size_t i = 0; *ret && i < n; i++) {
		(*ret)[i] = strdup(from[i]);
		if (!(*ret)[i])
			return -ENOMEM;
	}
	return *ret ? 0 : -ENOMEM;
}

DEFINE_CLEANUP(struct cpps_submit, cpps_submit_free)

static int submit_new(const struct cpps_submit_options *o, struct cpps_submit **ret, struct fault *fault)
{
	CLEANUP(cpps_submit_freep) struct cpps_submit *submit = calloc(1, sizeof(*submit));
	struct client_submit_options options = { .window = o->window, .silence_ms = o->silence_ms };
	int r;

	if (!submit)
		return -ENOMEM;
	r = copy_endpoints(o->endpoints, &submit->endpoints);
	options.endpoints = (const char *const *)submit->endpoints;
	if (r == 0)
		r = client_submit_new(&options, &submit->client, fault);
	if (r == 0)
		*ret = TAKE(submit);
	return r;
}

int cpps_submit_new(const struct cpps_submit_options *options, struct cpps_submit **ret, struct cpps_error *error)
{
	struct cpps_submit_options o = { 0 };
	struct fault fault = { "" };
	int r = take_options(&o, sizeof(o), options, &fault);

	return tell(error, r < 0 ? r : submit_new(&o, ret, &fault), &fault);
}

struct cpps_submit *cpps_submit_free(struct cpps_submit *submit)
{
	if (!submit)
		return NULL;
	(void)client_submit_free(submit->client);
	for (char **endpoint = submit->endpoints; endpoint && *endpoint; endpoint++)
		free(*endpoint);
	free(submit->endpoints);
	free(submit);
	return NULL;
}

int cpps_submit_send(struct cpps_submit *submit, uint64_t number, const void *event, size_t size)
{
	return client_submit_send(submit->client, number, event, size);
}

static enum cpps_disposition disposition_out(enum disposition disposition)
{
	switch (disposition) {
	case DISPOSITION_ACCEPTED:
		return CPPS_ACCEPTED;
	case DISPOSITION_PARKED:
		return CPPS_PARKED;
	case DISPOSITION_QUARANTINED:
		return CPPS_QUARANTINED;
	case DISPOSITION_DUPLICATE:
		return CPPS_DUPLICATE;
	case DISPOSITION_NONE:
	case DISPOSITION_END:
		break;
	}
	return CPPS_NOT_GIVEN;
}

static const char *text_or_null(const char *text)
{
	return text_given(text) ? text : NULL;
}

int cpps_submit_wait(struct cpps_submit *submit, int timeout_ms, const struct cpps_ack **ret)
{
	uint64_t number;
	struct ack ack;
	int r = client_submit_wait(submit->client, timeout_ms, &number, &ack);

	if (r != 1)
		return r;
	submit->ack = (struct cpps_ack){
		.number = number,
		.id = text_or_null(ack.id),
		.source = text_or_null(ack.source),
		.disposition = disposition_out(ack.disposition),
		.reason = text_or_null(ack.reason),
		.sentence = text_or_null(ack.sentence),
		.seq = ack.seq,
	};
	*ret = &submit->ack;
	return 1;
}

size_t cpps_submit_pending(const struct cpps_submit *submit)
{
	return client_submit_pending(submit->client);
}

/* ---- Words ---- */

const char *cpps_disposition_text(enum cpps_disposition disposition)
{
	static const char *const texts[] = {
		[CPPS_NOT_GIVEN] = "not given",
		[CPPS_ACCEPTED] = "accepted",
		[CPPS_PARKED] = "parked",
		[CPPS_QUARANTINED] = "quarantined",
		[CPPS_DUPLICATE] = "duplicate",
	};

	return (unsigned)disposition < ARRAY_LENGTH(texts) ? texts[disposition] : "unknown";
}

const char *cpps_bridge_version(void)
{
	return CPPS_VERSION;
}
