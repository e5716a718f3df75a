/* What the tests of service/ put into letters: events in the JSON format, a configuration with two streams and the tools, the shipped policy. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "config/config.h"
#include "core/policy.h"
#include "service/letter.h"

enum { COURT, PRISON, TOOLS };

/* Sources court (urn:court), prison (urn:prison) and tools (urn:tools), batches of 500, a queue of 2,000. */
struct config *papers_config(void);
/* The shipped policy; the test fails where it cannot be read. */
const struct policy *papers_policy(void);

/* The `time` of every event made from now on: 2026-11-25T00:00:00Z unless a test says otherwise. */
extern const char *papers_time;

/* Letters; of submit unless said otherwise. */
struct letter *papers_letter(enum origin origin, const char *text);
struct letter *papers_imposed(const char *id, const char *order_ref, const char *prn, const char *office);
struct letter *papers_document(const char *id, const char *order_ref);
