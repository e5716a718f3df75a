/* A realistic input, made up: the same arguments give the same bytes, on any machine. No clock, no locale, no random source but its own.
 *
 * It plays the working days of courts, prisons and offices (08:30 to 16:30, Monday to Friday) as a discrete simulation. Every offender, order and PTP case
 * that an event names exists in it, so that most events are in order; what goes wrong in real feeds is mixed in at real rates: papers that come before
 * their order, copies, events sent twice, and a few that are wrong. Volumes and shares: docs of the manual and statistics named in generate_tables.c. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/instant.h"

#define GENERATE_FROM "2026-11-02" /* a fixed day, so that the bytes do not depend on when it runs */

struct generate_options {
	uint64_t events, seed;
	struct date from; /* first day */
	uint64_t days;    /* spread the events over so many days; 0: 130,000 a year, or a year where they are more */
};

/* Hands each line over, without its line feed; borrowed for the call. A return other than 0 ends and is returned; -ENOMEM. */
typedef int generate_line(void *context, const char *line, size_t n);
int generate(const struct generate_options *options, generate_line *line, void *context);
