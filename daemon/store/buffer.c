#include "store/buffer.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER_FIRST 1024UL

static bool make_room(struct buffer *buffer, size_t n)
{
	size_t size = buffer->size ? buffer->size : BUFFER_FIRST;
	uint8_t *data;

	if (buffer->failed || n > SIZE_MAX / 4 - buffer->n) {
		buffer->failed = true;
		return false;
	}
	while (size < buffer->n + n)
		size *= 2;
	if (size == buffer->size)
		return true;
	data = realloc(buffer->data, size);
	if (!data) {
		buffer->failed = true;
		return false;
	}
	buffer->data = data;
	buffer->size = size;
	return true;
}

void buffer_bytes(struct buffer *buffer, const void *bytes, size_t n)
{
	if (!n || !make_room(buffer, n))
		return;
	memcpy(buffer->data + buffer->n, bytes, n);
	buffer->n += n;
}

void buffer_text(struct buffer *buffer, const char *text)
{
	buffer_bytes(buffer, text, strlen(text));
}

void buffer_u8(struct buffer *buffer, uint8_t value)
{
	buffer_bytes(buffer, &value, sizeof(value));
}

void buffer_u16(struct buffer *buffer, uint16_t value)
{
	value = htobe16(value);
	buffer_bytes(buffer, &value, sizeof(value));
}

void buffer_u32(struct buffer *buffer, uint32_t value)
{
	value = htobe32(value);
	buffer_bytes(buffer, &value, sizeof(value));
}

void buffer_u64(struct buffer *buffer, uint64_t value)
{
	value = htobe64(value);
	buffer_bytes(buffer, &value, sizeof(value));
}

size_t buffer_hole(struct buffer *buffer)
{
	size_t hole = buffer->n;

	buffer_u32(buffer, 0);
	return hole;
}

void buffer_fill(struct buffer *buffer, size_t hole, uint32_t value)
{
	value = htobe32(value);
	if (!buffer->failed)
		memcpy(buffer->data + hole, &value, sizeof(value));
}

void buffer_clear(struct buffer *buffer)
{
	free(buffer->data);
	*buffer = (struct buffer){ 0 };
}

uint16_t bytes_u16(const uint8_t *bytes)
{
	uint16_t value;

	memcpy(&value, bytes, sizeof(value));
	return be16toh(value);
}

uint32_t bytes_u32(const uint8_t *bytes)
{
	uint32_t value;

	memcpy(&value, bytes, sizeof(value));
	return be32toh(value);
}

uint64_t bytes_u64(const uint8_t *bytes)
{
	uint64_t value;

	memcpy(&value, bytes, sizeof(value));
	return be64toh(value);
}
