/* The status document: counts and lags, never a PRN. */
#include <jansson.h>
#include <stdio.h>
#include <unistd.h>

#include "base/text.h"
#include "service/daemon.h"

static json_t *text_or_null(const char *text)
{
	return text_given(text) ? json_string(text) : json_null();
}

static int64_t resident_kb(void)
{
	CLEANUP(freep) char *line = NULL;
	long pages = 0;
	FILE *statm = fopen("/proc/self/statm", "re");

	if (!statm)
		return 0;
	if (fscanf(statm, "%*s %ld", &pages) != 1)
		pages = 0;
	(void)fclose(statm);
	return (int64_t)pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static json_t *events(const struct leader_counts *counts)
{
	json_t *by_disposition = json_object(), *by_reason = json_object();

	for (int i = DISPOSITION_NONE + 1; i < DISPOSITION_END; i++)
		(void)json_object_set_new(by_disposition, disposition_text((enum disposition)i),
			json_integer((json_int_t)counts->events[i]));
	for (int i = REASON_NONE + 1; i < REASON_END; i++)
		if (counts->reasons[i])
			(void)json_object_set_new(
				by_reason, reason_text((enum reason)i), json_integer((json_int_t)counts->reasons[i]));
	return json_pack("{s:o, s:o}", "dispositions", by_disposition, "quarantined_for", by_reason);
}

static const char *guarantee(const struct follower_status *status)
{
	if (status->has_log)
		return status->state == FOLLOWING_STUCK ? "stuck" : "gapless";
	return "best effort";
}

static json_t *source(const struct daemon *daemon, size_t i)
{
	static const char *const states[] = {
		[FOLLOWING_READING] = "reading", [FOLLOWING_LIVE] = "live", [FOLLOWING_STUCK] = "stuck"
	};
	const struct config_source *configured = &daemon->config->sources[i];
	struct follower_status status;

	if (!daemon->followers[i])
		return json_pack("{s:s, s:s, s:s, s:s}", "name", configured->name, "source", configured->source, "kind",
			source_kind_text(configured->kind), "guarantee", "submits");
	follower_status(daemon->followers[i], &status);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:I, s:I, s:I, s:I, s:I, s:I}", "name", configured->name,
		"source", configured->source, "kind", source_kind_text(configured->kind), "guarantee",
		guarantee(&status), "state", states[status.state], "stream", text_or_null(status.stream), "epoch",
		(json_int_t)status.epoch, "position", (json_int_t)status.position, "head", (json_int_t)status.head,
		"events", (json_int_t)status.events, "gaps", (json_int_t)status.gaps, "missed",
		(json_int_t)status.missed);
}

static json_t *sources(const struct daemon *daemon)
{
	json_t *list = json_array();

	for (size_t i = 0; i < daemon->config->source_count; i++)
		(void)json_array_append_new(list, source(daemon, i));
	return list;
}

static json_t *pipeline(const struct leader_counts *counts)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "batches", (json_int_t)counts->batches,
		"records", (json_int_t)counts->records, "largest_batch", (json_int_t)counts->largest_batch, "alarms",
		(json_int_t)counts->alarms, "refused_alarms", (json_int_t)counts->refused_alarms, "poison",
		(json_int_t)counts->poison, "given_back", (json_int_t)counts->given_back, "waiting",
		(json_int_t)counts->waiting, "waiting_bytes", (json_int_t)counts->waiting_bytes);
}

static json_t *submitters(const struct daemon *daemon)
{
	struct submit_counts counts;

	submit_counts(daemon->submit, &counts);
	return json_pack("{s:I, s:I, s:I, s:I, s:I}", "connections", (json_int_t)counts.connections, "events",
		(json_int_t)counts.events, "acks", (json_int_t)counts.acks, "dropped_acks",
		(json_int_t)counts.dropped_acks, "bad_frames", (json_int_t)counts.bad_frames);
}

/* "unknown": it does not lead. */
static const char *synchronous(const struct daemon *daemon)
{
	const bool missed = daemon->config->require_synchronous || daemon->synchronous_seen;

	if (daemon->synchronous == STORE_SYNCHRONOUS_UNKNOWN)
		return "unknown";
	if (daemon->synchronous == STORE_SYNCHRONOUS)
		return "yes";
	return missed ? "no" : "not required";
}

char *daemon_status(const struct daemon *daemon)
{
	struct leader_counts counts;
	struct instant now = clock_now(leader_clock(daemon->leader));
	char now_text[INSTANT_TEXT], started_text[INSTANT_TEXT];
	json_t *document;
	char *text;

	leader_counts(daemon->leader, &counts);
	document = json_pack(
		"{s:s, s:i, s:s, s:s, s:I, s:I, s:s, s:s, s:o, s:s, s:s, s:b, s:I, s:o, s:o, s:o, s:I, s:I, s:o}",
		"role", daemon_state_text(daemon->state), "pid", (int)getpid(), "version", CPPS_VERSION, "stream",
		daemon->config->stream, "epoch", (json_int_t)leader_epoch(daemon->leader), "head",
		(json_int_t)leader_head(daemon->leader), "database", store_connected(daemon->store) ? "up" : "down",
		"synchronous", synchronous(daemon), "trouble", text_or_null(daemon->trouble), "now",
		instant_format(now, now_text), "started_at", instant_format(daemon->started_at, started_text),
		"clock_moved", leader_clock(daemon->leader)->ahead_us != 0, "resident_kb", (json_int_t)resident_kb(),
		"events", events(&counts), "pipeline", pipeline(&counts), "submitters", submitters(daemon),
		"log_waiting", (json_int_t)log_server_waiting(daemon->log), "connections_refused",
		(json_int_t)flow_refused(), "sources", sources(daemon));
	text = document ? json_dumps(document, JSON_COMPACT) : NULL;
	json_decref(document);
	return text;
}
