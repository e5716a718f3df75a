/* cpps-bridged: options, configuration, then the loop. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/daemon.h"
#include "service/log.h"

static const char help[] = "usage: cpps-bridged [--config FILE] [--check]\n"
			   "\n"
			   "Carries sentence and release events from courts and prisons into the probation service.\n"
			   "\n"
			   "  --config FILE  the configuration; else $CPPS_BRIDGE_CONFIG, else " CONFIG_DEFAULT "\n"
			   "  --check        read the configuration, say whether it can be used, and exit\n"
			   "  --help         this text\n"
			   "  --version      the version\n"
			   "\n"
			   "Signals: TERM and INT drain and stop, HUP loads the policy and the log level again.\n"
			   "Exit status: 0 stopped, 1 failed, 2 wrong usage.\n";

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "check", no_argument, NULL, 'k' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'v' },
	{ 0 },
};

static int complain(int error, const struct fault *fault)
{
	if (*fault->sentence)
		(void)fprintf(stderr, "cpps-bridged: %s\n", fault->sentence);
	else
		(void)fprintf(stderr, "cpps-bridged: cannot run: %s\n", strerror(-error));
	return EXIT_FAILURE;
}

static int run(struct config *config)
{
	CLEANUP(daemon_freep) struct daemon *daemon = NULL;
	struct fault fault = { 0 };
	int r;

	log_open(config->log_level);
	r = daemon_new(config, &daemon, &fault);
	if (r < 0)
		return complain(r, &fault);
	r = daemon_run(daemon);
	return r < 0 ? complain(r, &fault) : r;
}

int main(int argc, char **argv)
{
	const char *given = NULL;
	struct config *config;
	struct fault fault = { 0 };
	bool check = false;
	int option, r;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (option) {
		case 'c':
			given = optarg;
			break;
		case 'k':
			check = true;
			break;
		case 'h':
			return fputs(help, stdout) < 0;
		case 'v':
			return puts("cpps-bridged " CPPS_VERSION) < 0;
		default:
			return 2;
		}
	if (optind < argc) {
		(void)fprintf(stderr, "cpps-bridged: unexpected argument '%s': see --help\n", argv[optind]);
		return 2;
	}
	r = config_load(config_path(given), &config, &fault);
	if (r < 0)
		return complain(r, &fault);
	if (!check)
		return run(config);
	(void)printf("%s can be used\n", config->path);
	config_free(config);
	return EXIT_SUCCESS;
}
