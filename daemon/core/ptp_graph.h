/* The PTP procedure as a diagram, printed from the very rows the rules decide by (`cppsctl graph ptp`). */
#pragma once

#include "core/policy.h"

enum ptp_graph_format { PTP_GRAPH_MERMAID, PTP_GRAPH_DOT, PTP_GRAPH_FORMAT_END };

#define PTP_GRAPH_LINE_MAX 1024

/* Takes one line, without its line break; borrowed for the call. */
typedef void ptp_graph_line(void *context, const char *line);

/* Hands the diagram of a version of the procedure to `line`, line by line. 0; 1 when the policy has no such version (nothing was handed over). */
int ptp_graph(const struct policy *policy, int32_t version, enum ptp_graph_format format, ptp_graph_line *line,
	void *context);
