/* The configuration: one YAML file, read by schema (libcyaml), checked as a whole, shared by the daemon and cppsctl.
 *
 * --config FILE, else $CPPS_BRIDGE_CONFIG, else /etc/cpps-bridge/cpps-bridge.yaml. Every option is documented in deploy/cpps-bridge.yaml. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "core/words.h"

#define CONFIG_DEFAULT       "/etc/cpps-bridge/cpps-bridge.yaml"
#define CONFIG_ENDPOINTS_MAX 8

/* A list of ZeroMQ endpoints, NULL-terminated for those who take such. */
struct config_endpoints {
	char **endpoint;
	unsigned n;
	const char *list[CONFIG_ENDPOINTS_MAX + 1];
};

enum config_start { START_EARLIEST, START_NOW };

/* A source: who may speak (`source` attribute of its events) and, where it has a stream of its own, where that is. */
struct config_source {
	char *name;
	char *source;
	enum source_kind kind;
	struct config_endpoints live, log; /* both empty: it submits only */
	enum config_start start;
};

/* Where the daemon serves. */
struct config_served {
	struct config_endpoints submit, live, log;
	char *control; /* ipc:// only: whoever may open it may do everything */
};

struct config_limits {
	uint32_t batch;         /* most events a transaction: 500 */
	uint32_t queue;         /* events held before the sockets are paused: 2,000 */
	uint32_t quarantine_mb; /* bytes kept of quarantined events, per submitter: 64 */
	struct {
		uint32_t *batch, *queue, *quarantine_mb;
	} given; /* as they stand in the file; NULL: not there */
};

struct config_testing {
	bool clock; /* `cppsctl clock advance` may move the bridge's clock */
};

struct config {
	char *stream;             /* name of the bridge's own stream */
	char *database;           /* libpq conninfo */
	bool require_synchronous; /* nothing is acknowledged but with a synchronous standby */
	struct config_served endpoints;
	struct config_source *sources;
	unsigned source_count;
	struct config_limits limits;
	char *log_level; /* one of LOG_LEVELS */
	struct config_testing testing;
	char *path; /* the file it was read from */
};

/* The path by the rule above; `given` is the --config argument or NULL. Never NULL. */
const char *config_path(const char *given);

/* 0; -EINVAL, or why the file cannot be read (-ENOENT, -EACCES ...), with a sentence that names the file, the line where known, the option, and the remedy. */
int config_load(const char *path, struct config **ret, struct fault *fault);
struct config *config_free(struct config *config);
DEFINE_CLEANUP(struct config, config_free)

/* The configured source whose `source` attribute this is; NULL: none. */
const struct config_source *config_source(const struct config *config, const char *source);
