#include "ctl/control.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"

int ctl_control(struct ctl *ctl, const struct control_request *request, int timeout_ms, struct arena *arena,
	struct control_answer *ret)
{
	const struct config *config;
	struct control_answer answer = { 0 };
	int r = ctl_config(ctl, &config);

	if (r == 0)
		r = client_control(config->endpoints.control, request, timeout_ms, arena, &answer, &ctl->fault);
	if (r < 0)
		return r;
	if (!answer.done)
		return fault_set(&ctl->fault, -EPROTO, "%s",
			text_given(answer.sentence) ? answer.sentence
						    : "the bridge has not done it and does not say why");
	*ret = answer;
	return 0;
}

const char *ctl_by(const struct ctl *ctl)
{
	const char *by = ctl_text(ctl, "by");
	const struct passwd *user;

	if (!text_given(by))
		by = getenv("USER");
	if (text_given(by))
		return by;
	user = getpwuid(getuid());
	return user ? user->pw_name : "unknown";
}
