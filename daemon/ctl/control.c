#include "ctl/control.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"

/* What the daemon would refuse as no request at all is named here. */
static int check_text(struct ctl *ctl, const char *what, const char *text, size_t most)
{
	size_t n = text ? strlen(text) : 0;

	if (n > most)
		return fault_set(
			&ctl->fault, -EINVAL, "%s is %zu bytes long, and %zu are allowed: shorten it", what, n, most);
	if (n && !text_is_clean(text, n))
		return fault_set(
			&ctl->fault, -EINVAL, "%s holds control characters, or is not UTF-8: write it without", what);
	return 0;
}

static int check_texts(struct ctl *ctl, const struct control_request *request)
{
	int r = check_text(ctl, "--reason", request->reason, PROSE_MAX);

	if (r == 0)
		r = check_text(ctl, "the name of who does it (--by, or $USER)", request->by, REF_MAX);
	return r < 0 ? r : check_text(ctl, "the consumer's name", request->name, REF_MAX);
}

int ctl_control(struct ctl *ctl, const struct control_request *request, int timeout_ms, struct arena *arena,
	struct control_answer *ret)
{
	const struct config *config;
	struct control_answer answer = { 0 };
	int r = ctl_config(ctl, &config);

	if (r == 0)
		r = check_texts(ctl, request);
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
