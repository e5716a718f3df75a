/* Ownership in the signature: a `const` pointer is borrowed, `x_free()` takes NULL and returns NULL, and TAKE() hands a
 * pointer over and leaves NULL behind. CLEANUP(x_freep) frees a local at the end of its scope. */
#pragma once

#include <stddef.h>
#include <stdlib.h>

#define CLEANUP(function) __attribute__((cleanup(function)))

/* Hands over the value of the pointer variable `p`, which becomes NULL. */
#define TAKE(p)                                     \
	({                                          \
		__typeof__(p) *take_from_ = &(p);   \
		__typeof__(p) taken_ = *take_from_; \
		*take_from_ = NULL;                 \
		taken_;                             \
	})

/* Defines x_freep(), for CLEANUP, beside `type *x_free(type *)`. */
#define DEFINE_CLEANUP(type, free_function)           \
	static inline void free_function##p(type **p) \
	{                                             \
		*p = free_function(*p);               \
	}

#define ARRAY_LENGTH(a) (sizeof(a) / sizeof((a)[0]))

/* Frees what malloc() gave; for CLEANUP on any pointer variable. */
static inline void freep(void *p)
{
	free(*(void **)p);
	*(void **)p = NULL;
}
