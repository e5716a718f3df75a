/* migrate: brings the database's schema to what this program knows. */
#include "store/migrate.h"

#include <errno.h>
#include <stdio.h>

#include "ctl/command.h"

static void say(void *context, const char *sentence)
{
	(void)context;
	(void)puts(sentence);
	(void)fflush(stdout);
}

static enum ctl_exit migrate_run(struct ctl *ctl)
{
	const char *database = ctl_text(ctl, "database");
	const struct config *config;

	if (!database) {
		if (ctl_config(ctl, &config) < 0)
			return ctl_fail(ctl);
		database = config->database;
	}
	return migrate(database, say, NULL, &ctl->fault) < 0 ? ctl_fail(ctl) : CTL_OK;
}

static const struct option_row migrate_options[] = {
	{ "database", OPTION_TEXT, "CONNINFO",
		"this database, as libpq names it (default: the configuration's), for an account that may migrate",
		NULL, false },
	OPTIONS_END,
};

const struct command command_migrate = {
	.name = "migrate",
	.operands = "",
	.help = "bring the database's schema up to date",
	.more = "Safe to run twice, and twice at once. The first time it needs an account that may make roles and "
		"schemas; later ones need the role "
		"cpps_owner. The shipped policy is loaded when its tables are made, and never again.",
	.options = migrate_options,
	.run = migrate_run,
};
