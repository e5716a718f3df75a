/* consumers forget. */
#include <errno.h>
#include <stdio.h>

#include "ctl/control.h"
#include "ctl/query.h"

/* A name that was never registered is a slip of the pen. */
static int check_registered(struct ctl *ctl, const char *name)
{
	CLEANUP(read_clearp) PGresult *result = NULL;
	const char *parameters[] = { name, NULL };
	int r = query_run(ctl, "SELECT FROM cpps.consumer_position WHERE name = $1", parameters, &result);

	if (r == 0 && PQntuples(result) == 0)
		return fault_set(&ctl->fault, -ENOENT, "there is no consumer %s; see cppsctl consumers", name);
	return r;
}

static enum ctl_exit forget_run(struct ctl *ctl)
{
	CLEANUP(arena_freep) struct arena *arena = NULL;
	const struct control_request request = { .verb = CONTROL_FORGET, .name = ctl->operands[0], .by = ctl_by(ctl) };
	struct control_answer answer = { 0 };

	if (check_registered(ctl, ctl->operands[0]) < 0)
		return ctl_fail(ctl);
	if (arena_new(1024 * 1024, &arena) < 0) {
		(void)fault_set(&ctl->fault, -ENOMEM, "out of memory");
		return ctl_fail(ctl);
	}
	if (ctl_control(ctl, &request, CONTROL_TIMEOUT_MS, arena, &answer) < 0)
		return ctl_fail(ctl);
	if (!ctl_json(ctl))
		(void)printf("%s is forgotten\n", ctl->operands[0]);
	return CTL_OK;
}

const struct command command_consumers_forget = {
	.name = "consumers forget",
	.operands = "NAME",
	.least = 1,
	.most = 1,
	.help = "forget a consumer, so that what it has not confirmed is no longer kept for it",
	.run = forget_run,
};
