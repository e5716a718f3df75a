/* A directory of a test's own, and what is done to the files in it from outside. */
#pragma once

#include <stdint.h>

struct place {
	char dir[32];
	char log[48]; /* <dir>/log */
};

int place_make(void **state);
int place_remove(void **state);
/* "ipc://<dir>/<name>" */
const char *place_endpoint(const struct place *place, const char *name, char endpoint[static 64]);

/* Runs SQL on the file, as a person would with sqlite3. */
void place_sql(const struct place *place, const char *sql);
int64_t place_number(const struct place *place, const char *sql);

/* No file may grow beyond what the log's WAL has now, or beyond nothing: as when the disk is full. */
void place_fill_disk(const struct place *place);
void place_empty_disk(void);

int64_t now_ms(void);
