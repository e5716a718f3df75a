/* Why accept4() is defined here. libzmq 4.3.4 ends the process when accept4() fails with EMFILE on an ipc endpoint, and spins on a tcp one: whoever may
 * connect could stop the bridge by connecting often enough. A library finds the definition of the program before that of libc, so libzmq accepts through
 * this one, which never says EMFILE. A new descriptor has the lowest free number, so its number says how many there are at least: no count has to be kept.
 *
 * ECONNABORTED is what libzmq expects of a peer that has gone again meanwhile. */
#include "flow/accept.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "flow/hangup.h"
#include "flow/socket.h"

static atomic_int files = 1024 - KEPT_FOR_OURSELVES; /* descriptors with a lower number may be connections */
static atomic_uint_fast64_t refused;

void accept_prepare(void)
{
	struct rlimit limit;

	hangup_prepare();
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	if (limit.rlim_cur < FILES_MAX) {
		limit.rlim_cur = limit.rlim_max < FILES_MAX ? limit.rlim_max : FILES_MAX;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
	files = (limit.rlim_cur < FILES_MAX ? (int)limit.rlim_cur : FILES_MAX) - KEPT_FOR_OURSELVES;
}

static bool owner_only(int listener)
{
	struct sockaddr_un name = { 0 };
	socklen_t n = sizeof(name) - 1;
	struct stat st;

	return getsockname(listener, (struct sockaddr *)&name, &n) == 0 && name.sun_family == AF_UNIX &&
	       stat(name.sun_path, &st) == 0 && !(st.st_mode & (S_IRWXG | S_IRWXO));
}

/* Seen by libzmq whatever the visibility that is compiled with. */
__attribute__((visibility("default"))) int accept4(int listener, struct sockaddr *address, socklen_t *n, int flags)
{
	int accepted = (int)syscall(SYS_accept4, listener, address, n, flags);

	if (accepted < 0) {
		if (errno == EMFILE || errno == ENFILE)
			errno = ECONNABORTED;
		return -1;
	}
	if (accepted < files - KEPT_FOR_OWNER || (accepted < files && owner_only(listener)))
		return accepted;
	(void)close(accepted);
	refused++;
	errno = ECONNABORTED;
	return -1;
}

uint64_t flow_refused(void)
{
	return refused;
}
