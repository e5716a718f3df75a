/* Inside of flow/: binding. libzmq lets a second process bind an ipc path that is in use, and so steal its clients; here a lock file beside the path, held for
 * as long as the socket is bound, prevents it. */
#pragma once

#include <stdbool.h>

#include "base/cleanup.h"
#include "base/error.h"

struct endpoint;

/* Binds a ZeroMQ socket to one endpoint. An ipc path gets mode 0600 (owner_only) or 0660; a stale socket file is removed, anything else in its place is
 * not. 0; -EADDRINUSE, -ENAMETOOLONG, ... with a sentence that names the endpoint. */
int endpoint_bind(void *zmq_socket, const char *name, bool owner_only, struct endpoint **ret, struct fault *fault);
/* Unbinds, removes the socket file and gives the path back. Call it before zmq_close(). */
struct endpoint *endpoint_free(struct endpoint *endpoint);
DEFINE_CLEANUP(struct endpoint, endpoint_free)
