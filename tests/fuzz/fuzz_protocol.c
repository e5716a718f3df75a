/* Any bytes as a message of the stream protocol: the first byte chooses which, the second the size of the arena. What is unpacked packs again, and from then on
 * unpacking and packing give the same bytes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "wire/protocol.h"

#define MUST(what)               \
	do {                     \
		if (!(what))     \
			abort(); \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Unpacks `bytes` and packs what came out of it. */
#define AGAIN(kind)                                                                         \
	static int kind##_again(struct arena *arena, struct bytes bytes, struct bytes *ret) \
	{                                                                                   \
		struct kind message;                                                        \
		int r = wire_unpack_##kind(arena, bytes, &message);                         \
                                                                                            \
		return r < 0 ? r : wire_pack_##kind(arena, &message, ret);                  \
	}
AGAIN(position)
AGAIN(log_request)
AGAIN(log_answer)
AGAIN(ack)
AGAIN(control_request)
AGAIN(control_answer)

static int (*const kinds[])(struct arena *arena, struct bytes bytes, struct bytes *ret) = { position_again,
	log_request_again, log_answer_again, ack_again, control_request_again, control_answer_again };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena *arena;
	struct bytes once, twice;
	unsigned kind;
	int r;

	if (n < 2)
		return 0;
	kind = data[0] % (sizeof(kinds) / sizeof(kinds[0]));
	MUST(arena_new(64UL << data[1] % 24, &arena) == 0);
	r = kinds[kind](arena, (struct bytes){ data + 2, n - 2 }, &once);
	MUST(r == 0 || r == -EINVAL || r == -ENOMEM);
	if (r == 0) {
		r = kinds[kind](arena, once, &twice);
		MUST(r == -ENOMEM || (r == 0 && once.n == twice.n && memcmp(once.data, twice.data, once.n) == 0));
	}
	(void)arena_free(arena);
	return 0;
}
