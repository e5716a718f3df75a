/* Inside of flow/: a connection that breaks while libzmq does not read from it, since its queue is full.
 *
 * libzmq 4.3.4 then marks it as broken, and ends the process (a failed assertion: _io_error) as soon as it has something to send on it: the answer to a
 * heartbeat of the peer, for one, that it comes upon as it goes on reading. So whoever may connect could end the bridge. Here epoll is kept from
 * telling of the break until libzmq reads again: then it reads what is left, finds the end, and closes the connection as usual. A library finds the
 * definitions of the program before those of libc; see also accept.c. */
#pragma once

/* Names this file to the linker. */
void hangup_prepare(void);
