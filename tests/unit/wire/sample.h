/* Helpers of the wire/ tests: a whole, good event of every type, and small ways to change one. */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "wire/decode.h"
#include "wire/encode.h"

#define SAMPLE_ARENA (4 * 1024 * 1024UL)

/* The data of a good event of the type, with every field that its type has (of a baseline, one of the two dates). The caller frees it. */
json_t *sample_data(enum event_type type);
/* The event around it: id "e-1", source "urn:test", time 2026-11-25T01:02:03.000004Z. Takes `data` over. */
json_t *sample_event(enum event_type type, json_t *data);
/* One line of JSON of the object, which it takes over; lies in the arena. */
struct bytes sample_line(struct arena *arena, json_t *object);

/* Decodes, and fails the test when the answer is not `reason` (REASON_NONE: taken) or its sentence does not hold `says`. */
void assert_decodes_to(struct arena *arena, struct bytes bytes, enum reason reason, const char *says, const char *row,
	struct event *ret);
