/* libcyaml reads the file by the schema below, one row an option; what a schema cannot say (ranges, prefixes, names that must differ) is checked afterwards. */
#include "config/config.h"

#include <cyaml/cyaml.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "config/explain.h"
#include "core/event.h"

#define FILE_MAX (1024 * 1024)

static const cyaml_schema_value_t text_schema = { CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, 255) };

static const cyaml_strval_t kinds[] = {
	{ "court", SOURCE_COURT },
	{ "prison", SOURCE_PRISON },
	{ "tools", SOURCE_TOOLS },
};

static const cyaml_strval_t starts[] = {
	{ "earliest", START_EARLIEST },
	{ "now", START_NOW },
};

/* libcyaml's own booleans take any word for true. */
static const cyaml_strval_t truths[] = {
	{ "false", false },
	{ "true", true },
};

static const struct explained_words words[] = {
	{ "kind", kinds, CYAML_ARRAY_LEN(kinds) },
	{ "start", starts, CYAML_ARRAY_LEN(starts) },
	{ "clock", truths, CYAML_ARRAY_LEN(truths) },
	{ "require_synchronous", truths, CYAML_ARRAY_LEN(truths) },
};

#define TEXT(key, flags, type, member) CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | (flags), type, member, 1, 512)
#define ENDPOINTS(key, flags, type, member)                                                                          \
	CYAML_FIELD_SEQUENCE_COUNT(key, CYAML_FLAG_POINTER | (flags), type, member.endpoint, member.n, &text_schema, \
		0, CONFIG_ENDPOINTS_MAX)

