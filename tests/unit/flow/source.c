#include "flow/source.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#include <utlist.h>

#define READ_RECORDS_MAX 4000

struct source_read {
	uint64_t after;
	size_t max_bytes;
	log_read_done done; /* or */
	log_epoch_done epoch_done;
	void *waiter;
	struct source_read *prev, *next;
};

void source_event(const struct source *source, uint64_t seq, char text[static EVENT_TEXT_MAX])
{
	(void)snprintf(text, EVENT_TEXT_MAX, "%-*" PRIu64, (int)source->event_size, seq);
}

static void fill(
	const struct source *source, uint64_t seq, struct wire_record *record, char text[static EVENT_TEXT_MAX])
{
	source_event(source, seq, text);
	*record = (struct wire_record){
		.seq = seq,
		.epoch = source->records[seq].epoch,
		.event = { (const uint8_t *)text, strlen(text) },
	};
	TEXT_SET(record->topic, source->records[seq].topic);
}

/* ---- The log's questions, answered in a later turn ---- */

static void answer_read(struct source *source, const struct source_read *read)
{
	struct wire_record *records = calloc(READ_RECORDS_MAX, sizeof(*records));
	char(*texts)[EVENT_TEXT_MAX] = calloc(READ_RECORDS_MAX, sizeof(*texts));
	uint64_t seq = read->after + 1 > source->first ? read->after + 1 : source->first;
	size_t n = 0, bytes = 0;

	for (; records && texts && n < READ_RECORDS_MAX && seq <= source->head && bytes < read->max_bytes; seq++, n++) {
		fill(source, seq, &records[n], texts[n]);
		bytes += records[n].event.n;
	}
	read->done(read->waiter, source->reads_fail ? -EIO : 0, records, n);
	free(records);
	free(texts);
}

static void answer(struct source *source, const struct source_read *read)
{
	if (read->done)
		answer_read(source, read);
	else
		read->epoch_done(read->waiter, source->reads_fail ? -EIO : 0,
			read->after >= source->first && read->after <= source->head ? source->records[read->after].epoch
										    : 0);
}

static int on_defer(sd_event_source *event_source, void *userdata)
{
	struct source *source = userdata;
	struct source_read *read = source->reads;

	(void)event_source;
	if (!read)
		return 0;
	DL_DELETE(source->reads, read);
	answer(source, read);
	free(read);
	if (source->reads)
		(void)sd_event_source_set_enabled(source->defer, SD_EVENT_ONESHOT);
	return 0;
}

static int queue(struct source *source, struct source_read of)
{
	struct source_read *read = malloc(sizeof(*read));

	if (!read)
		return -ENOMEM;
	*read = of;
	DL_APPEND(source->reads, read);
	if (!source->reads_hang)
		(void)sd_event_source_set_enabled(source->defer, SD_EVENT_ONESHOT);
	return 0;
}

static int on_read(void *owner, uint64_t after, size_t max_bytes, log_read_done done, void *waiter)
{
	struct source *source = owner;

	source->reads_asked++;
	return queue(
		source, (struct source_read){ .after = after, .max_bytes = max_bytes, .done = done, .waiter = waiter });
}

static int on_epoch_of(void *owner, uint64_t seq, log_epoch_done done, void *waiter)
{
	struct source *source = owner;

	source->epochs_asked++;
	return queue(source, (struct source_read){ .after = seq, .epoch_done = done, .waiter = waiter });
}

static void on_consumer(void *owner, const char *name, uint64_t confirmed)
{
	struct source *source = owner;

	TEXT_SET(source->consumer, name);
	source->confirmed = confirmed;
	source->consumers++;
}

/* ---- Life ---- */

void source_init(struct source *source, struct bench *bench, const char *stream, const char *live, const char *log)
{
	*source = (struct source){ .bench = bench, .stream = stream, .live = live, .log = log, .first = 1 };
}

static void must(int r, const struct fault *fault)
{
	if (r >= 0)
		return;
	(void)fprintf(stderr, "%d: %s\n", r, fault->sentence);
	abort();
}

void source_open(struct source *source, size_t ring_bytes)
{
	const char *const live[] = { source->live, NULL }, *const log[] = { source->log, NULL };
	const struct log_options options = {
		.stream = source->stream,
		.ring_bytes = ring_bytes ? ring_bytes : 1024 * 1024,
		.answer_bytes = 1024 * 1024,
		.clients = 1000,
	};
	const struct log_handlers handlers = { source, on_read, on_epoch_of, on_consumer };
	struct fault fault = { "" };

	must(sd_event_add_defer(source->bench->loop, &source->defer, on_defer, source), &fault);
	must(sd_event_source_set_enabled(source->defer, SD_EVENT_OFF), &fault);
	if (source->live)
		must(publisher_new(source->bench->loop, source->bench->context, live, source->stream,
			     &source->publisher, &fault),
			&fault);
	if (source->log)
		must(log_server_new(source->bench->loop, source->bench->context, log, &options, &handlers,
			     &source->server, &fault),
			&fault);
}

/* The owner of a log server ends its term before it goes: what was asked is answered with an error. */
static void drop_reads(struct source *source)
{
	struct source_read *read, *next;

	DL_FOREACH_SAFE(source->reads, read, next)
	{
		DL_DELETE(source->reads, read);
		if (read->done)
			read->done(read->waiter, -ECANCELED, NULL, 0);
		else
			read->epoch_done(read->waiter, -ECANCELED, 0);
		free(read);
	}
}

void source_close(struct source *source)
{
	source->publisher = publisher_free(source->publisher);
	source->server = log_server_free(source->server);
	drop_reads(source);
	source->defer = sd_event_source_disable_unref(source->defer);
}

void source_lead(struct source *source, uint64_t epoch)
{
	source->epoch = epoch;
	if (source->publisher)
		publisher_lead(source->publisher, epoch, source->head);
	if (source->server)
		log_server_lead(source->server, epoch, source->first, source->head);
}

void source_write(struct source *source, unsigned n, const char *topic, bool live)
{
	for (unsigned i = 0; i < n && source->head < SOURCE_RECORDS; i++) {
		char text[EVENT_TEXT_MAX];
		struct wire_record record;

		source->head++;
		source->records[source->head].epoch = source->epoch;
		source->records[source->head].topic = topic;
		fill(source, source->head, &record, text);
		if (source->server)
			log_server_append(source->server, &record, 1);
		if (source->publisher && live)
			publisher_send(source->publisher, &record, 1);
	}
}

void source_restore(struct source *source, uint64_t head)
{
	source->head = head;
}
