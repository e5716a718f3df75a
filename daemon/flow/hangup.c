/* A descriptor that has been read from and now is not is a connection with a full queue: a connecting one has never been read from. When such a one hangs up
 * it is taken out of its epoll, and put back when it is to be read from again. A descriptor belongs to one thread at a time.
 *
 * Only libzmq's own threads are served so: the loop of the program sees every call as the kernel answers it. */
#include "flow/hangup.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "flow/accept.h"

#define BROKEN     ((uint32_t)EPOLLERR | (uint32_t)EPOLLHUP)
#define READ       ((uint32_t)EPOLLIN)
#define PUBLIC     __attribute__((visibility("default"))) /* seen by libzmq whatever the visibility that is compiled with */
#define SIGSET_MAX 8                                      /* bytes of the kernel's signal set */

/* Atomic, for a thread that looks for one of its own passes by those of others. */
static struct {
	atomic_int epoll;
	_Atomic uint64_t data;
	atomic_bool was_read, stopped, out; /* out: taken out of its epoll */
} watched[FILES_MAX];

void hangup_prepare(void)
{
}

static int control(int epoll, int operation, int fd, struct epoll_event *event)
{
	return (int)syscall(SYS_epoll_ctl, epoll, operation, fd, event);
}

/* The loop runs in the first thread of the process, libzmq in threads of its own. */
static bool on_the_loop(void)
{
	static _Thread_local int known; /* 0: not asked yet, 1: the loop's, 2: another */

	if (!known)
		known = gettid() == getpid() ? 1 : 2;
	return known == 1;
}

static void note(int epoll, int operation, int fd, const struct epoll_event *event)
{
	const bool reads = event->events & READ;

	watched[fd].epoll = epoll;
	watched[fd].data = event->data.u64;
	watched[fd].was_read = reads || (operation == EPOLL_CTL_MOD && watched[fd].was_read);
	watched[fd].stopped = !reads && watched[fd].was_read;
	if (operation == EPOLL_CTL_ADD)
		watched[fd].out = false;
}

PUBLIC int epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
	bool was_out;

	if (fd < 0 || fd >= FILES_MAX || on_the_loop())
		return control(epoll, operation, fd, event);
	was_out = watched[fd].out && watched[fd].epoll == epoll;
	if (operation == EPOLL_CTL_DEL) {
		watched[fd].was_read = watched[fd].stopped = watched[fd].out = false;
		return was_out ? 0 : control(epoll, operation, fd, event);
	}
	note(epoll, operation, fd, event);
	if (operation != EPOLL_CTL_MOD || !was_out)
		return control(epoll, operation, fd, event);
	if (watched[fd].stopped)
		return 0;
	watched[fd].out = false;
	return control(epoll, EPOLL_CTL_ADD, fd, event);
}

/* The descriptor of an event that tells of a break, where it is one that is not read from; -1. */
static int find_stopped(int epoll, const struct epoll_event *event)
{
	if (!(event->events & BROKEN) || (event->events & READ))
		return -1;
	for (int fd = 0; fd < FILES_MAX; fd++)
		if (watched[fd].stopped && !watched[fd].out && watched[fd].epoll == epoll &&
			watched[fd].data == event->data.u64)
			return fd;
	return -1;
}

PUBLIC int epoll_wait(int epoll, struct epoll_event *events, int room, int timeout)
{
	int n = (int)syscall(SYS_epoll_pwait, epoll, events, room, timeout, NULL, SIGSET_MAX);

	for (int i = 0; i < n && !on_the_loop(); i++) {
		int fd = find_stopped(epoll, &events[i]);

		/* Told of both, libzmq would read twice, the second time after the first has filled the queue. Reading finds the break. */
		if (events[i].events & READ)
			events[i].events &= ~BROKEN;
		if (fd < 0)
			continue;
		watched[fd].out = true;
		(void)control(epoll, EPOLL_CTL_DEL, fd, NULL);
		events[i].events &= ~BROKEN;
	}
	return n;
}
