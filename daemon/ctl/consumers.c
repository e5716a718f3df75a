/* consumers forget. */
#include <stdio.h>

#include "ctl/control.h"

static enum ctl_exit forget_run(struct ctl *ctl)
{
	CLEANUP(arena_freep) struct arena *arena = NULL;
	const struct control_request request = { .verb = CONTROL_FORGET, .name = ctl->operands[0], .by = ctl_by(ctl) };
	struct control_answer answer = { 0 };

	if (arena_new(1024 * 1024, &arena) < 0)
		return CTL_FAILED;
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
