/* The procedure drawn: the same rows the rules decide by, in either format. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "core/policy_csv.h"
#include "core/ptp_graph.h"

#define LINES_MAX 128

static struct policy policy;
static char lines[LINES_MAX][PTP_GRAPH_LINE_MAX];
static size_t line_count;

static void take(void *context, const char *line)
{
	assert_ptr_equal(context, lines);
	assert_true(line_count < LINES_MAX);
	TEXT_SET(lines[line_count++], line);
}

static int draw(const struct policy *drawn, int32_t version, enum ptp_graph_format format)
{
	line_count = 0;
	return ptp_graph(drawn, version, format, take, lines);
}

static size_t count(const char *wanted)
{
	size_t n = 0;

	for (size_t i = 0; i < line_count; i++)
		n += strcmp(lines[i], wanted) == 0;
	return n;
}

static size_t count_part(const char *part)
{
	size_t n = 0;

	for (size_t i = 0; i < line_count; i++)
		n += strstr(lines[i], part) != NULL;
	return n;
}

static void assert_lines(const char *const *wanted, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (count(wanted[i]) != 1)
			fail_msg("%zu times: %s", count(wanted[i]), wanted[i]);
}

static void test_draws_every_row_as_mermaid(void **state)
{
	static const char *const wanted[] = {
		"stateDiagram-v2",
		"    %% PTP procedure, version 1 (s107K Parole Act 2002)",
		"    [*] --> stage_1 : considered",
		"    stage_1 --> stage_2 : ADVISED by PROBATION_OFFICER",
		"    stage_4 --> stage_5 : NOT_SUPPORTED by AREA_MANAGER",
		"    stage_7 --> stage_7 : BUDGET_APPROVED by ASSISTANT_GENERAL_MANAGER",
		"    stage_7 --> stage_8 : FORWARDED by ES_OPERATIONS_ADVISER after BUDGET_APPROVED",
		"    stage_8 --> DECLINED : DECLINED by GENERAL_MANAGER",
		"    DECLINED --> [*]",
		"    any_stage --> WITHDRAWN : WITHDRAWN by SERVICE_MANAGER",
		"    WITHDRAWN --> [*]",
		"    stage_10 --> APPROVED : RECOMMENDATIONS_APPROVED by GENERAL_MANAGER after SUBMITTED",
		"    APPROVED --> IMPOSED : the condition is imposed",
		"    any_stage --> ORDER_CLOSED : the order is closed",
		"    IMPOSED --> EXPIRED : the end of the condition is reached",
		"    state \"any stage\" as any_stage",
		"    state \"6. Prepare the proposal: ES operations adviser\" as stage_6",
	};

	(void)state;
	assert_int_equal(draw(&policy, 1, PTP_GRAPH_MERMAID), 0);
	assert_lines(wanted, ARRAY_LENGTH(wanted));
	assert_int_equal(count("    APPROVED --> [*]") + count("    IMPOSED --> [*]"), 0);
	assert_int_equal(count_part(" by "), policy.ptp_move_count);
	assert_int_equal(count_part(" as stage_"), policy.ptp_stage_count);
}

static void test_draws_every_row_as_dot(void **state)
{
	static const char *const wanted[] = {
		"digraph ptp {",
		"\tlabel=\"PTP procedure, version 1 (s107K Parole Act 2002)\";",
		"\tstart [shape=point];",
		"\tstart -> stage_1 [label=\"considered\"];",
		"\tstage_9 -> stage_10 [label=\"REPORT_SUBMITTED by PROBATION_OFFICER after FEEDBACK_GIVEN\"];",
		"\tBUDGET_DECLINED [shape=ellipse];",
		"\tany_stage -> WITHDRAWN [label=\"WITHDRAWN by PROBATION_OFFICER\"];",
		"\tIMPOSED -> ENDED [label=\"the condition is ended early\"];",
		"}",
	};

	(void)state;
	assert_int_equal(draw(&policy, 1, PTP_GRAPH_DOT), 0);
	assert_lines(wanted, ARRAY_LENGTH(wanted));
	assert_string_equal(lines[0], wanted[0]);
	assert_string_equal(lines[line_count - 1], "}");
	assert_int_equal(count_part(" by "), policy.ptp_move_count);
}

/* P9: another version's rows are another diagram's. */
static void test_draws_one_version_only(void **state)
{
	static struct policy two;

	(void)state;
	two = policy;
	two.ptps[1] = (struct policy_ptp){ .version = 2, .first_stage = 1 };
	two.ptp_count = 2;
	two.ptp_stages[two.ptp_stage_count++] = (struct policy_ptp_stage){ .version = 2, .stage = 1, .title = "Ask" };
	two.ptp_actors[two.ptp_actor_count++] =
		(struct policy_ptp_actor){ .version = 2, .stage = 1, .role = ROLE_SERVICE_MANAGER };
	two.ptp_moves[two.ptp_move_count++] = (struct policy_ptp_move){ .version = 2,
		.stage = 1,
		.role = ROLE_SERVICE_MANAGER,
		.outcome = OUTCOME_APPROVED,
		.closes = PTP_APPROVED };
	assert_int_equal(draw(&two, 2, PTP_GRAPH_MERMAID), 0);
	assert_int_equal(count("    state \"1. Ask: service manager\" as stage_1"), 1);
	assert_int_equal(count("    stage_1 --> APPROVED : APPROVED by SERVICE_MANAGER"), 1);
	assert_int_equal(count_part(" by "), 1);
	assert_int_equal(count_part("stage_2"), 0);
	assert_int_equal(draw(&two, 1, PTP_GRAPH_MERMAID), 0);
	assert_int_equal(count_part("Ask"), 0);
	assert_int_equal(draw(&two, 3, PTP_GRAPH_MERMAID), 1);
	assert_int_equal(line_count, 0);
}

/* Titles are free text: they stay within their quotes and on their line. */
static void test_keeps_free_text_within_its_quotes(void **state)
{
	static struct policy other;

	(void)state;
	other = policy;
	TEXT_SET(other.ptp_stages[0].title, "Say \"yes\"\nor \\no");
	assert_int_equal(draw(&other, 1, PTP_GRAPH_MERMAID), 0);
	assert_int_equal(count_part("\"1. Say #quot;yes#quot; or \\no: probation officer\" as stage_1"), 1);
	assert_int_equal(draw(&other, 1, PTP_GRAPH_DOT), 0);
	assert_int_equal(count_part("stage_1 [label=\"1. Say \\\"yes\\\" or \\\\no: probation officer\"];"), 1);
}

static void test_cuts_what_is_too_long(void **state)
{
	static struct policy other;

	(void)state;
	other = policy;
	memset(other.ptp_stages[0].title, '"', sizeof(other.ptp_stages[0].title) - 1);
	assert_int_equal(draw(&other, 1, PTP_GRAPH_MERMAID), 0);
	assert_int_equal(count_part("#quot;\" as stage_1"), 1);
}

static int set_up(void **state)
{
	struct fault fault = { "" };

	(void)state;
	if (policy_from_csv(SHIPPED_POLICY, &policy, &fault) < 0)
		fail_msg("%s", fault.sentence);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_draws_every_row_as_mermaid),
		cmocka_unit_test(test_draws_every_row_as_dot),
		cmocka_unit_test(test_draws_one_version_only),
		cmocka_unit_test(test_keeps_free_text_within_its_quotes),
		cmocka_unit_test(test_cuts_what_is_too_long),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
