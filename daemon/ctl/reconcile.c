#include "ctl/reconcile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

const char *const difference_words[DIFFERENCE_END] = { "missing", "extra", "different" };
const char *const reconcile_field_words[FIELD_END] = { "prn", "orderType", "office" };

int live_list_add(struct live_list *list, const struct live_order *order)
{
	if (list->n == list->room) {
		size_t room = list->room ? 2 * list->room : 1024;
		struct live_order *orders = reallocarray(list->orders, room, sizeof(*orders));

		if (!orders)
			return -ENOMEM;
		list->orders = orders;
		list->room = room;
	}
	list->orders[list->n++] = *order;
	return 0;
}

void live_list_clear(struct live_list *list)
{
	free(list->orders);
	*list = (struct live_list){ 0 };
}

static int compare_orders(const void *a, const void *b)
{
	const struct live_order *x = a, *y = b;
	int by_ref = strcmp(x->ref, y->ref);

	return by_ref ? by_ref : (x->line > y->line) - (x->line < y->line);
}

int live_list_sort(struct live_list *list, struct fault *fault)
{
	if (list->n > 0)
		qsort(list->orders, list->n, sizeof(*list->orders), compare_orders);
	for (size_t i = 1; i < list->n; i++)
		if (strcmp(list->orders[i].ref, list->orders[i - 1].ref) == 0)
			return fault_set(fault, -EINVAL,
				"order %s stands twice, in line %llu and line %llu: one is enough", list->orders[i].ref,
				(unsigned long long)list->orders[i - 1].line, (unsigned long long)list->orders[i].line);
	return 0;
}

static int compare_fields(
	const struct live_order *theirs, const struct live_order *ours, reconcile_difference *difference, void *context)
{
	int r = 0;

	for (int field = 0; field < FIELD_END && r == 0; field++)
		if (text_given(theirs->fields[field]) && !text_equal(theirs->fields[field], ours->fields[field]))
			r = difference(context, DIFFERENT, theirs, ours, (enum reconcile_field)field);
	return r;
}

int reconcile_compare(
	const struct live_list *theirs, const struct live_list *ours, reconcile_difference *difference, void *context)
{
	size_t i = 0, j = 0;
	int r = 0;

	while (r == 0 && (i < theirs->n || j < ours->n)) {
		int order = i == theirs->n ? 1 : j == ours->n ? -1 : strcmp(theirs->orders[i].ref, ours->orders[j].ref);

		if (order < 0)
			r = difference(context, MISSING, &theirs->orders[i++], NULL, FIELD_END);
		else if (order > 0)
			r = difference(context, EXTRA, NULL, &ours->orders[j++], FIELD_END);
		else
			r = compare_fields(&theirs->orders[i++], &ours->orders[j++], difference, context);
	}
	return r;
}
