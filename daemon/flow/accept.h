/* Inside of flow/: taking connections. However many connect, some descriptors stay free for the process itself, and a few more for the endpoints that
 * only their owner can open: whoever comes beyond is cut off, and counted (flow_refused()). */
#pragma once

/* Lets the process have as many descriptors as it may, up to FILES_MAX, before the first socket is made. */
#define FILES_MAX          4096
#define KEPT_FOR_OURSELVES 32
#define KEPT_FOR_OWNER     32
void accept_prepare(void);
