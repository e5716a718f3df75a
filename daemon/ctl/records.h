/* The published records about one order or PTP case, read from the log, to be shown beside what caused them. */
#pragma once

#include <jansson.h>

#include "ctl/command.h"

struct records;

/* All about `ref`: an order's with those of its cases. 0; negative with ctl->fault. */
int records_read(struct ctl *ctl, const char *ref, struct records **ret);
struct records *records_free(struct records *records);
DEFINE_CLEANUP(struct records, records_free)

/* The record as a CloudEvent in JSON; the caller owns it. NULL: it is not among them. */
json_t *records_event(const struct records *records, uint64_t seq);

/* What tells it from others of its name, in a few words: "step 4, Set up the offender file", "level 2, AREA_MANAGER", "PO-7". */
void record_detail(const json_t *event, char *text, size_t size);
