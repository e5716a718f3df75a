/* Ctrl-C as a question: SIGINT and SIGTERM end a command cleanly at its next look. */
#pragma once

#include <stdbool.h>

void interrupt_watch(void);
bool interrupted(void);
