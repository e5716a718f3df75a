#include "service/letter.h"

#include <stdlib.h>
#include <string.h>

struct letter *letter_new(enum origin origin, const void *bytes, size_t n)
{
	struct letter *letter = calloc(1, sizeof(*letter) + n);

	if (!letter)
		return NULL;
	letter->origin = origin;
	letter->n = n;
	if (n)
		memcpy(letter->bytes, bytes, n);
	return letter;
}

struct letter *letter_free(struct letter *letter)
{
	free(letter);
	return NULL;
}

static size_t weight(const struct letter *letter)
{
	return sizeof(*letter) + letter->n;
}

void queue_push(struct queue *queue, struct letter *letter)
{
	letter->next = NULL;
	if (queue->last)
		queue->last->next = letter;
	else
		queue->first = letter;
	queue->last = letter;
	queue->count++;
	queue->bytes += weight(letter);
}

struct letter *queue_pop(struct queue *queue)
{
	struct letter *letter = queue->first;

	if (!letter)
		return NULL;
	queue->first = letter->next;
	if (!queue->first)
		queue->last = NULL;
	queue->count--;
	queue->bytes -= weight(letter);
	letter->next = NULL;
	return letter;
}

void queue_return(struct queue *queue, struct queue *from)
{
	if (!from->first)
		return;
	from->last->next = queue->first;
	if (!queue->last)
		queue->last = from->last;
	queue->first = from->first;
	queue->count += from->count;
	queue->bytes += from->bytes;
	*from = (struct queue){ 0 };
}

struct errand *errand_new(uint64_t token, enum control_verb verb, size_t total)
{
	struct errand *errand = calloc(1, sizeof(*errand) + total * sizeof(errand->results[0]));

	if (!errand)
		return NULL;
	errand->token = token;
	errand->verb = verb;
	errand->total = total;
	return errand;
}

struct errand *errand_free(struct errand *errand)
{
	for (size_t i = 0; errand && i < errand->total; i++) {
		free(errand->results[i].id);
		free(errand->results[i].source);
		free(errand->results[i].records);
	}
	free(errand);
	return NULL;
}
