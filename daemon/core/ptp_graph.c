/* Both formats draw the same parts (stages with who acts, moves, closed states, what becomes of an approved condition); a format is a row of
 * functions, one a part. Mermaid ends a transition's label at `:` or `;`, so that labels are made of the field's words and plain phrases, and
 * only node labels hold the policy's free text, quoted. */
#include "core/ptp_graph.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "core/ptp.h"

#define LABEL_MAX 320
#define NODE_MAX  32
#define START     "start"
#define ANY       "any_stage"

struct drawing {
	const struct policy *policy;
	const struct policy_ptp *procedure;
	const struct format *format;
	ptp_graph_line *line;
	void *context;
	uint32_t states; /* closed states drawn: bits 1 << enum ptp_state */
};

struct format {
	void (*begin)(const struct drawing *drawing, const char *title);
	void (*node)(const struct drawing *drawing, const char *node, const char *label);
	void (*closed)(const struct drawing *drawing, const char *node);
	void (*edge)(const struct drawing *drawing, const char *from, const char *to, const char *label);
	void (*end)(const struct drawing *drawing);
};

static void say(const struct drawing *drawing, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(const struct drawing *drawing, const char *format, ...)
{
	char line[PTP_GRAPH_LINE_MAX];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	drawing->line(drawing->context, line);
}

/* A label that stays within its quotes: `quote` stands for a double quote, `backslash` for itself, a space for what breaks a line. */
static const char *quoted(char to[static LABEL_MAX], const char *text, const char *quote, const char *backslash)
{
	size_t used = 0;

	to[0] = '\0';
	for (const char *c = text; *c && used < LABEL_MAX - 8; c++) {
		const char one[] = { (unsigned char)*c < ' ' ? ' ' : *c, '\0' };
		const char *piece = *c == '"' ? quote : *c == '\\' ? backslash : one;

		used += (size_t)snprintf(to + used, LABEL_MAX - used, "%s", piece);
	}
	text_trim_utf8(to);
	return to;
}

/* ---- Mermaid ---- */

static void mermaid_begin(const struct drawing *drawing, const char *title)
{
	say(drawing, "stateDiagram-v2");
	say(drawing, "    %%%% %s", title);
	say(drawing, "    direction TB");
}

static void mermaid_node(const struct drawing *drawing, const char *node, const char *label)
{
	char text[LABEL_MAX];

	say(drawing, "    state \"%s\" as %s", quoted(text, label, "#quot;", "\\"), node);
}

static void mermaid_closed(const struct drawing *drawing, const char *node)
{
	say(drawing, "    %s --> [*]", node);
}

static void mermaid_edge(const struct drawing *drawing, const char *from, const char *to, const char *label)
{
	say(drawing, "    %s --> %s : %s", strcmp(from, START) == 0 ? "[*]" : from, to, label);
}

static void mermaid_end(const struct drawing *drawing)
{
	(void)drawing;
}

/* ---- DOT ---- */

static void dot_begin(const struct drawing *drawing, const char *title)
{
	char text[LABEL_MAX];

	say(drawing, "digraph ptp {");
	say(drawing, "\tlabel=\"%s\";", quoted(text, title, "\\\"", "\\\\"));
	say(drawing, "\tnode [shape=box];");
	say(drawing, "\t" START " [shape=point];");
}

static void dot_node(const struct drawing *drawing, const char *node, const char *label)
{
	char text[LABEL_MAX];

	say(drawing, "\t%s [label=\"%s\"];", node, quoted(text, label, "\\\"", "\\\\"));
}

static void dot_closed(const struct drawing *drawing, const char *node)
{
	say(drawing, "\t%s [shape=ellipse];", node);
}

static void dot_edge(const struct drawing *drawing, const char *from, const char *to, const char *label)
{
	say(drawing, "\t%s -> %s [label=\"%s\"];", from, to, label);
}

static void dot_end(const struct drawing *drawing)
{
	say(drawing, "}");
}

static const struct format formats[PTP_GRAPH_FORMAT_END] = {
	[PTP_GRAPH_MERMAID] = { mermaid_begin, mermaid_node, mermaid_closed, mermaid_edge, mermaid_end },
	[PTP_GRAPH_DOT] = { dot_begin, dot_node, dot_closed, dot_edge, dot_end },
};

/* ---- The parts ---- */

static const char *stage_node(uint8_t stage, char node[static NODE_MAX])
{
	if (stage == 0)
		return ANY;
	(void)snprintf(node, NODE_MAX, "stage_%d", stage);
	return node;
}

static void draw_edge(const struct drawing *drawing, const char *from, const char *to, const char *label)
{
	drawing->format->edge(drawing, from, to, label);
}

/* Draws a state that leads nowhere the first time it is reached. */
static const char *closed_node(struct drawing *drawing, enum ptp_state state)
{
	if (!ptp_is_open(state) && !(drawing->states & 1U << state))
		drawing->format->closed(drawing, ptp_state_text(state));
	drawing->states |= 1U << state;
	return ptp_state_text(state);
}

/* A stage's number, title and who acts at it, one after the other. */
static void draw_stage(const struct drawing *drawing, const struct policy_ptp_stage *stage)
{
	const struct policy *policy = drawing->policy;
	char label[LABEL_MAX], node[NODE_MAX];
	size_t used = (size_t)snprintf(label, sizeof(label), "%d. %s", stage->stage, stage->title);

	for (uint16_t i = 0; i < policy->ptp_actor_count; i++) {
		const struct policy_ptp_actor *actor = &policy->ptp_actors[i];

		if (actor->version != stage->version || actor->stage != stage->stage)
			continue;
		text_copy(label + used, sizeof(label) - used, actor->after ? ", then " : ": ");
		used += strlen(label + used);
		text_copy(label + used, sizeof(label) - used, policy->role_titles[actor->role]);
		used += strlen(label + used);
	}
	drawing->format->node(drawing, stage_node(stage->stage, node), label);
}

static void draw_stages(const struct drawing *drawing)
{
	const struct policy *policy = drawing->policy;
	char node[NODE_MAX];

	drawing->format->node(drawing, ANY, "any stage");
	for (uint16_t i = 0; i < policy->ptp_stage_count; i++)
		if (policy->ptp_stages[i].version == drawing->procedure->version)
			draw_stage(drawing, &policy->ptp_stages[i]);
	draw_edge(drawing, START, stage_node(drawing->procedure->first_stage, node), "considered");
}

static void draw_move(struct drawing *drawing, const struct policy_ptp_move *move)
{
	char label[LABEL_MAX], from[NODE_MAX], to[NODE_MAX];

	(void)snprintf(label, sizeof(label), "%s by %s%s%s", ptp_outcome_text(move->outcome), role_text(move->role),
		move->needs ? " after " : "", ptp_outcome_text(move->needs));
	draw_edge(drawing, stage_node(move->stage, from),
		move->closes ? closed_node(drawing, move->closes)
			     : stage_node(move->next ? move->next : move->stage, to),
		label);
}

static void draw_moves(struct drawing *drawing)
{
	const struct policy *policy = drawing->policy;

	for (uint16_t i = 0; i < policy->ptp_move_count; i++)
		if (policy->ptp_moves[i].version == drawing->procedure->version)
			draw_move(drawing, &policy->ptp_moves[i]);
}

static void draw_changes(struct drawing *drawing, const struct ptp_change *changes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		draw_edge(drawing, changes[i].from == PTP_IN_PROGRESS ? ANY : ptp_state_text(changes[i].from),
			closed_node(drawing, changes[i].to), changes[i].phrase);
}

int ptp_graph(
	const struct policy *policy, int32_t version, enum ptp_graph_format format, ptp_graph_line *line, void *context)
{
	struct drawing drawing = { policy, policy_ptp(policy, version), &formats[format], line, context, 0 };
	char title[LABEL_MAX];

	if (!drawing.procedure)
		return 1;
	(void)snprintf(title, sizeof(title), "PTP procedure, version %d (%s)", version, drawing.procedure->legal_basis);
	drawing.format->begin(&drawing, title);
	draw_stages(&drawing);
	draw_moves(&drawing);
	draw_changes(&drawing, ptp_imposition_changes + 1, PTP_IMPOSITION_END - 1);
	draw_changes(&drawing, ptp_order_closed_changes, PTP_ORDER_CLOSED_CHANGES);
	draw_changes(&drawing, &ptp_expired_change, 1);
	drawing.format->end(&drawing);
	return 0;
}
