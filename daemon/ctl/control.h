/* One question to the daemon's control endpoint. */
#pragma once

#include "client/client.h"
#include "ctl/command.h"

#define CONTROL_TIMEOUT_MS 5000

/* The answer lies in the arena. 0; negative with ctl->fault, also where the daemon answers that it has not done it. */
int ctl_control(struct ctl *ctl, const struct control_request *request, int timeout_ms, struct arena *arena,
	struct control_answer *ret);

/* Who acts: --by, else the user's name. */
const char *ctl_by(const struct ctl *ctl);
