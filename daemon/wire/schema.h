/* Inside of wire/: which message of proto/ carries which CloudEvent type. */
#pragma once

#include <protobuf-c/protobuf-c.h>

#include "core/words.h"

#define TYPE_URL_PREFIX    "type.googleapis.com/"
#define RECORD_TYPE_PREFIX "nz.govt.corrections.cpps."

/* The message of an inbound event type, or of a published record; NULL for 0 and beyond the end. */
const ProtobufCMessageDescriptor *schema_of_event(enum event_type type);
const ProtobufCMessageDescriptor *schema_of_record(enum record_name name);

/* The message of a CloudEvent type, inbound or published; NULL for a type that is not ours. */
const ProtobufCMessageDescriptor *schema_of_type(const char *type);
