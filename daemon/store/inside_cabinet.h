/* Inside of store/: the rows of a cabinet as store/ keeps them, around the rows the rules see. Whatever the columns of a table hold is a
 * member here or in the rules' row, so that rows.c can map it by its place. */
#pragma once

#include "base/arena.h"
#include "store/cabinet.h"
#include "store/table.h"
#include "wire/encode.h"

/* A list of rows that share a key which is not theirs alone: what waits for one order, the quarantines of one id ... */
struct group {
	UT_hash_handle hh;
	struct link *first, *last;
	size_t size;
	unsigned char key[]; /* `size` bytes */
};

struct link {
	struct group *group; /* NULL: in none */
	struct link *before, *after;
	uint64_t number; /* of the row: the list ascends */
	void *row;
};

struct file_row {
	struct file file; /* first: the rules' pointer is ours */
	uint64_t stamp;   /* the last load that needs it */
	bool whole;       /* every person and current request of it is here */
	struct file_row *before, *after;
};

struct person_row {
	struct person person;
	char survivor[REF_MAX + 1]; /* as the table has it; "" while it is in no table */
	bool stored;
	UT_hash_handle hh;
};

struct request_row {
	struct request request;
	char prn[REF_MAX + 1]; /* the surviving number, as it is to be written */
	uint64_t opened_seq;
	bool stored;
	UT_hash_handle hh;
};

struct case_row {
	struct ptp_case ptp;
	char order_ref[REF_MAX + 1];
	bool stored;
	UT_hash_handle hh;
};

struct claim_row {
	struct claim claim;
	char *key; /* owned: source, NUL, id, NUL */
	size_t key_size;
	char *strings; /* owned: what the claim's other pointers point to, once kept */
	uint64_t stamp;
	bool stored, released; /* released: replaced by a newer row of the same key */
	struct claim_row *next_released;
	UT_hash_handle hh;
};

struct parked_row {
	struct parked parked;
	struct event *event; /* owned, one block */
	const char *source, *id, *submitter;
	enum source_kind kind;
	struct bytes raw;
	uint64_t stamp;
	uint64_t wanted; /* the last load that has asked for what the event touches */
	bool stored;
	struct link of_ref, of_opens;
	UT_hash_handle hh;
};

struct quarantined_row {
	struct quarantined quarantined;
	enum source_kind kind;
	struct bytes raw;  /* of a new row; {NULL, 0} is NULL */
	uint64_t raw_kept; /* bytes the table holds of it */
	int32_t raw_size;
	char *strings;
	uint64_t stamp;
	bool stored, was_held;
	struct link of_bytes, of_id, of_opens;
	UT_hash_handle hh;
};

struct history_row {
	uint64_t seq;
	char ptp_ref[REF_MAX + 1];
	enum record_name name;
	struct instant happened_at, recorded_at;
	uint8_t from_stage, to_stage;
	enum ptp_outcome outcome;
	enum ptp_state state;
	enum role by_role;
	char by[REF_MAX + 1];
	enum reason guard;
	char rule[PHRASE_MAX + 1];
	char cause[ID_MAX + 1];
	struct history_row *next;
};

struct ptp_task_row {
	uint64_t seq;
	char ptp_ref[REF_MAX + 1];
	struct task task;
	struct ptp_task_row *next;
};

struct cabinet {
	struct facts facts;
	struct file_row *files;
	struct person_row *persons;
	struct request_row *requests;
	struct case_row *cases;
	struct claim_row *claims;
	struct claim_row *released;
	struct parked_row *parked;
	struct quarantined_row *quarantined;
	struct group *parked_of_ref, *parked_of_opens;
	struct group *quarantined_of_bytes, *quarantined_of_id, *quarantined_of_opens;
	struct history_row *history;
	struct ptp_task_row *ptp_tasks;
	uint64_t next_parked, next_quarantined;
	/* Loads are numbered: a row's stamp is the number of the last load that needs it. */
	uint64_t asked, loaded; /* the newest load asked for, and the newest that is done */
	uint64_t committed;     /* the newest load asked for as the batch was committed */
	uint64_t clears;        /* how often it has been emptied: a load that spans one begins again */
};

static inline bool quarantined_without_bytes(const struct quarantined_row *row)
{
	return row->raw_size && !row->raw_kept;
}

static inline struct file_row *file_row(struct file *file)
{
	return (struct file_row *)file;
}

/* Begins a load: the stamp for whatever it needs. cabinet_end_load(): it is done. */
uint64_t cabinet_begin_load(struct cabinet *cabinet);
void cabinet_end_load(struct cabinet *cabinet, uint64_t stamp);
/* The batch decided so far is being committed: what only loads before this moment need may go when it has settled. */
void cabinet_mark_commit(struct cabinet *cabinet);

struct person_row *cabinet_find_person(struct cabinet *cabinet, const char *prn);
struct request_row *cabinet_find_request(struct cabinet *cabinet, const char *order_ref);
struct case_row *cabinet_find_case(struct cabinet *cabinet, const char *ptp_ref);
struct claim_row *cabinet_find_claim(struct cabinet *cabinet, const char *source, const char *id);
struct parked_row *cabinet_find_parked(struct cabinet *cabinet, uint64_t number);
struct quarantined_row *cabinet_find_quarantined(struct cabinet *cabinet, uint64_t number);
/* The rows of a key that is shared, oldest first; NULL: none. */
struct link *cabinet_links(struct group *groups, const void *key, size_t size);

/* Rows read from the database. Each call takes the row over; where a row of its key is there already that one counts (the overlay) and the new
 * one is freed. Returns the row that counts, or NULL: out of memory. Persons of one chain are all taken before the first is filed. */
struct person_row *cabinet_take_person(struct cabinet *cabinet, struct person_row *row);
int cabinet_file_person(struct cabinet *cabinet, struct person_row *row);
struct request_row *cabinet_take_request(struct cabinet *cabinet, struct request_row *row);
int cabinet_take_case(struct cabinet *cabinet, struct case_row *row);
struct claim_row *cabinet_take_claim(struct cabinet *cabinet, struct claim_row *row);
struct parked_row *cabinet_take_parked(struct cabinet *cabinet, struct parked_row *row);
struct quarantined_row *cabinet_take_quarantined(struct cabinet *cabinet, struct quarantined_row *row);
struct claim_row *claim_row_free(struct claim_row *row);
struct parked_row *parked_row_free(struct parked_row *row);
struct quarantined_row *quarantined_row_free(struct quarantined_row *row);

/* The person and its file, made where unknown. NULL: out of memory. */
struct person_row *cabinet_make_person(struct cabinet *cabinet, const char *prn);

/* Before a commit: gives every marked row what its columns need and makes its strings its own. `first`: seq of the batch's first record. 0 or -ENOMEM. */
int cabinet_prepare(struct cabinet *cabinet, uint64_t first);
/* True where the person's requests have moved to another surviving number since they were stored. */
bool person_moved(const struct person_row *row);

/* The key of a claim: source, NUL, id, NUL. Returns its size. */
#define CLAIM_KEY_MAX (2 * ID_MAX + 2)
size_t claim_key(char key[static CLAIM_KEY_MAX], const char *source, const char *id);

/* A copy of an event and all it points to, in one block; free() it. NULL: out of memory. */
struct event *event_copy(const struct event *event);
