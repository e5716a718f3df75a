/* The events of the world: orders imposed and cancelled, documents and officers for them, before and after them, twice, wrong, and poison. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "wire/json.h"
#include "world.h"

#define ORDERS      16
#define LETTERS_MAX 128

static struct made_event letters[LETTER_KINDS][LETTERS_MAX];
static size_t counts[LETTER_KINDS];
static struct arena *arena;

static struct made_event *add(
	int kind, const char *source, const char *id, const char *type, const char *order, const char *data)
{
	struct made_event *letter = &letters[kind][counts[kind]++];
	struct fault fault = { 0 };
	char text[1024];
	int n = snprintf(text, sizeof(text),
		"{\"specversion\":\"1.0\",\"id\":\"%s\",\"source\":\"%s\",\"type\":\"%s\","
		"\"time\":\"2026-11-28T00:00:00Z\",\"data\":{\"orderRef\":\"%s\",%s}}",
		id, source, type, order, data);

	(void)snprintf(letter->id, sizeof(letter->id), "%s", id);
	(void)snprintf(letter->order, sizeof(letter->order), "%s", order);
	letter->source = source;
	if (wire_json_to_protobuf(arena, text, (size_t)n, &letter->bytes, &fault) < 0) {
		(void)fprintf(stderr, "%s: %s\n", fault.sentence, text);
		exit(2);
	}
	letter->poison = id[0] == 'p';
	return letter;
}

static void imposed(const char *id, int order, int person, const char *office)
{
	char ref[24], data[400];
	struct made_event *letter;

	(void)snprintf(ref, sizeof(ref), "order-%d", order);
	(void)snprintf(data, sizeof(data),
		"\"prn\":\"prn-%d\",\"orderType\":\"SUPERVISION\",\"imposedOn\":\"2026-11-28\","
		"\"startsOn\":\"2026-11-28\",\"endsOn\":\"2099-11-25\",\"office\":\"%s\",\"court\":\"Wellington\","
		"\"childSexOffence\":false",
		person, office);
	letter = add(LETTERS_COURT, COURT_SOURCE, id, "nz.govt.justice.cms.sentence.imposed", ref, data);
	letter->opens = true;
	letter->bad = !strcmp(office, "ATLANTIS");
}

static void cancelled(int order)
{
	char id[24], ref[24];

	(void)snprintf(id, sizeof(id), "cancel-%d", order);
	(void)snprintf(ref, sizeof(ref), "order-%d", order);
	(void)add(LETTERS_COURT, COURT_SOURCE, id, "nz.govt.justice.cms.sentence.cancelled", ref,
		"\"cancelledOn\":\"2026-11-28\",\"reason\":\"appeal\"");
}

static void document(int kind, const char *source, const char *name, int order)
{
	char id[24], ref[24];

	(void)snprintf(id, sizeof(id), "%s-%d", name, order);
	(void)snprintf(ref, sizeof(ref), "order-%d", order);
	(void)add(kind, source, id, "nz.govt.corrections.ioms.document.received", ref,
		"\"document\":\"SENTENCE_ORDER\",\"receivedOn\":\"2026-11-28\",\"receivedAt\":\"WELLINGTON\"");
}

static void allocation(int order)
{
	char id[24], ref[24], data[200];

	(void)snprintf(id, sizeof(id), "officer-%d", order);
	(void)snprintf(ref, sizeof(ref), "order-%d", order);
	(void)snprintf(data, sizeof(data),
		"\"officerId\":\"officer-%d\",\"byRole\":\"SERVICE_MANAGER\",\"by\":\"manager\"", order % 3);
	(void)add(LETTERS_TOOLS, TOOLS_SOURCE, id, "nz.govt.corrections.cpps.allocation.recorded", ref, data);
}

void letters_make(void)
{
	char id[24];

	if (arena_new(16 * 1024 * 1024, &arena) < 0)
		abort();
	for (int order = 0; order < ORDERS; order++) {
		(void)snprintf(id, sizeof(id), "%s-%d", order % 11 == 5 ? "poison" : "imposed", order);
		imposed(id, order, order % 7, order % 9 == 4 ? "ATLANTIS" : "WELLINGTON");
		if (order % 6 == 1) {
			(void)snprintf(id, sizeof(id), "copy-%d", order);
			imposed(id, order, order % 7, "WELLINGTON");
		}
		if (order % 8 == 3)
			cancelled(order);
		document(LETTERS_PRISON, PRISON_SOURCE, "document", order);
		if (order % 3 == 0)
			document(LETTERS_TOOLS, TOOLS_SOURCE, "paper", order);
		if (order % 4 != 2)
			allocation(order);
	}
	for (int order = ORDERS; order < ORDERS + 4; order++)
		document(LETTERS_PRISON, PRISON_SOURCE, "document", order); /* whose order never comes */
}

size_t letters_count(int kind)
{
	return counts[kind];
}

const struct made_event *letter_at(int kind, size_t i)
{
	return &letters[kind][i];
}
