#include "service/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include "base/cleanup.h"

#define SENTENCE_MAX 1024
#define FIELD_MAX    256

#define LOG_FIELD_TEXT(name, text) [LOG_FIELD_##name] = text,
static const char *const field_names[LOG_FIELD_END] = { LOG_FIELDS(LOG_FIELD_TEXT) };

static const char *const level_names[] = {
	[LOG_EMERG] = "emerg",
	[LOG_ALERT] = "alert",
	[LOG_CRIT] = "crit",
	[LOG_ERR] = "err",
	[LOG_WARNING] = "warning",
	[LOG_NOTICE] = "notice",
	[LOG_INFO] = "info",
	[LOG_DEBUG] = "debug",
};

static int least = LOG_INFO;
static bool journal;

/* $JOURNAL_STREAM names the device and inode of the journal's stream: stderr leads there if it is that file. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long device, inode;
	struct stat st;

	return stream && sscanf(stream, "%lu:%lu", &device, &inode) == 2 && fstat(STDERR_FILENO, &st) == 0 &&
	       st.st_dev == device && st.st_ino == inode;
}

void log_open(const char *level)
{
	journal = stderr_is_journal();
	least = LOG_INFO;
	for (int i = 0; level && i <= LOG_DEBUG; i++)
		if (strcmp(level_names[i], level) == 0)
			least = i;
}

static void to_journal(int priority, const char *sentence, const struct log_value *values, size_t n)
{
	char text[LOG_FIELD_END + 2][FIELD_MAX], message[SENTENCE_MAX];
	struct iovec fields[LOG_FIELD_END + 2];
	size_t count = 0;

	(void)snprintf(message, sizeof(message), "MESSAGE=%s", sentence);
	fields[count++] = (struct iovec){ message, strlen(message) };
	(void)snprintf(text[count], FIELD_MAX, "PRIORITY=%d", priority);
	fields[count] = (struct iovec){ text[count], strlen(text[count]) };
	count++;
	for (size_t i = 0; i < n && i < LOG_FIELD_END; i++, count++) {
		const char *name = field_names[values[i].field];

		if (values[i].text)
			(void)snprintf(text[count], FIELD_MAX, "%s=%s", name, values[i].text);
		else
			(void)snprintf(text[count], FIELD_MAX, "%s=%llu", name, (unsigned long long)values[i].number);
		fields[count] = (struct iovec){ text[count], strlen(text[count]) };
	}
	(void)sd_journal_sendv(fields, (int)count);
}

static void to_terminal(int priority, const char *sentence, const struct log_value *values, size_t n)
{
	struct timespec now;
	struct tm tm;
	char stamp[32];

	(void)clock_gettime(CLOCK_REALTIME, &now);
	(void)gmtime_r(&now.tv_sec, &tm);
	(void)strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &tm);
	flockfile(stderr);
	(void)fprintf(stderr, "%s.%03ldZ %-7s %s", stamp, now.tv_nsec / 1000000, level_names[priority], sentence);
	for (size_t i = 0; i < n; i++) {
		const char *name = field_names[values[i].field] + strlen("CPPS_");

		if (values[i].text)
			(void)fprintf(stderr, " %s=%s", name, values[i].text);
		else
			(void)fprintf(stderr, " %s=%llu", name, (unsigned long long)values[i].number);
	}
	(void)fputc('\n', stderr);
	funlockfile(stderr);
}

void log_write(int priority, const char *sentence, const struct log_value *values, size_t n)
{
	if (priority > least)
		return;
	(journal ? to_journal : to_terminal)(priority, sentence, values, n);
}

void log_format(int priority, const char *format, ...)
{
	char line[SENTENCE_MAX];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	log_write(priority, line, NULL, 0);
}
