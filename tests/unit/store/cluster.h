/* A throwaway PostgreSQL for the tests of store/ (tests/pg.sh), run from the top of the tree. It ends with the test program, however that ends. */
#pragma once

#include <libpq-fe.h>

/* cmocka's group set-up and teardown. */
int cluster_start(void **state);
int cluster_stop(void **state);

/* Makes an empty database, with `options` of CREATE DATABASE ("" for none); the conninfo that reaches it, good until the next call. */
const char *cluster_database(const char *name, const char *options);
/* The same as that account, made by cluster_account(). */
const char *cluster_database_as(const char *name, const char *account);
/* Makes an account that may log in, with other `attributes` of CREATE ROLE. */
void cluster_account(const char *name, const char *attributes);

/* Runs SQL as the superuser; the test fails where it does. */
void cluster_run(const char *conninfo, const char *sql);
/* The first value a query yields, "" for none or NULL, "!" and the SQLSTATE where it fails; good until the next call. */
const char *cluster_ask(const char *conninfo, const char *sql);
