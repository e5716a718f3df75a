/* R11: two lists of live orders compared, and the other side's list read from CSV and NDJSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/text.h"
#include "ctl/reconcile.h"

/* ---- Comparing ---- */
#define ORDERS_MAX 4

/* The differences as one text: "missing A, extra B, different C.office". */
struct told {
	char text[256];
	size_t n;
	int stop; /* what the callback returns */
};

static int tell(void *context, enum difference difference, const struct live_order *theirs,
	const struct live_order *ours, enum reconcile_field field)
{
	struct told *told = context;
	const char *ref = theirs ? theirs->ref : ours->ref;

	assert_true((difference == EXTRA) == !theirs && (difference == MISSING) == !ours);
	assert_true((difference == DIFFERENT) == (field < FIELD_END));
	told->n += (size_t)snprintf(told->text + told->n, sizeof(told->text) - told->n, "%s%s %s%s%s",
		told->n ? ", " : "", difference_words[difference], ref, field < FIELD_END ? "." : "",
		field < FIELD_END ? reconcile_field_words[field] : "");
	return told->stop;
}

#define O(ref, prn, type, office)                    \
	{                                            \
		ref, { prn, type, office }, __LINE__ \
	}

static const struct {
	struct live_order theirs[ORDERS_MAX], ours[ORDERS_MAX];
	const char *told;
} rows[] = {
	{ { { 0 } }, { { 0 } }, "" },
	{ { O("A", "P1", "PAROLE", "NAPIER") }, { O("A", "P1", "PAROLE", "NAPIER") }, "" },
	{ { O("B", "", "", ""), O("A", "", "", "") },
		{ O("A", "P1", "PAROLE", "NAPIER"), O("B", "P2", "PAROLE", "NAPIER") }, "" },
	{ { O("A", NULL, NULL, "NAPIER") }, { O("A", "P1", "PAROLE", "NAPIER") }, "" },
	{ { O("A", "P1", "PAROLE", "NAPIER") }, { { 0 } }, "missing A" },
	{ { { 0 } }, { O("A", "P1", "PAROLE", "NAPIER") }, "extra A" },
	{ { O("A", "P2", "PAROLE", "NELSON") }, { O("A", "P1", "PAROLE", "NAPIER") },
		"different A.prn, different A.office" },
	{ { O("A", "P1", "SUPERVISION", "NAPIER") }, { O("A", "P1", "PAROLE", "NAPIER") }, "different A.orderType" },
	{ { O("A", "P1", "PAROLE", "NAPIER") }, { O("A", "P1", "PAROLE", "") }, "different A.office" },
	{ { O("D", "", "", ""), O("B", "", "", "NELSON"), O("A", "", "", "") },
		{ O("C", "", "", ""), O("B", "", "", "NAPIER"), O("A", "", "", "") },
		"different B.office, extra C, missing D" },
};

static void fill(struct live_list *list, const struct live_order *orders)
{
	struct fault fault;

	for (size_t i = 0; i < ORDERS_MAX && orders[i].ref; i++)
		assert_int_equal(live_list_add(list, &orders[i]), 0);
	assert_int_equal(live_list_sort(list, &fault), 0);
}

static void test_R11_tells_what_is_missing_extra_and_different(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct live_list theirs = { 0 }, ours = { 0 };
		struct told told = { .n = 0 };

		fill(&theirs, rows[i].theirs);
		fill(&ours, rows[i].ours);
		assert_int_equal(reconcile_compare(&theirs, &ours, tell, &told), 0);
		if (strcmp(told.text, rows[i].told) != 0)
			fail_msg("row %zu: %s", i, told.text);
		live_list_clear(&theirs);
		live_list_clear(&ours);
	}
}

static void test_comparing_ends_where_the_caller_says(void **state)
{
	const struct live_order orders[ORDERS_MAX] = { O("A", "", "", ""), O("B", "", "", "") };
	struct live_list theirs = { 0 }, ours = { 0 };
	struct told told = { .stop = -7 };

	(void)state;
	fill(&theirs, orders);
	assert_int_equal(reconcile_compare(&theirs, &ours, tell, &told), -7);
	assert_string_equal(told.text, "missing A");
	live_list_clear(&theirs);
}

static void test_a_long_list_is_sorted(void **state)
{
	struct live_list list = { 0 };
	struct fault fault;
	char refs[5000][8];

	(void)state;
	for (unsigned i = 0; i < ARRAY_LENGTH(refs); i++) {
		struct live_order order = { .ref = refs[i] };

		(void)snprintf(refs[i], sizeof(refs[i]), "%05u", i * 2741 % 5000);
		assert_int_equal(live_list_add(&list, &order), 0);
	}
	assert_int_equal(live_list_sort(&list, &fault), 0);
	for (size_t i = 1; i < list.n; i++)
		assert_true(strcmp(list.orders[i - 1].ref, list.orders[i].ref) < 0);
	live_list_clear(&list);
}

