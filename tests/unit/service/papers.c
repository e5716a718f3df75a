#include "service/papers.h"

#include "core/policy_csv.h"

static struct config_source sources[] = {
	[COURT] = { .name = "court", .source = "urn:court", .kind = SOURCE_COURT },
	[PRISON] = { .name = "prison", .source = "urn:prison", .kind = SOURCE_PRISON },
	[TOOLS] = { .name = "tools", .source = "urn:tools", .kind = SOURCE_TOOLS },
};

const char *papers_time = "2026-11-25T00:00:00Z";

struct config *papers_config(void)
{
	static struct config config;

	config = (struct config){ .stream = "nz",
		.sources = sources,
		.source_count = ARRAY_LENGTH(sources),
		.limits = { .batch = 500, .queue = 2000, .quarantine_mb = 64 } };
	return &config;
}

const struct policy *papers_policy(void)
{
	static struct policy policy;
	static bool read;
	struct fault fault = { 0 };

	if (!read && policy_from_csv(SHIPPED_POLICY, &policy, &fault) < 0)
		fail_msg("%s", fault.sentence);
	read = true;
	return &policy;
}

struct letter *papers_letter(enum origin origin, const char *text)
{
	struct letter *letter = letter_new(origin, text, strlen(text));

	assert_non_null(letter);
	(void)snprintf(letter->submitter, sizeof(letter->submitter), "local");
	return letter;
}

struct letter *papers_imposed(const char *id, const char *order_ref, const char *prn, const char *office)
{
	char text[1024];

	(void)snprintf(text, sizeof(text),
		"{\"specversion\":\"1.0\",\"id\":\"%s\",\"source\":\"urn:court\","
		"\"type\":\"nz.govt.justice.cms.sentence.imposed\",\"time\":\"%s\","
		"\"data\":{\"prn\":\"%s\",\"orderRef\":\"%s\",\"orderType\":\"SUPERVISION\","
		"\"imposedOn\":\"2026-11-25\",\"startsOn\":\"2026-11-25\",\"endsOn\":\"2099-11-25\","
		"\"office\":\"%s\",\"court\":\"Wellington\",\"childSexOffence\":false}}",
		id, papers_time, prn, order_ref, office);
	return papers_letter(ORIGIN_SUBMIT, text);
}

struct letter *papers_document(const char *id, const char *order_ref)
{
	char text[1024];

	(void)snprintf(text, sizeof(text),
		"{\"specversion\":\"1.0\",\"id\":\"%s\",\"source\":\"urn:prison\","
		"\"type\":\"nz.govt.corrections.ioms.document.received\",\"time\":\"%s\","
		"\"data\":{\"orderRef\":\"%s\",\"document\":\"SENTENCE_ORDER\",\"receivedOn\":\"2026-11-25\","
		"\"receivedAt\":\"WELLINGTON\"}}",
		id, papers_time, order_ref);
	return papers_letter(ORIGIN_SUBMIT, text);
}
