/* Bytes that grow, in network order: what COPY and array parameters are made of. A failed allocation is remembered, so that a writer checks once at the end. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

struct buffer {
	uint8_t *data;
	size_t n, size;
	bool failed; /* memory ran out: the content is not whole */
};

void buffer_bytes(struct buffer *buffer, const void *bytes, size_t n);
void buffer_text(struct buffer *buffer, const char *text); /* without its terminator */
void buffer_u8(struct buffer *buffer, uint8_t value);
void buffer_u16(struct buffer *buffer, uint16_t value);
void buffer_u32(struct buffer *buffer, uint32_t value);
void buffer_u64(struct buffer *buffer, uint64_t value);
/* Leaves room for a 32 bit number that is known later, and its place; buffer_fill() writes it. */
size_t buffer_hole(struct buffer *buffer);
void buffer_fill(struct buffer *buffer, size_t hole, uint32_t value);
/* Gives the memory back; the buffer is empty and can be used again. */
void buffer_clear(struct buffer *buffer);

/* The way back: numbers out of bytes in network order. */
uint16_t bytes_u16(const uint8_t *bytes);
uint32_t bytes_u32(const uint8_t *bytes);
uint64_t bytes_u64(const uint8_t *bytes);
