/* clock advance: moves the clock of a test bridge. */
#include <errno.h>
#include <stdio.h>

#include "base/text.h"
#include "ctl/control.h"
#include "ctl/span.h"

static enum ctl_exit advance_run(struct ctl *ctl)
{
	CLEANUP(arena_freep) struct arena *arena = NULL;
	struct control_request request = { .verb = CONTROL_CLOCK, .by = ctl_by(ctl) };
	struct control_answer answer = { 0 };

	if (span_parse(ctl->operands[0], &request.microseconds) < 0) {
		(void)fault_set(
			&ctl->fault, -EINVAL, "\"%s\" is no span of time; say 90m, 2h, 3d or 1w", ctl->operands[0]);
		(void)ctl_fail(ctl);
		return CTL_USAGE;
	}
	if (arena_new(1024 * 1024, &arena) < 0) {
		(void)fault_set(&ctl->fault, -ENOMEM, "out of memory");
		return ctl_fail(ctl);
	}
	if (ctl_control(ctl, &request, CONTROL_TIMEOUT_MS, arena, &answer) < 0)
		return ctl_fail(ctl);
	if (!ctl_json(ctl))
		(void)printf("the bridge's clock is %s further ahead\n", ctl->operands[0]);
	return CTL_OK;
}

const struct command command_clock_advance = {
	.name = "clock advance",
	.operands = "SPAN",
	.least = 1,
	.most = 1,
	.help = "move the bridge's clock forward, for trials: 90m, 2h, 3d, 1w",
	.more = "Only where the configuration says testing: {clock: true}. What falls due in between becomes due at "
		"once. "
		"It cannot be moved back.",
	.run = advance_run,
};
