/* What a batch leaves to be written: the members that columns need and the rules do not set, and strings that live as long as their row. The
 * strings of new rows lie in the batch's arena, which its owner may give back as soon as the commit has been asked for. */
#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "store/inside_cabinet.h"

/* Copies the strings into one block, and frees the block they may have been in. */
static int own_strings(char **block, const char **const *strings, size_t n)
{
	size_t size = 0;
	char *home, *whole;

	for (size_t i = 0; i < n; i++)
		size += *strings[i] ? strlen(*strings[i]) + 1 : 0;
	if (!size)
		return 0;
	whole = home = malloc(size);
	if (!whole)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		size_t length = *strings[i] ? strlen(*strings[i]) + 1 : 0;

		if (length)
			*strings[i] = memcpy(home, *strings[i], length);
		home += length;
	}
	free(*block);
	*block = whole;
	return 0;
}

static int prepare_claims(struct cabinet *cabinet)
{
	for (struct claim_row *row = cabinet->claims; row; row = row->hh.next) {
		struct claim *c = &row->claim;
		int r;

		if (c->change == ROW_CLEAN)
			continue;
		r = own_strings(&row->strings, (const char **[]){ &c->submitter, &c->by, &c->prose }, 3);
		if (r < 0)
			return r;
	}
	return 0;
}

static int prepare_quarantined(struct cabinet *cabinet)
{
	for (struct quarantined_row *row = cabinet->quarantined; row; row = row->hh.next) {
		struct quarantined *q = &row->quarantined;
		const char **strings[] = { &q->source, &q->id, &q->type_text, &q->order_ref, &q->office, &q->opens,
			&q->submitter, &q->closed_by, &q->closed_reason };
		int r;

		if (q->change == ROW_CLEAN)
			continue;
		r = own_strings(&row->strings, strings, ARRAY_LENGTH(strings));
		if (r < 0)
			return r;
		if (row->stored)
			continue;
		row->raw = (struct bytes){ q->raw, q->raw_size };
		row->raw_size = (int32_t)q->raw_size;
	}
	return 0;
}

static void prepare_requests(struct cabinet *cabinet, uint64_t first)
{
	for (struct request_row *row = cabinet->requests; row; row = row->hh.next) {
		if (row->request.change == ROW_CLEAN)
			continue;
		TEXT_SET(row->prn, row->request.file ? file_prn(row->request.file) : row->request.filed_prn);
		/* Each new request has a record of its own, so these numbers do not meet those of the next batch. */
		if (!row->opened_seq)
			row->opened_seq = first++;
	}
}

bool person_moved(const struct person_row *row)
{
	return *row->survivor && row->person.file && strcmp(row->survivor, file_prn(row->person.file)) != 0;
}

int cabinet_prepare(struct cabinet *cabinet, uint64_t first)
{
	int r = prepare_claims(cabinet);

	if (r == 0)
		r = prepare_quarantined(cabinet);
	if (r < 0)
		return r;
	prepare_requests(cabinet, first);
	for (struct case_row *row = cabinet->cases; row; row = row->hh.next)
		if (row->ptp.change != ROW_CLEAN && row->ptp.request)
			TEXT_SET(row->order_ref, row->ptp.request->order_ref);
	return 0;
}

/* ---- History of PTP cases ---- */

static int note_history(struct cabinet *cabinet, const struct record *record, uint64_t seq)
{
	struct history_row *row = calloc(1, sizeof(*row));

	if (!row)
		return -ENOMEM;
	row->seq = seq;
	TEXT_SET(row->ptp_ref, record->ptp->ptp_ref);
	row->name = record->name;
	row->happened_at = record->time;
	row->recorded_at = record->decided_at;
	row->from_stage = record->from_stage;
	row->to_stage = record->to_stage;
	row->outcome = record->outcome;
	row->state = record->ptp->state;
	row->by_role = record->by_role;
	TEXT_SET(row->by, record->by);
	row->guard = record->guard;
	TEXT_SET(row->rule, record->rule);
	TEXT_SET(row->cause, record->cause ? record->cause->id : NULL);
	row->next = cabinet->history;
	cabinet->history = row;
	return 0;
}

static int note_task(struct cabinet *cabinet, const struct record *record, uint64_t seq)
{
	struct ptp_task_row *row = calloc(1, sizeof(*row));

	if (!row)
		return -ENOMEM;
	row->seq = seq;
	TEXT_SET(row->ptp_ref, record->ptp->ptp_ref);
	row->task = *record->task;
	row->next = cabinet->ptp_tasks;
	cabinet->ptp_tasks = row;
	return 0;
}

int cabinet_note(struct cabinet *cabinet, const struct record *record, uint64_t seq)
{
	static const uint64_t closing = UINT64_C(1) << RECORD_TASK_COMPLETED | UINT64_C(1) << RECORD_TASK_SKIPPED |
					UINT64_C(1) << RECORD_TASK_CANCELLED;

	if (!record->ptp)
		return 0;
	if (record->name >= RECORD_PTP_OPENED && record->name <= RECORD_PTP_ENDED)
		return note_history(cabinet, record, seq);
	if (record->kind == KIND_PTP && record->task && (closing >> record->name & 1))
		return note_task(cabinet, record, seq);
	return 0;
}
