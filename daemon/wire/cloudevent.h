/* Inside of wire/: a CloudEvent as it stands between its two formats, read or to be written, its meaning not yet checked. */
#pragma once

#include <jansson.h>
#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/instant.h"
#include "wire/encode.h"
#include "wire/refusal.h"

#define ATTRIBUTES_MAX 32
#define CLOUDEVENT_MEMORY_MAX \
	(512 * 1024UL) /* the most that reading one may take of an arena, beside a copy of its bytes */

enum attribute_kind { ATTRIBUTE_TEXT, ATTRIBUTE_BOOLEAN, ATTRIBUTE_INTEGER, ATTRIBUTE_TIME, ATTRIBUTE_BYTES };

/* An optional or extension attribute. */
struct attribute {
	const char *name;
	enum attribute_kind kind;
	const char *text;    /* TEXT */
	int32_t number;      /* BOOLEAN, INTEGER */
	struct instant time; /* TIME; INSTANT_NONE: not a valid one */
	struct bytes bytes;  /* BYTES */
};

enum data_kind {
	DATA_NONE,
	DATA_PROTO,  /* a packed message, and its type URL */
	DATA_JSON,   /* a JSON value */
	DATA_BINARY, /* bytes of some other content type */
	DATA_TEXT
};

struct cloudevent {
	const char *id, *source, *spec_version, *type; /* "" where absent */
	struct attribute attributes[ATTRIBUTES_MAX];
	size_t attribute_count;

	enum data_kind data_kind;
	const char *type_url;            /* PROTO */
	struct bytes data;               /* PROTO, BINARY */
	const char *data_text;           /* TEXT */
	const json_t *json;              /* JSON; borrowed from `root` */
	json_t *root;                    /* owned; NULL for one that was not read from JSON */
	const ProtobufCMessage *payload; /* set by cloudevent_payload(), or by whoever writes one */
};

/* Reads either format; the texts lie in the arena. What is wrong is noted in `refusal`: MALFORMED where it is no CloudEvent at all, then `ret`
 * is as if everything was absent. cloudevent_done() it in any case. 0 or -ENOMEM. */
int cloudevent_read(struct arena *arena, struct bytes bytes, struct refusal *refusal, struct cloudevent *ret);
void cloudevent_done(struct cloudevent *event);

/* Reads the data as the message that the event's type wants, into event->payload; NULL where there is none, with a note in `refusal`.
 * 0 or -ENOMEM. */
int cloudevent_payload(struct arena *arena, struct cloudevent *event, struct refusal *refusal);

/* The attribute; NULL: absent. Where the format let a sender give it twice, the last. */
const struct attribute *cloudevent_attribute(const struct cloudevent *event, const char *name);

/* Writing: adds an attribute; one with NULL, "" or INSTANT_NONE is left out. */
void cloudevent_add_text(struct cloudevent *event, const char *name, const char *text);
void cloudevent_add_time(struct cloudevent *event, const char *name, struct instant time);

/* In the protobuf format, with `payload` as proto_data; bytes in the arena. 0 or -ENOMEM. */
int cloudevent_pack(struct arena *arena, const struct cloudevent *event, struct bytes *ret);

/* In the JSON format; the caller owns it. NULL: out of memory. */
json_t *cloudevent_json(const struct cloudevent *event);
