/* Inside of wire/: what the fields of an inbound event must be, and where they go in `struct event`. */
#pragma once

#include <protobuf-c/protobuf-c.h>

#include "core/event.h"
#include "wire/refusal.h"

/* Takes the fields of `payload`, the message of event->type, over into `event`; texts are borrowed from the payload. What is wrong is noted, and
 * its field left NULL, 0 or *_NONE. */
void fields_read(const ProtobufCMessage *payload, struct event *event, struct refusal *refusal);

/* A key, as the envelope's id and source and most fields are: at most `max` bytes of clean text without tabs and line breaks, no blank at
 * either end. NULL, with a note, for one that is not; NULL for "" too, noted as missing where `required`. */
const char *field_key(const char *name, const char *text, size_t max, bool required, struct refusal *refusal);
