/* The throwaway PostgreSQL is that of the tests of store/. */
#include "store/cluster.c"
