/* An answer of the bridge as a row of NDJSON. */
#pragma once

#include "wire/protocol.h"

/* `line` 0: the event came from no file. */
void ack_print(uint64_t line, const char *disposition, const struct ack *ack);