/* ---- Reading ---- */
static struct arena *arena;
static char path[64];

static int setup(void **state)
{
	int fd;

	(void)state;
	(void)strcpy(path, "/tmp/cpps-list-XXXXXX");
	fd = mkstemp(path);
	return fd < 0 || close(fd) < 0 ? -1 : arena_new(1024 * 1024, &arena);
}

static int teardown(void **state)
{
	(void)state;
	arena = arena_free(arena);
	return unlink(path);
}

static int read_text(const char *text, struct live_list *list, struct fault *fault)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	arena_reset(arena);
	return reconcile_read(path, arena, list, fault);
}

/* "A@2 P1 PAROLE NAPIER; B@3 - - NELSON" */
static void say_list(const struct live_list *list, char *text, size_t size)
{
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < list->n; i++) {
		const struct live_order *order = &list->orders[i];

		n += (size_t)snprintf(
			text + n, size - n, "%s%s@%llu", i ? "; " : "", order->ref, (unsigned long long)order->line);
		for (int field = 0; field < FIELD_END; field++)
			n += (size_t)snprintf(text + n, size - n, " %s",
				text_given(order->fields[field]) ? order->fields[field] : "-");
	}
}

static const struct {
	const char *file, *list;
} files[] = {
	{ "orderRef,prn,orderType,office\nA,P1,PAROLE,NAPIER\n", "A@2 P1 PAROLE NAPIER" },
	{ "office,other,orderRef\nNAPIER,x,B\n\nNELSON,y,A\n", "A@4 - - NELSON; B@2 - - NAPIER" },
	{ "\xef\xbb\xbforderRef,prn\r\nA,P1\r\n", "A@2 P1 - -" },
	{ "orderRef,prn\n\"A,1\",\"P\"\"1\"\n", "A,1@2 P\"1 - -" },
	{ "orderRef,prn\nA,P1,more,than,named\nB\n", "A@2 P1 - -; B@3 - - -" },
	{ "orderRef\nA", "A@2 - - -" },
	{ "OrderRef,PRN\nA,P1\n", "A@2 P1 - -" },
	{ "orderRef\n", "" },
	{ "", "" },
	{ "{\"orderRef\":\"B\",\"prn\":\"P1\",\"orderType\":\"PAROLE\",\"office\":\"NAPIER\"}\n\n{\"office\":null,"
	  "\"x\":1,\"orderRef\":\"A\"}\n",
		"A@3 - - -; B@1 P1 PAROLE NAPIER" },
};

static void test_R11_reads_csv_and_ndjson(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(files); i++) {
		struct live_list list = { 0 };
		struct fault fault = { "" };
		char text[512];

		if (read_text(files[i].file, &list, &fault) != 0)
			fail_msg("row %zu: %s", i, fault.sentence);
		say_list(&list, text, sizeof(text));
		assert_string_equal(text, files[i].list);
		live_list_clear(&list);
	}
}

static const struct {
	const char *file, *sentence;
} wrongs[] = {
	{ "A,P1,PAROLE,NAPIER\n", ", line 1: the first line must name the columns: orderRef, prn, orderType, office" },
	{ "orderRef,prn\nA,P1\n,P2\n", ", line 3: it has no orderRef" },
	{ "orderRef\nA\xff\n", ", line 2: it has text that is not UTF-8, or control characters" },
	{ "orderRef\n\"A\"x\n", ", line 2: " },
	{ "orderRef\n\"A\n", ", line 2: " },
	{ "orderRef\nA\nB\nA\n", "order A stands twice, in line 2 and line 4: one is enough" },
	{ "{\"orderRef\":\"A\"}\n{\"prn\":\"P1\"}\n", ", line 2: it has no orderRef" },
	{ "{\"orderRef\":\"A\"}\n[1]\n", ", line 2: it is no JSON object" },
	{ "{\"orderRef\":\n", ", line 1: " },
	{ "{\"orderRef\":\"A\",\"prn\":102}\n", ", line 1: prn must be a text, in quotes" },
	{ "{\"orderRef\":102}\n", ", line 1: orderRef must be a text, in quotes" },
};

static void test_R11_a_sentence_names_the_line_that_is_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(wrongs); i++) {
		struct live_list list = { 0 };
		struct fault fault = { "" };

		if (read_text(wrongs[i].file, &list, &fault) >= 0)
			fail_msg("row %zu: taken", i);
		if (!strstr(fault.sentence, wrongs[i].sentence))
			fail_msg("row %zu: %s", i, fault.sentence);
		live_list_clear(&list);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R11_tells_what_is_missing_extra_and_different),
		cmocka_unit_test(test_comparing_ends_where_the_caller_says),
		cmocka_unit_test(test_a_long_list_is_sorted),
		cmocka_unit_test(test_R11_reads_csv_and_ndjson),
		cmocka_unit_test(test_R11_a_sentence_names_the_line_that_is_wrong),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
