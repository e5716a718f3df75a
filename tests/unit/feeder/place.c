#include "feeder/place.h"

#include <ftw.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#define MUST(condition)                     \
	do {                                \
		if (!(condition)) {         \
			perror(#condition); \
			abort();            \
		}                           \
	} while (0)

int place_make(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	MUST(place);
	(void)snprintf(place->dir, sizeof(place->dir), "/tmp/feeder.XXXXXX");
	MUST(mkdtemp(place->dir));
	(void)snprintf(place->log, sizeof(place->log), "%s/log", place->dir);
	*state = place;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

int place_remove(void **state)
{
	struct place *place = *state;

	place_empty_disk();
	(void)nftw(place->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(place);
	return 0;
}

const char *place_endpoint(const struct place *place, const char *name, char endpoint[static 64])
{
	(void)snprintf(endpoint, 64, "ipc://%s/%s", place->dir, name);
	return endpoint;
}

void place_sql(const struct place *place, const char *sql)
{
	sqlite3 *db;

	MUST(sqlite3_open(place->log, &db) == SQLITE_OK);
	MUST(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK);
	MUST(sqlite3_close(db) == SQLITE_OK);
}

int64_t place_number(const struct place *place, const char *sql)
{
	int64_t number;
	sqlite3_stmt *s;
	sqlite3 *db;

	MUST(sqlite3_open(place->log, &db) == SQLITE_OK);
	MUST(sqlite3_prepare_v2(db, sql, -1, &s, NULL) == SQLITE_OK);
	MUST(sqlite3_step(s) == SQLITE_ROW);
	number = sqlite3_column_int64(s, 0);
	(void)sqlite3_finalize(s);
	(void)sqlite3_close(db);
	return number;
}

static void limit(rlim_t bytes)
{
	struct rlimit r;

	MUST(getrlimit(RLIMIT_FSIZE, &r) == 0);
	r.rlim_cur = bytes;
	MUST(setrlimit(RLIMIT_FSIZE, &r) == 0);
}

void place_fill_disk(const struct place *place)
{
	char wal[64];
	struct stat st;

	(void)signal(SIGXFSZ, SIG_IGN);
	(void)snprintf(wal, sizeof(wal), "%s-wal", place->log);
	limit(stat(wal, &st) == 0 ? (rlim_t)st.st_size : 0);
}

void place_empty_disk(void)
{
	struct rlimit r;

	MUST(getrlimit(RLIMIT_FSIZE, &r) == 0);
	limit(r.rlim_max);
}

int64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}
