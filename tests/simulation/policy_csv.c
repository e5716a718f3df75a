/* The reader of the shipped policy's files is that of the tests of core/. */
#include "core/policy_csv.c"
