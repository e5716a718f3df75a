#include "ctl/interrupt.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t caught;

static void catch (int number)
{
	(void)number;
	caught = 1;
}

void interrupt_watch(void)
{
	struct sigaction action = { .sa_handler = catch,
		.sa_flags = (int)SA_RESETHAND }; /* a second one ends at once */

	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGTERM, &action, NULL);
}

bool interrupted(void)
{
	return caught;
}
