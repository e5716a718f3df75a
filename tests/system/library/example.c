/* example follow LIVE LOG STREAM [AFTER EPOCH [NAME [PREFIX]...]]: prints seq, epoch and the event as JSON of each record, up to the head.
 * example watch LIVE LOG STREAM COUNT: prints so many, and waits for them.
 * example submit ENDPOINT: submits the lines of standard input and prints number, disposition and seq of each acknowledgement.
 *
 * Built by test_library.sh as anybody would build a program: against the installed library, and nothing else. */
#include <cpps-bridge.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ACK_WAIT_MS 10000

static int fail(const struct cpps_error *error)
{
	fprintf(stderr, "example: %s\n", error->sentence);
	return EXIT_FAILURE;
}

/* ---- follow ---- */

static int print(void *context, const struct cpps_record *record)
{
	struct cpps_error error;
	uint64_t *processed = context;
	char *line;
	int r = cpps_event_json(record->event, record->event_size, &line, &error);

	if (r < 0)
		return fail(&error);
	printf("%" PRIu64 " %" PRIu64 " %s\n", record->seq, record->epoch, line);
	free(line);
	*processed = record->seq;
	return 0;
}

/* Every tenth record only, as a consumer that works in batches would. */
static uint64_t confirmed(void *context)
{
	const uint64_t *processed = context;

	return *processed / 10 * 10;
}

static int follow(int argc, char **argv)
{
	const char *live[] = { argv[0], NULL }, *log[] = { argv[1], NULL };
	struct cpps_follow_options options = CPPS_OPTIONS(struct cpps_follow_options);
	struct cpps_error error;
	uint64_t processed = 0;
	int r;

	options.live = live;
	options.log = log;
	options.stream = argv[2];
	options.after = argc > 3 ? strtoull(argv[3], NULL, 10) : 0;
	options.after_epoch = argc > 4 ? strtoull(argv[4], NULL, 10) : 0;
	options.name = argc > 5 ? argv[5] : NULL;
	options.prefixes = argc > 6 ? (const char *const *)argv + 6 : NULL;
	options.flags = CPPS_TO_HEAD;
	options.timeout_ms = 10000;
	options.record = print;
	options.confirmed = confirmed;
	options.context = &processed;
	r = cpps_follow(&options, &error);
	return r < 0 ? fail(&error) : r;
}

static int watch(char **argv)
{
	const char *live[] = { argv[0], NULL }, *log[] = { argv[1], NULL };
	struct cpps_follow_options options = CPPS_OPTIONS(struct cpps_follow_options);
	struct cpps_error error;
	uint64_t processed = 0;
	int r;

	options.live = live;
	options.log = log;
	options.stream = argv[2];
	options.count = strtoull(argv[3], NULL, 10);
	options.record = print;
	options.context = &processed;
	r = cpps_follow(&options, &error);
	return r < 0 ? fail(&error) : r;
}

/* ---- submit ---- */

static int take_ack(struct cpps_submit *submit)
{
	const struct cpps_ack *ack;

	if (cpps_submit_wait(submit, ACK_WAIT_MS, &ack) != 1) {
		fprintf(stderr, "example: no acknowledgement for %d s\n", ACK_WAIT_MS / 1000);
		return -1;
	}
	printf("%" PRIu64 " %s %" PRIu64 "\n", ack->number, cpps_disposition_text(ack->disposition), ack->seq);
	return 0;
}

static int submit_lines(struct cpps_submit *submit)
{
	uint64_t number = 0;
	char *line = NULL;
	size_t room = 0;
	ssize_t n;
	int r = 0;

	while (r == 0 && (n = getline(&line, &room, stdin)) > 0) {
		n -= line[n - 1] == '\n';
		number++;
		while ((r = cpps_submit_send(submit, number, line, (size_t)n)) == -EAGAIN && take_ack(submit) == 0)
			;
	}
	free(line);
	while (r == 0 && cpps_submit_pending(submit))
		r = take_ack(submit);
	return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int submit_to(const char *endpoint)
{
	const char *endpoints[] = { endpoint, NULL };
	struct cpps_submit_options options = CPPS_OPTIONS(struct cpps_submit_options);
	struct cpps_submit *submit;
	struct cpps_error error;
	int status;

	options.endpoints = endpoints;
	options.window = 20;
	if (cpps_submit_new(&options, &submit, &error) < 0)
		return fail(&error);
	status = submit_lines(submit);
	cpps_submit_free(submit);
	return status;
}

int main(int argc, char **argv)
{
	(void)setvbuf(stdout, NULL, _IOLBF, 0); /* whoever reads it sees each record as it comes */
	if (argc > 4 && strcmp(argv[1], "follow") == 0)
		return follow(argc - 2, argv + 2);
	if (argc == 6 && strcmp(argv[1], "watch") == 0)
		return watch(argv + 2);
	if (argc == 3 && strcmp(argv[1], "submit") == 0)
		return submit_to(argv[2]);
	fprintf(stderr, "example %s: follow LIVE LOG STREAM [AFTER EPOCH [NAME [PREFIX]...]], or submit ENDPOINT\n",
		cpps_bridge_version());
	return 2;
}
