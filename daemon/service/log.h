/* Logging: structured fields to the journal where stderr leads there, one readable line on stderr elsewhere. Only service/ logs.
 *
 * Never personal data beyond the PRN: no payload, no reason or note. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <syslog.h>

/* The fields a line may carry: each name once; docs and tests read this table. */
#define LOG_FIELDS(X)                        \
	X(STREAM, "CPPS_STREAM")             \
	X(EPOCH, "CPPS_EPOCH")               \
	X(SEQ, "CPPS_SEQ")                   \
	X(SOURCE, "CPPS_SOURCE")             \
	X(EVENT_SOURCE, "CPPS_EVENT_SOURCE") \
	X(EVENT_ID, "CPPS_EVENT_ID")         \
	X(EVENT_TYPE, "CPPS_EVENT_TYPE")     \
	X(REASON, "CPPS_REASON")             \
	X(ORDER_REF, "CPPS_ORDER_REF")       \
	X(PRN, "CPPS_PRN")                   \
	X(QUARANTINE, "CPPS_QUARANTINE")     \
	X(STATE, "CPPS_STATE")               \
	X(COUNT, "CPPS_COUNT")

#define LOG_FIELD_CONSTANT(name, text) LOG_FIELD_##name,
enum log_field { LOG_FIELDS(LOG_FIELD_CONSTANT) LOG_FIELD_END };

struct log_value {
	enum log_field field;
	const char *text; /* NULL: `number` */
	uint64_t number;
};

#define LOG_TEXT(name, value)   ((struct log_value){ LOG_FIELD_##name, (value) ? (value) : "", 0 })
#define LOG_NUMBER(name, value) ((struct log_value){ LOG_FIELD_##name, NULL, (value) })

/* The least priority that is written: "debug" .. "err"; NULL: info. */
void log_open(const char *level);

/* One line: LOG_ERR .. LOG_DEBUG, a sentence, fields. */
void log_write(int priority, const char *sentence, const struct log_value *values, size_t n);
#define LOG(priority, sentence, ...)                                                                                   \
	log_write((priority), (sentence), (const struct log_value[]){ { LOG_FIELD_END, NULL, 0 }, ##__VA_ARGS__ } + 1, \
		sizeof((const struct log_value[]){ { LOG_FIELD_END, NULL, 0 }, ##__VA_ARGS__ }) /                      \
				sizeof(struct log_value) -                                                             \
			1)
/* A sentence made of parts. */
void log_format(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));
