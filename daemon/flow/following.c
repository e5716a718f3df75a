/* Two places hold what is known: (epoch, position) is what was applied; (term, head) is what was heard of, and never trusted
 * beyond the question whether to read the log. */
#include "flow/following.h"

#include <string.h>

#include "wire/protocol.h"

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

void following_init(struct following *f, bool has_log, uint64_t epoch, uint64_t position, bool from_now)
{
	*f = (struct following){
		.has_log = has_log,
		.epoch = epoch,
		.position = position,
		.asked = position,
		.term = has_log ? 0 : epoch, /* a log says itself what is older */
		.state = has_log ? FOLLOWING_READING : FOLLOWING_LIVE,
		.started = position > 0 || (has_log && !from_now),
	};
}

static void stuck(struct following *f, bool diverged, uint64_t from, uint64_t to)
{
	f->state = FOLLOWING_STUCK;
	f->diverged = diverged;
	f->missing_from = from;
	f->missing_to = to;
}

static void advance(struct following *f, uint64_t epoch, uint64_t seq)
{
	f->epoch = epoch;
	f->position = seq;
	f->head = larger(f->head, seq);
	f->started = true;
}

/* ---- Live, with a log behind it ---- */

static bool live_checked(struct following *f, uint64_t seq)
{
	if (f->state != FOLLOWING_LIVE || f->filtered)
		return false;
	if (seq == f->position + 1) {
		advance(f, f->term, seq);
		return true;
	}
	/* A heartbeat comes after every record it counts; a record's head may run ahead of records still on their way. */
	if (seq > f->position || (seq == 0 && f->head != f->position))
		f->state = FOLLOWING_READING;
	return false;
}

static bool live_with_log(struct following *f, uint64_t epoch, uint64_t seq, uint64_t head)
{
	if (epoch < f->term)
		return false;
	if (epoch > f->term) {
		if (f->state == FOLLOWING_LIVE)
			f->state = FOLLOWING_READING;
		f->term = epoch;
		f->head = 0;
	}
	/* A heartbeat that lies behind what was applied is for the log to explain. */
	if (seq == 0 && head < f->position)
		f->head = head;
	else
		f->head = larger(f->head, larger(head, seq));
	return live_checked(f, seq);
}

/* ---- Live, best effort ---- */

static void pass_over(struct following *f, uint64_t to)
{
	if (to <= f->position)
		return;
	f->gaps++;
	f->missed += to - f->position;
	f->position = to;
}

/* A heartbeat: what it counts and was not heard is lost. The first one heard says where the following begins. */
static void best_effort_heartbeat(struct following *f, uint64_t epoch, uint64_t head)
{
	if (!f->started)
		f->position = head;
	else
		pass_over(f, head);
	f->started = true;
	f->epoch = epoch;
}

static bool best_effort(struct following *f, uint64_t epoch, uint64_t seq, uint64_t head)
{
	if (epoch < f->term)
		return false;
	/* A new term that goes back has lost records: what follows is new, whatever its number. */
	if (f->started && epoch > f->epoch && (seq ? seq <= f->position : head < f->position)) {
		f->gaps++;
		f->position = seq ? seq - 1 : head;
		f->head = 0;
	}
	if (!seq)
		f->head_back = f->started && epoch == f->epoch && head < f->position;
	f->term = epoch;
	f->head = larger(f->head, larger(head, seq));
	if (!seq) {
		best_effort_heartbeat(f, epoch, head);
		return false;
	}
	if (f->started && seq <= f->position)
		return false;
	if (f->started)
		pass_over(f, seq - 1);
	advance(f, epoch, seq);
	return true;
}

bool following_live(struct following *f, uint64_t epoch, uint64_t seq, uint64_t head)
{
	return f->has_log ? live_with_log(f, epoch, seq, head) : best_effort(f, epoch, seq, head);
}

/* ---- The log ---- */

/* Whoever never had a record begins with the first that is kept. */
static bool may_follow(const struct following *f, uint64_t seq)
{
	return seq == f->position + 1 || f->position == 0 || f->filtered;
}

bool following_record(struct following *f, uint64_t epoch, uint64_t seq)
{
	if (f->state == FOLLOWING_STUCK || !f->started || seq <= f->position)
		return false;
	if (!may_follow(f, seq)) {
		stuck(f, false, f->position + 1, seq - 1);
		return false;
	}
	advance(f, epoch, seq);
	return true;
}

/* A leader whose term is older than one heard of, or than that of the position, may have been stopped and not know it yet. */
static void diverged(struct following *f, uint64_t head, uint64_t epoch)
{
	if (epoch < larger(f->term, f->epoch) && ++f->doubts < FOLLOWING_DOUBTS)
		return;
	f->head_back = epoch == f->epoch && head < f->position;
	stuck(f, true, head < f->position ? head + 1 : f->position, f->position);
}

/* An answer to an unfiltered request examines nothing that it does not carry. */
static void examined(struct following *f, uint64_t through)
{
	if (through <= f->position)
		return;
	if (!f->started || f->filtered) {
		f->position = through;
		f->epoch = 0; /* not known: not to be checked */
		f->started = true;
	} else {
		stuck(f, false, f->position + 1, through);
	}
}

void following_asked(struct following *f)
{
	f->asked = f->position;
}

static void read_ok(struct following *f, uint64_t through, uint64_t head, uint64_t epoch)
{
	f->started |= through == 0;
	examined(f, through);
	if (f->state == FOLLOWING_STUCK || epoch < f->term)
		return;
	/* What came live since the log was asked may have overtaken its answer; a new term holds all that came before it. */
	if (head < f->asked || (head < f->position && epoch > f->term)) {
		diverged(f, head, epoch);
		return;
	}
	/* A head that is smaller than the one heard live is only older, unless the term is new. */
	f->head = epoch > f->term ? head : larger(f->head, head);
	f->term = epoch;
	f->doubts = 0;
	f->state = f->position >= f->head && !f->filtered ? FOLLOWING_LIVE : FOLLOWING_READING;
}

void following_answer(struct following *f, int result, uint64_t through, uint64_t head, uint64_t epoch, uint64_t first)
{
	if (f->state == FOLLOWING_STUCK)
		return;
	switch ((enum log_result)result) {
	case LOG_OK:
		read_ok(f, through, head, epoch);
		break;
	case LOG_TOO_OLD:
		stuck(f, false, f->position + 1, first > f->position + 1 ? first - 1 : f->position + 1);
		break;
	case LOG_DIVERGED:
		diverged(f, head, epoch);
		break;
	case LOG_NOT_LEADER:
	case LOG_NOT_ALLOWED:
		following_reset(f);
		break;
	}
}

/* The epoch of the record before it is not known any more: not to be checked. */
void following_return(struct following *f, uint64_t seq)
{
	if (f->has_log)
		following_init(f, true, 0, seq - 1, false);
	else
		f->missed++;
}

void following_reset(struct following *f)
{
	if (f->has_log && f->state == FOLLOWING_LIVE)
		f->state = FOLLOWING_READING;
}
