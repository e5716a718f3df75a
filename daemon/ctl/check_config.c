/* check-config: whether the configuration can be used, without starting anything. */
#include <jansson.h>
#include <stdio.h>

#include "ctl/command.h"

static enum ctl_exit check_config_run(struct ctl *ctl)
{
	const struct config *config;
	json_t *row;

	if (ctl_config(ctl, &config) < 0)
		return ctl_fail(ctl);
	if (!ctl_json(ctl)) {
		(void)printf("%s: sound; stream %s, %u sources, control at %s\n", config->path, config->stream,
			config->source_count, config->endpoints.control);
		return CTL_OK;
	}
	row = json_pack("{s:s, s:s, s:I, s:s, s:b}", "path", config->path, "stream", config->stream, "sources",
		(json_int_t)config->source_count, "control", config->endpoints.control, "testing_clock",
		config->testing.clock);
	(void)json_dumpf(row, stdout, JSON_COMPACT);
	(void)putchar('\n');
	json_decref(row);
	return CTL_OK;
}

const struct command command_check_config = {
	.name = "check-config",
	.operands = "",
	.help = "say whether the configuration can be used",
	.run = check_config_run,
};
