/* A stream to follow: the real publisher and log server over a log in memory, with ways of going wrong. */
#pragma once

#include "flow/bench.h"
#include "flow/log_server.h"
#include "flow/publisher.h"

#define SOURCE_RECORDS 20000
#define EVENT_TEXT_MAX 1024

struct source {
	struct bench *bench;
	const char *stream, *live, *log;
	struct publisher *publisher;
	struct log_server *server;
	struct {
		uint64_t epoch;
		const char *topic;
	} records[SOURCE_RECORDS + 1]; /* [seq] */
	uint64_t first, head, epoch;
	size_t event_size; /* of each record's event, padded; 0: as short as may be */
	struct source_read *reads;
	sd_event_source *defer;
	unsigned reads_asked, epochs_asked;
	bool reads_fail, reads_hang;
	char consumer[65];
	uint64_t confirmed;
	unsigned consumers;
};

void source_init(struct source *source, struct bench *bench, const char *stream, const char *live, const char *log);
/* Opens the sockets that have an endpoint; ring_bytes 0: 1 MiB. */
void source_open(struct source *source, size_t ring_bytes);
void source_close(struct source *source);
/* Begins a term, or ends it with 0. */
void source_lead(struct source *source, uint64_t epoch);
/* Adds n records under the topic; `live` false: nobody hears of them but through the log. */
void source_write(struct source *source, unsigned n, const char *topic, bool live);
/* Everything after `head` is gone, as after the restoring of an older copy. */
void source_restore(struct source *source, uint64_t head);
/* "<seq>", padded with spaces to the source's event size. */
void source_event(const struct source *source, uint64_t seq, char text[static EVENT_TEXT_MAX]);
