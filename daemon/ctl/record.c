/* allocate, task, ptp record: what people record, as events that are made here and submitted like any other. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/text.h"
#include "client/client.h"
#include "ctl/ack.h"
#include "ctl/control.h"
#include "ctl/query.h"
#include "ctl/words.h"
#include "wire/json.h"

#define ANSWER_TIMEOUT_MS 15000
#define STATUS_ARENA      (4 * 1024 * 1024UL)
#define UUID_TEXT         37

/* ---- The envelope ---- */

/* A random UUID (version 4). */
static void make_id(char text[static UUID_TEXT])
{
	unsigned char b[16];
	size_t n = 0;

	while (getrandom(b, sizeof(b), 0) != sizeof(b))
		continue;
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
	for (size_t i = 0; i < sizeof(b); i++)
		n += (size_t)snprintf(
			text + n, UUID_TEXT - n, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", b[i]);
}

static int tools_source(struct ctl *ctl, const char **ret)
{
	const struct config *config;
	int r = ctl_config(ctl, &config);

	if (r < 0)
		return r;
	for (unsigned i = 0; i < config->source_count; i++)
		if (config->sources[i].kind == SOURCE_TOOLS) {
			*ret = config->sources[i].source;
			return 0;
		}
	return fault_set(&ctl->fault, -EINVAL,
		"%s has no source of kind tools: add one, so that cppsctl may speak for it", config->path);
}

/* Where a test bridge's clock was moved, now is what its clock says. */
static void ask_moved_clock(struct ctl *ctl, struct instant *now)
{
	CLEANUP(arena_freep) struct arena *arena = NULL;
	const struct control_request request = { .verb = CONTROL_STATUS };
	struct control_answer answer = { 0 };
	json_t *status = NULL;
	const char *text;

	if (!ctl->config->testing.clock || arena_new(STATUS_ARENA, &arena) < 0)
		return;
	if (ctl_control(ctl, &request, CONTROL_TIMEOUT_MS, arena, &answer) == 0 && answer.json)
		status = json_loads(answer.json, 0, NULL);
	text = json_string_value(json_object_get(status, "now"));
	if (text && json_is_true(json_object_get(status, "clock_moved")))
		(void)instant_parse(text, now);
	json_decref(status);
}

/* When it happened: --at, else now. */
static int happened_at(struct ctl *ctl, struct instant *ret)
{
	const char *at = ctl_text(ctl, "at");
	struct timespec now;

	if (at)
		return instant_parse(at, ret) == 0
			       ? 0
			       : fault_set(&ctl->fault, -EINVAL,
					 "--at takes a time such as 2026-11-02T14:30:00+13:00, not \"%s\"", at);
	(void)clock_gettime(CLOCK_REALTIME, &now);
	ret->us = now.tv_sec * US_PER_SECOND + now.tv_nsec / 1000000 * 1000;
	ask_moved_clock(ctl, ret);
	return 0;
}

/* ---- The submission ---- */
static int wait_for_answer(struct ctl *ctl, struct client_submit *submit, const char *endpoint, struct ack *ret)
{
	uint64_t number;
	int r = client_submit_wait(submit, ANSWER_TIMEOUT_MS, &number, ret);
	const char *refusal = client_submit_refusal(submit);

	if (r == 1)
		return 0;
	return fault_set(&ctl->fault, r < 0 ? r : -ETIMEDOUT,
		"no answer from %s within %d s%s%s: it may or may not have been recorded; see cppsctl status, then "
		"cppsctl show",
		endpoint, ANSWER_TIMEOUT_MS / 1000, *refusal ? ", but: " : "", refusal);
}

static void print_answer(struct ctl *ctl, const char *what, const struct ack *ack)
{
	char word[32];

	word_lower(disposition_text(ack->disposition), word, sizeof(word));
	if (ctl_json(ctl)) {
		ack_print(0, word, ack);
		return;
	}
	(void)printf("%s: %s", what, word);
	if (ack->disposition == DISPOSITION_PARKED)
		(void)printf("; the bridge does not know it yet and waits for it (see cppsctl parked)");
	else if (text_given(ack->sentence))
		(void)printf("; %s%s%s", text_given(ack->reason) ? ack->reason : "",
			text_given(ack->reason) ? ": " : "", ack->sentence);
	else if (ack->seq)
		(void)printf(", record %llu", (unsigned long long)ack->seq);
	(void)putchar('\n');
}

static int submit_line(struct ctl *ctl, const char *line, enum disposition *ret)
{
	CLEANUP(client_submit_freep) struct client_submit *submit = NULL;
	const struct client_submit_options options = { .endpoints = ctl->config->endpoints.submit.list };
	struct ack ack = { 0 };
	int r = client_submit_new(&options, &submit, &ctl->fault);

	if (r < 0)
		return r;
	r = client_submit_send(submit, 1, line, strlen(line));
	if (r < 0)
		return fault_set(&ctl->fault, r, "cannot submit to %s: %s", options.endpoints[0], strerror(-r));
	r = wait_for_answer(ctl, submit, options.endpoints[0], &ack);
	if (r < 0)
		return r;
	print_answer(ctl, ctl->operands[0], &ack);
	*ret = ack.disposition;
	return 0;
}

static int record(struct ctl *ctl, enum event_type type, json_t *data, enum disposition *ret)
{
	CLEANUP(freep) char *line = NULL;
	const char *source = NULL;
	struct instant at = { 0 };
	char id[UUID_TEXT];
	int r = tools_source(ctl, &source); /* loads the configuration */

	if (r == 0)
		r = happened_at(ctl, &at);
	if (r < 0)
		return r;
	make_id(id);
	r = data ? wire_json_event(type, source, id, at, data, &line) : -ENOMEM;
	if (r < 0)
		return fault_set(&ctl->fault, r, "the event cannot be made: what was typed must be UTF-8");
	return submit_line(ctl, line, ret);
}

/* Consumes `data`. */
static enum ctl_exit record_and_exit(struct ctl *ctl, enum event_type type, json_t *data)
{
	enum disposition disposition = DISPOSITION_NONE;
	int r = record(ctl, type, data, &disposition);

	json_decref(data);
	if (r < 0)
		return ctl_fail(ctl);
	return disposition == DISPOSITION_QUARANTINED ? CTL_QUARANTINED : CTL_OK;
}

/* ---- In which role ---- */
#define ROLE_TEXT 48

/* --role, else what the query says of the first two operands. `otherwise` NULL: it must be said. */
static int acting_role(struct ctl *ctl, const char *sql, const char *const *parameters, const char *otherwise,
	char role[static ROLE_TEXT])
{
	CLEANUP(read_clearp) PGresult *result = NULL;
	const char *given = ctl_text(ctl, "role");
	int r;

	if (given)
		return text_copy(role, ROLE_TEXT, given) ? 0 : -EINVAL;
	r = query_run(ctl, sql, parameters, &result);
	if (r < 0)
		return r;
	if (PQntuples(result) == 1 && !PQgetisnull(result, 0, 0))
		otherwise = PQgetvalue(result, 0, 0);
	if (!otherwise)
		return fault_set(&ctl->fault, -ENOENT,
			"%s has nothing of that kind to record just now; see cppsctl show, or say the role with --role",
			ctl->operands[0]);
	return text_copy(role, ROLE_TEXT, otherwise) ? 0 : -EINVAL;
}

static const char *const roles[] = { ROLES(WORD_NAME) NULL };
static const char *const task_outcomes[] = { TASK_OUTCOMES(WORD_NAME) NULL };
static const char *const ptp_outcomes[] = { PTP_OUTCOMES(WORD_NAME) NULL };

#define ROLE_OPTION(help)                                       \
	{                                                       \
		"role", OPTION_WORD, "ROLE", help, roles, false \
	}
#define BY_OPTION                                                                    \
	{                                                                            \
		"by", OPTION_TEXT, "WHO", "who did it (default: $USER)", NULL, false \
	}
#define AT_OPTION                                                                                      \
	{                                                                                              \
		"at", OPTION_TEXT, "TIME", "when it happened, as RFC 3339 (default: now)", NULL, false \
	}

static const char *optional(const char *text)
{
	return text_given(text) ? text : NULL;
}

static enum ctl_exit usage(struct ctl *ctl)
{
	(void)ctl_fail(ctl);
	return CTL_USAGE;
}

static int check_outcome(struct ctl *ctl, const char *outcome, const char *const *words)
{
	char allowed[FAULT_MAX] = "";
	size_t n = 0;

	for (const char *const *word = words; *word; word++) {
		if (strcmp(*word, outcome) == 0)
			return 0;
		if (n < sizeof(allowed))
			n += (size_t)snprintf(allowed + n, sizeof(allowed) - n, "%s%s", n ? ", " : "", *word);
	}
	return fault_set(&ctl->fault, -EINVAL, "\"%s\" is no outcome; it is one of %s", outcome, allowed);
}

static int check_number(struct ctl *ctl, const char *what, const char *text, uint64_t *ret)
{
	if (number_parse(text, ret) == 0 && *ret >= 1 && *ret <= INT16_MAX)
		return 0;
	return fault_set(
		&ctl->fault, -EINVAL, "\"%s\" is no %s; see cppsctl %s --help", text, what, ctl->command->name);
}

/* ---- allocate ---- */
static enum ctl_exit allocate_run(struct ctl *ctl)
{
	static const char sql[] = "SELECT role FROM cpps.task WHERE kind = 'ALLOCATION' AND ref = $1 AND step = 8";
	const char *parameters[] = { ctl->operands[0], NULL };
	char role[ROLE_TEXT];

	if (acting_role(ctl, sql, parameters, "SERVICE_MANAGER", role) < 0)
		return ctl_fail(ctl);
	return record_and_exit(ctl, EVENT_ALLOCATION_RECORDED,
		json_pack("{s:s, s:s, s:s, s:s, s:s*}", "orderRef", ctl->operands[0], "officerId", ctl->operands[1],
			"byRole", role, "by", ctl_by(ctl), "reason", optional(ctl_text(ctl, "reason"))));
}

static const struct option_row allocate_options[] = {
	ROLE_OPTION("in this role (default: the one the step is for, SERVICE_MANAGER as shipped)"),
	BY_OPTION,
	{ "reason", OPTION_TEXT, "TEXT", "why, for the history", NULL, false },
	AT_OPTION,
	OPTIONS_END,
};

const struct command command_allocate = {
	.name = "allocate",
	.operands = "ORDER_REF OFFICER",
	.least = 2,
	.most = 2,
	.help = "record that an order is allocated to a probation officer",
	.options = allocate_options,
	.run = allocate_run,
};

/* ---- task ---- */
static enum ctl_exit task_run(struct ctl *ctl)
{
	static const char sql[] =
		"SELECT role FROM cpps.task WHERE kind = 'ALLOCATION' AND ref = $1 AND step = $2::integer";
	const char *parameters[] = { ctl->operands[0], ctl->operands[1], NULL };
	char role[ROLE_TEXT];
	uint64_t step;

	if (check_number(ctl, "step", ctl->operands[1], &step) < 0 ||
		check_outcome(ctl, ctl->operands[2], task_outcomes) < 0)
		return usage(ctl);
	if (acting_role(ctl, sql, parameters, "SERVICE_MANAGER", role) < 0)
		return ctl_fail(ctl);
	return record_and_exit(ctl, EVENT_TASK_RECORDED,
		json_pack("{s:s, s:I, s:s, s:s, s:s, s:s*}", "orderRef", ctl->operands[0], "step", (json_int_t)step,
			"outcome", ctl->operands[2], "byRole", role, "by", ctl_by(ctl), "reason",
			optional(ctl_text(ctl, "reason"))));
}

static const struct option_row task_options[] = {
	ROLE_OPTION("in this role (default: the one the step is for)"),
	BY_OPTION,
	{ "reason", OPTION_TEXT, "TEXT", "why, for the history", NULL, false },
	AT_OPTION,
	OPTIONS_END,
};

const struct command command_task = {
	.name = "task",
	.operands = "ORDER_REF STEP OUTCOME",
	.least = 3,
	.most = 3,
	.help = "record an allocation step: DONE, NOT_REQUIRED or REOPENED",
	.options = task_options,
	.run = task_run,
};

/* ---- ptp record ---- */
static enum ctl_exit ptp_record_run(struct ctl *ctl)
{
	static const char sql[] =
		"SELECT m.role FROM cpps.ptp_case c JOIN cpps_policy.ptp_move m USING (version) "
		"WHERE c.ptp_ref = $1 AND coalesce(m.stage, $2::integer) = $2::integer AND m.outcome = $3 "
		"ORDER BY m.row_no LIMIT 1"; /* a stage of NULL is any */
	const char *parameters[] = { ctl->operands[0], ctl->operands[1], ctl->operands[2], NULL };
	char role[ROLE_TEXT];
	uint64_t stage;

	if (check_number(ctl, "stage", ctl->operands[1], &stage) < 0 ||
		check_outcome(ctl, ctl->operands[2], ptp_outcomes) < 0)
		return usage(ctl);
	if (acting_role(ctl, sql, parameters, NULL, role) < 0)
		return ctl_fail(ctl);
	return record_and_exit(ctl, EVENT_PTP_STAGE_RECORDED,
		json_pack("{s:s, s:I, s:s, s:s, s:s, s:s*}", "ptpRef", ctl->operands[0], "stage", (json_int_t)stage,
			"outcome", ctl->operands[2], "byRole", role, "by", ctl_by(ctl), "note",
			optional(ctl_text(ctl, "note"))));
}

static const struct option_row ptp_record_options[] = {
	ROLE_OPTION("in this role (default: the one the procedure asks for)"),
	BY_OPTION,
	{ "note", OPTION_TEXT, "TEXT", "a note, for the history", NULL, false },
	AT_OPTION,
	OPTIONS_END,
};

const struct command command_ptp_record = {
	.name = "ptp record",
	.operands = "PTP_REF STAGE OUTCOME",
	.least = 3,
	.most = 3,
	.help = "record what happened at a stage of person to person monitoring",
	.more = "Stages and their outcomes: see cppsctl graph ptp.",
	.options = ptp_record_options,
	.run = ptp_record_run,
};
