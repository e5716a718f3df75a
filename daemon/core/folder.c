/* What the orders of one offender share, decided again after each event that changes it: the facts behind steps 6-7, the state of each
 * request, who is recommended, and whether the orders are split between officers (R4, R5).
 *
 * Only live and planned orders count. Others may be missing from the file, so nothing that is published may depend on them. */
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "core/rules.h"

/* ---- The file ---- */

void file_link(struct file *file, struct request *request)
{
	struct request **end = &file->requests;

	while (*end)
		end = &(*end)->next;
	*end = request;
	request->next = NULL;
	request->file = file;
}

void file_move(struct file *to, struct request *request)
{
	struct request **at = &request->file->requests;

	while (*at != request)
		at = &(*at)->next;
	*at = request->next;
	file_link(to, request);
	MARK(request);
}

int file_current_orders(const struct file *file)
{
	int n = 0;

	for (const struct request *r = file->requests; r; r = r->next)
		n += request_current(r);
	return n;
}

static struct date later(struct date a, struct date b)
{
	return a.day >= b.day ? a : b; /* DATE_NONE lies before every date */
}

struct date file_ows_reviewed_on(const struct file *file)
{
	struct date latest = DATE_NONE;

	for (const struct person *p = file->persons; p; p = p->next)
		latest = later(latest, p->ows_reviewed_on);
	return latest;
}

struct date file_cso9_completed_on(const struct file *file)
{
	struct date latest = DATE_NONE;

	for (const struct person *p = file->persons; p; p = p->next)
		latest = later(latest, p->cso9_completed_on);
	return latest;
}

bool file_known(const struct file *file)
{
	for (const struct person *p = file->persons; p; p = p->next)
		if (p->known)
			return true;
	return false;
}

/* ---- R5 ---- */

/* Of one moment, as a list of baselines may have it, one is taken whatever order the file lists them in. */
static bool is_later(const struct request *a, const struct request *b)
{
	if (a->allocated_at.us != b->allocated_at.us)
		return a->allocated_at.us > b->allocated_at.us;
	return strcmp(a->order_ref, b->order_ref) < 0;
}

static bool recommends(const struct request *other, const struct request *best)
{
	return request_current(other) && *other->officer_id && (!best || is_later(other, best));
}

const char *file_recommends(const struct request *request)
{
	const struct request *best = NULL;

	for (const struct request *r = request->file->requests; r; r = r->next)
		if (r != request && recommends(r, best))
			best = r;
	return best ? best->officer_id : "";
}

static const struct request *first_allocated(const struct file *file)
{
	for (const struct request *r = file->requests; r; r = r->next)
		if (request_live(r) && *r->officer_id)
			return r;
	return NULL;
}

static bool is_split(const struct file *file)
{
	const struct request *first = first_allocated(file);

	for (const struct request *r = first; r; r = r->next)
		if (request_live(r) && *r->officer_id && !text_equal(r->officer_id, first->officer_id))
			return true;
	return false;
}

/* The recommendation of those who are not allocated follows. */
static void settle_recommendation(struct decision *d, struct request *request)
{
	const char *officer = file_recommends(request);

	if (!request_current(request) || *request->officer_id || text_equal(officer, request->recommended_officer_id))
		return;
	TEXT_SET(request->recommended_officer_id, officer);
	MARK(request);
	allocation_publish_changed(d, request, "recommendation", NULL, NULL);
}

static void settle_split(struct decision *d, const struct file *file)
{
	struct record record = { .name = RECORD_ALLOCATION_SPLIT, .request = first_allocated(file) };

	if (!is_split(file) || file->was_split)
		return;
	if (d->about) /* it stands in this file: what it left behind is not split by that */
		record.request = d->about;
	decision_publish(d, &record);
}

/* ---- Before and after ---- */

void file_touch(struct decision *d, struct file *file)
{
	if (file->touched)
		return;
	file->touched = true;
	file->next_touched = *d->touched_files;
	*d->touched_files = file;
}

void files_untouch(struct decision *d)
{
	for (struct file *file = *d->touched_files; file; file = file->next_touched)
		file->touched = false;
	*d->touched_files = NULL;
}

void file_note(struct decision *d, struct file *file)
{
	file_touch(d, file);
	file->noted = true;
	file->was_split = is_split(file);
	for (struct request *r = file->requests; r; r = r->next)
		if (request_live(r))
			steps_note(d, r);
}

static void settle(struct decision *d, struct file *file)
{
	struct request *r;

	file->noted = false;
	for (r = file->requests; r; r = r->next)
		if (request_live(r)) {
			steps_review(d, r);
			allocation_follow_steps(d, r);
		}
	for (r = file->requests; r; r = r->next)
		settle_recommendation(d, r);
	settle_split(d, file);
	for (r = file->requests; r; r = r->next)
		request_set_alarm(d->policy, r);
}

void file_settle(struct decision *d)
{
	for (struct file *file = *d->touched_files; file; file = file->next_touched)
		if (file->noted)
			settle(d, file);
}