static const cyaml_schema_field_t served_fields[] = {
	ENDPOINTS("submit", 0, struct config_served, submit),
	ENDPOINTS("live", 0, struct config_served, live),
	ENDPOINTS("log", 0, struct config_served, log),
	TEXT("control", 0, struct config_served, control),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t source_fields[] = {
	TEXT("name", 0, struct config_source, name),
	TEXT("source", 0, struct config_source, source),
	CYAML_FIELD_ENUM("kind", CYAML_FLAG_STRICT, struct config_source, kind, kinds, CYAML_ARRAY_LEN(kinds)),
	ENDPOINTS("live", CYAML_FLAG_OPTIONAL, struct config_source, live),
	ENDPOINTS("log", CYAML_FLAG_OPTIONAL, struct config_source, log),
	CYAML_FIELD_ENUM("start", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, struct config_source, start, starts,
		CYAML_ARRAY_LEN(starts)),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t source_schema = { CYAML_VALUE_MAPPING(
	CYAML_FLAG_DEFAULT, struct config_source, source_fields) };

#define NUMBER(key, type, member) CYAML_FIELD_UINT_PTR(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, type, member)

static const cyaml_schema_field_t limit_fields[] = {
	NUMBER("batch", struct config_limits, given.batch),
	NUMBER("queue", struct config_limits, given.queue),
	NUMBER("quarantine_mb", struct config_limits, given.quarantine_mb),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t testing_fields[] = {
	CYAML_FIELD_ENUM("clock", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, struct config_testing, clock, truths,
		CYAML_ARRAY_LEN(truths)),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t config_fields[] = {
	TEXT("stream", 0, struct config, stream),
	TEXT("database", 0, struct config, database),
	CYAML_FIELD_ENUM("require_synchronous", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, struct config,
		require_synchronous, truths, CYAML_ARRAY_LEN(truths)),
	CYAML_FIELD_MAPPING("endpoints", CYAML_FLAG_DEFAULT, struct config, endpoints, served_fields),
	CYAML_FIELD_SEQUENCE_COUNT(
		"sources", CYAML_FLAG_POINTER, struct config, sources, source_count, &source_schema, 1, 32),
	CYAML_FIELD_MAPPING("limits", CYAML_FLAG_OPTIONAL, struct config, limits, limit_fields),
	TEXT("log_level", CYAML_FLAG_OPTIONAL, struct config, log_level),
	CYAML_FIELD_MAPPING("testing", CYAML_FLAG_OPTIONAL, struct config, testing, testing_fields),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t config_schema = { CYAML_VALUE_MAPPING(
	CYAML_FLAG_POINTER, struct config, config_fields) };

static const struct cyaml_config *reader(struct cyaml_config *config, struct explanation *explanation)
{
	*config = (struct cyaml_config){
		.log_fn = explain_note,
		.log_ctx = explanation,
		.mem_fn = cyaml_mem,
		.log_level = CYAML_LOG_ERROR,
		.flags = CYAML_CFG_CASE_INSENSITIVE | CYAML_CFG_NO_ALIAS,
	};
	return config;
}

const char *config_path(const char *given)
{
	const char *environment = getenv("CPPS_BRIDGE_CONFIG");

	if (text_given(given))
		return given;
	return text_given(environment) ? environment : CONFIG_DEFAULT;
}

struct config *config_free(struct config *config)
{
	struct explanation explanation = { 0 };
	struct cyaml_config options;

	if (config) {
		free(config->path);
		(void)cyaml_free(reader(&options, &explanation), &config_schema, config, 0);
	}
	return NULL;
}

/* ---- What the schema cannot say ---- */

static bool is_tcp(const char *endpoint)
{
	const char *colon = strrchr(endpoint, ':');

	return strncmp(endpoint, "tcp://", 6) == 0 && colon > endpoint + 6 &&
	       (strcmp(colon, ":*") == 0 || (colon[1] && colon[1 + strspn(colon + 1, "0123456789")] == '\0'));
}

static int check_endpoint(
	const char *path, const char *option, const char *endpoint, bool ipc_only, struct fault *fault)
{
	bool ipc = strncmp(endpoint, "ipc:///", 7) == 0;

	if (!ipc && (ipc_only || !is_tcp(endpoint)))
		return fault_set(fault, -EINVAL, "%s: %s: '%s' is no endpoint: write %sipc:///a/path", path, option,
			endpoint, ipc_only ? "" : "tcp://host:port or ");
	if (ipc && strlen(endpoint + 6) > 100)
		return fault_set(fault, -EINVAL,
			"%s: %s: the path of '%s' is longer than the 100 bytes a socket may have: choose a shorter "
			"directory",
			path, option, endpoint);
	return 0;
}

static int check_endpoints(
	const char *path, const char *option, struct config_endpoints *endpoints, bool ipc_only, struct fault *fault)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < endpoints->n; i++) {
		r = check_endpoint(path, option, endpoints->endpoint[i], ipc_only, fault);
		endpoints->list[i] = endpoints->endpoint[i];
	}
	return r;
}

struct limit_row {
	const char *name;
	uint32_t *given, *value, least, most, fallback;
};

static int check_limits(const char *path, struct config_limits *limits, struct fault *fault)
{
	const struct limit_row rows[] = {
		{ "batch", limits->given.batch, &limits->batch, 1, 5000, 500 },
		{ "queue", limits->given.queue, &limits->queue, 10, 100000, 2000 },
		{ "quarantine_mb", limits->given.quarantine_mb, &limits->quarantine_mb, 1, 100000, 64 },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		const struct limit_row *row = &rows[i];

		*row->value = row->given ? *row->given : row->fallback;
		if (*row->value < row->least || *row->value > row->most)
			return fault_set(fault, -EINVAL, "%s: limits.%s is %u: allowed are %u to %u", path, row->name,
				*row->value, row->least, row->most);
	}
	return 0;
}

static bool is_name(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.");

	return n > 0 && n <= 64 && name[n] == '\0';
}

/* A bridge that follows itself would set aside what it publishes, publish that, and so on for ever. */
static int check_not_own(const char *path, const char *option, const struct config_endpoints *endpoints,
	const struct config_served *served, struct fault *fault)
{
	const struct config_endpoints *own[] = { &served->live, &served->log };

	for (unsigned i = 0; i < endpoints->n; i++)
		for (size_t k = 0; k < ARRAY_LENGTH(own); k++)
			for (unsigned n = 0; n < own[k]->n; n++)
				if (strcmp(own[k]->endpoint[n], endpoints->endpoint[i]) == 0)
					return fault_set(fault, -EINVAL,
						"%s: %s: '%s' is this bridge's own: name the endpoint that the source "
						"serves",
						path, option, endpoints->endpoint[i]);
	return 0;
}

static int check_followed(const char *path, const char *option, struct config_endpoints *endpoints,
	const struct config_served *served, struct fault *fault)
{
	int r = check_endpoints(path, option, endpoints, false, fault);

	return r < 0 ? r : check_not_own(path, option, endpoints, served, fault);
}

static int check_source(const char *path, struct config *config, unsigned i, struct fault *fault)
{
	struct config_source *source = &config->sources[i];
	char option[128];
	int r;

	if (!is_name(source->name))
		return fault_set(fault, -EINVAL, "%s: sources[%u].name '%s': use 1 to 64 letters, digits, _ - and .",
			path, i, source->name);
	if (strlen(source->source) > ID_MAX)
		return fault_set(fault, -EINVAL, "%s: sources[%u].source is longer than %d bytes", path, i, ID_MAX);
	for (unsigned k = 0; k < i; k++)
		if (strcmp(config->sources[k].name, source->name) == 0 ||
			strcmp(config->sources[k].source, source->source) == 0)
			return fault_set(fault, -EINVAL,
				"%s: sources[%u] has the name or the source of sources[%u]: each may stand once", path,
				i, k);
	if (source->log.n && !source->live.n)
		return fault_set(fault, -EINVAL,
			"%s: sources[%u] has a log endpoint but no live one: name its live endpoint too", path, i);
	(void)snprintf(option, sizeof(option), "sources[%u].live", i);
	r = check_followed(path, option, &source->live, &config->endpoints, fault);
	(void)snprintf(option, sizeof(option), "sources[%u].log", i);
	return r < 0 ? r : check_followed(path, option, &source->log, &config->endpoints, fault);
}

struct served_row {
	const char *option;
	struct config_endpoints *endpoints;
	bool ipc_only;
};

/* An endpoint that stands twice would be bound twice: the second binding would wait for the first for ever. */
static int check_once(const char *path, const struct served_row *rows, size_t row, unsigned i, struct fault *fault)
{
	const char *endpoint = rows[row].endpoints->endpoint[i];

	for (size_t k = 0; k <= row; k++)
		for (unsigned n = 0; n < (k < row ? rows[k].endpoints->n : i); n++)
			if (strcmp(rows[k].endpoints->endpoint[n], endpoint) == 0 && !strchr(endpoint, '*'))
				return fault_set(fault, -EINVAL,
					"%s: %s: '%s' stands under %s already: each endpoint needs its own", path,
					rows[row].option, endpoint, rows[k].option);
	return 0;
}

static int check_served(const char *path, struct config_served *served, struct fault *fault)
{
	struct config_endpoints control = { .endpoint = &served->control, .n = 1 };
	const struct served_row rows[] = {
		{ "endpoints.submit", &served->submit, false },
		{ "endpoints.live", &served->live, false },
		{ "endpoints.log", &served->log, false },
		{ "endpoints.control", &control, true },
	};
	int r = 0;

	for (size_t k = 0; r == 0 && k < ARRAY_LENGTH(rows); k++) {
		r = check_endpoints(path, rows[k].option, rows[k].endpoints, rows[k].ipc_only, fault);
		for (unsigned i = 0; r == 0 && i < rows[k].endpoints->n; i++)
			r = check_once(path, rows, k, i, fault);
	}
	return r;
}

static int check_level(const char *path, struct config *config, struct fault *fault)
{
	static const char *const levels[] = { "debug", "info", "notice", "warning", "err" };

	for (size_t i = 0; config->log_level && i < ARRAY_LENGTH(levels); i++)
		if (strcmp(levels[i], config->log_level) == 0)
			return 0;
	if (config->log_level)
		return fault_set(fault, -EINVAL, "%s: log_level '%s': allowed are debug, info, notice, warning and err",
			path, config->log_level);
	return 0;
}

static int check(const char *path, struct config *config, struct fault *fault)
{
	int r = 0;

	if (!is_name(config->stream))
		return fault_set(fault, -EINVAL, "%s: stream '%s': use 1 to 64 letters, digits, _ - and .", path,
			config->stream);
	r = check_served(path, &config->endpoints, fault);
	for (unsigned i = 0; r == 0 && i < config->source_count; i++)
		r = check_source(path, config, i, fault);
	if (r == 0)
		r = check_limits(path, &config->limits, fault);
	return r < 0 ? r : check_level(path, config, fault);
}

static int check_file(const char *path, struct fault *fault)
{
	struct stat st;
	int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), error = errno;
	bool plain = file >= 0 && fstat(file, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= FILE_MAX;

	if (file >= 0)
		(void)close(file);
	if (file < 0 && error == EACCES)
		return fault_set(fault, -EACCES,
			"cannot read the configuration %s: %s; use an account that may read it, such as the service's",
			path, strerror(error));
	if (file < 0)
		return fault_set(fault, -error,
			"cannot read the configuration %s: %s; name another with --config FILE or $CPPS_BRIDGE_CONFIG",
			path, strerror(error));
	if (!plain)
		return fault_set(fault, -EINVAL,
			"the configuration %s is no file of at most 1 MiB; name another with --config FILE or "
			"$CPPS_BRIDGE_CONFIG",
			path);
	return 0;
}

int config_load(const char *path, struct config **ret, struct fault *fault)
{
	struct explanation explanation = { 0 };
	struct cyaml_config options;
	CLEANUP(config_freep) struct config *config = NULL;
	cyaml_err_t error;
	int r = check_file(path, fault);

	if (r < 0)
		return r;
	error = cyaml_load_file(path, reader(&options, &explanation), &config_schema, (cyaml_data_t **)&config, NULL);
	if (error != CYAML_OK)
		return explain_fault(&explanation, path, words, ARRAY_LENGTH(words), -EINVAL, fault);
	if (!config)
		return fault_set(fault, -EINVAL,
			"%s: it holds no option: begin with a copy of the cpps-bridge.yaml that is shipped", path);
	r = check(path, config, fault);
	if (r < 0)
		return r;
	config->path = strdup(path);
	if (!config->path)
		return fault_set(fault, -ENOMEM, "out of memory");
	*ret = TAKE(config);
	return 0;
}

const struct config_source *config_source(const struct config *config, const char *source)
{
	for (unsigned i = 0; source && i < config->source_count; i++)
		if (strcmp(config->sources[i].source, source) == 0)
			return &config->sources[i];
	return NULL;
}
