/* The lock file is never removed: removing it would let two processes hold locks on two files of one name. libzmq leaves the socket file behind when it
 * unbinds; it is removed here while the lock is still held, so that it can be nobody else's. */
#include "flow/endpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <zmq.h>

#define IPC     "ipc://"
#define IPC_MAX (sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1)

struct endpoint {
	void *socket;
	char *name; /* as bound: the port filled in */
	char *path; /* NULL: not ipc */
	int lock;   /* -1: none */
};

static const char *ipc_path(const char *name)
{
	return strncmp(name, IPC, strlen(IPC)) ? NULL : name + strlen(IPC);
}

static int check_path(const char *name, const char *path, struct fault *fault)
{
	if (!*path || *path == '*' || *path == '@')
		return fault_set(fault, -EINVAL,
			"the endpoint %s names no file: give a path such as ipc:///run/cpps-bridge/name", name);
	if (strlen(path) > IPC_MAX)
		return fault_set(fault, -ENAMETOOLONG,
			"the path of the endpoint %s has %zu bytes, and a socket's path may have %zu: choose a shorter "
			"directory",
			name, strlen(path), IPC_MAX);
	return 0;
}

static int take_lock(struct endpoint *endpoint, const char *name, struct fault *fault)
{
	char lock_path[IPC_MAX + sizeof(".lock")];
	int r;

	(void)snprintf(lock_path, sizeof(lock_path), "%s.lock", endpoint->path);
	endpoint->lock = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (endpoint->lock < 0) {
		r = -errno;
		return fault_set(fault, r, "the lock file %s of the endpoint %s cannot be opened: %s", lock_path, name,
			strerror(-r));
	}
	if (flock(endpoint->lock, LOCK_EX | LOCK_NB) < 0)
		return fault_set(fault, -EADDRINUSE,
			"the endpoint %s is in use: another process holds %s; stop it, or give this one another path",
			name, lock_path);
	return 0;
}

/* libzmq would remove whatever lies at the path. */
static int check_stale(const struct endpoint *endpoint, const char *name, struct fault *fault)
{
	struct stat st;

	if (lstat(endpoint->path, &st) < 0)
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return fault_set(fault, -EEXIST,
			"%s, the path of the endpoint %s, is there and is no socket: move it away, or choose another "
			"path",
			endpoint->path, name);
	if (unlink(endpoint->path) < 0)
		return fault_set(
			fault, -errno, "the stale socket %s cannot be removed: %s", endpoint->path, strerror(errno));
	return 0;
}

static int guard(struct endpoint *endpoint, const char *name, struct fault *fault)
{
	const char *path = ipc_path(name);
	int r;

	if (!path)
		return 0;
	r = check_path(name, path, fault);
	if (r < 0)
		return r;
	endpoint->path = strdup(path);
	if (!endpoint->path)
		return -ENOMEM;
	r = take_lock(endpoint, name, fault);
	return r < 0 ? r : check_stale(endpoint, name, fault);
}

/* Only a socket that is bound has a name: endpoint_free() unbinds by it. */
static int bind_now(struct endpoint *endpoint, const char *name, bool owner_only, struct fault *fault)
{
	char bound[PATH_MAX] = "";
	size_t n = sizeof(bound);
	mode_t before = umask(owner_only ? 0177 : 0117);
	int r = zmq_bind(endpoint->socket, name) < 0 ? -errno : 0;

	(void)umask(before);
	if (r < 0)
		return fault_set(fault, r, "the endpoint %s cannot be bound: %s", name, zmq_strerror(-r));
	if (zmq_getsockopt(endpoint->socket, ZMQ_LAST_ENDPOINT, bound, &n) < 0)
		return -errno;
	endpoint->name = strdup(bound);
	return endpoint->name ? 0 : -ENOMEM;
}

int endpoint_bind(void *zmq_socket, const char *name, bool owner_only, struct endpoint **ret, struct fault *fault)
{
	CLEANUP(endpoint_freep) struct endpoint *endpoint = calloc(1, sizeof(*endpoint));
	int r;

	if (!endpoint)
		return -ENOMEM;
	endpoint->socket = zmq_socket;
	endpoint->lock = -1;
	r = guard(endpoint, name, fault);
	if (r < 0)
		return r;
	r = bind_now(endpoint, name, owner_only, fault);
	if (r < 0)
		return r;
	*ret = TAKE(endpoint);
	return 0;
}

struct endpoint *endpoint_free(struct endpoint *endpoint)
{
	if (!endpoint)
		return NULL;
	if (endpoint->name && zmq_unbind(endpoint->socket, endpoint->name) == 0 && endpoint->path)
		(void)unlink(endpoint->path);
	if (endpoint->lock >= 0)
		(void)close(endpoint->lock);
	free(endpoint->name);
	free(endpoint->path);
	free(endpoint);
	return NULL;
}
