/* CloudEvents in: bytes from a peer become a `struct event`, or a reason code and a sentence.
 *
 * Takes the protobuf format and, where the first byte is `{`, the JSON format. Everything the event points to lies in
 * the arena. Checks what needs no policy: that it parses, is one of ours, has its required fields, clean text within its
 * limits, known enum values and dates that exist. The content hash is of the decoded type, time and data, so that both
 * formats of one event hash alike and unknown fields do not count. */
#pragma once

#include "base/arena.h"
#include "core/event.h"

#define EVENT_SIZE_MAX (64 * 1024UL) /* bytes; a larger one is TOO_LARGE */

/* 0: `ret` holds the event; ret->raw is `bytes` (borrowed), ret->raw_hash its hash; kind and submitter are left alone (zero).
 * 1: it cannot be taken: *ret_reason and fault->sentence say why (MALFORMED, TOO_LARGE, UNKNOWN_TYPE, MISSING_FIELD, INVALID_FIELD, INVALID_TEXT,
 *    INVALID_DATES); `ret` holds what was readable, for a person: source, id, type_text, time, order_ref, prn, office (only clean text), always raw and
 *    raw_hash. NULL where unreadable.
 * -ENOMEM: the arena is full. */
int wire_decode(struct arena *arena, const void *bytes, size_t n, struct event *ret, enum reason *ret_reason,
	struct fault *fault);
