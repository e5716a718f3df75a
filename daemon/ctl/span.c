#include "ctl/span.h"

#include <errno.h>
#include <stddef.h>

#include "base/cleanup.h"
#include "base/instant.h"

static const struct {
	char letter;
	int64_t us;
} units[] = {
	{ 's', US_PER_SECOND },
	{ 'm', 60 * US_PER_SECOND },
	{ 'h', US_PER_HOUR },
	{ 'd', US_PER_DAY },
	{ 'w', 7 * US_PER_DAY },
};

/* A number and its unit; *text is moved behind them. */
static int take_part(const char **text, int64_t *ret_us)
{
	const char *c = *text;
	int64_t number = 0;

	for (; *c >= '0' && *c <= '9'; c++)
		if (__builtin_mul_overflow(number, 10, &number) || __builtin_add_overflow(number, *c - '0', &number))
			return -EINVAL;
	for (size_t i = 0; c != *text && i < ARRAY_LENGTH(units); i++)
		if (units[i].letter == *c) {
			*text = c + 1;
			return __builtin_mul_overflow(number, units[i].us, ret_us) ? -EINVAL : 0;
		}
	return -EINVAL;
}

int span_parse(const char *text, int64_t *ret_us)
{
	int64_t sum = 0;

	while (*text) {
		int64_t part;

		if (take_part(&text, &part) < 0 || __builtin_add_overflow(sum, part, &sum))
			return -EINVAL;
	}
	if (sum <= 0)
		return -EINVAL;
	*ret_us = sum;
	return 0;
}
