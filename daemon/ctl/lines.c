#include "ctl/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

#define CHUNK  (64 * 1024UL)
#define BUFFER (LINE_SIZE_MAX + CHUNK)

int lines_open(struct lines *lines, const char *path, struct fault *fault)
{
	bool input = !path || strcmp(path, "-") == 0;
	struct stat about;
	struct lines made = { .fd = STDIN_FILENO, .name = input ? "standard input" : path };

	if (!input) {
		made.fd = open(path, O_RDONLY | O_CLOEXEC);
		if (made.fd < 0)
			return fault_set(fault, -errno, "cannot read %s: %s", path, strerror(errno));
	}
	if (fstat(made.fd, &about) == 0 && S_ISREG(about.st_mode))
		made.size = (uint64_t)about.st_size;
	made.buffer = malloc(BUFFER);
	if (!made.buffer) {
		lines_close(&made);
		return fault_set(fault, -ENOMEM, "out of memory");
	}
	*lines = made;
	return 0;
}

void lines_close(struct lines *lines)
{
	if (lines->fd > STDIN_FILENO)
		(void)close(lines->fd);
	free(lines->buffer);
	*lines = (struct lines){ .fd = -1 };
}

static const char *line_end(const struct lines *lines)
{
	return memchr(lines->buffer + lines->start, '\n', lines->end - lines->start);
}

/* Reads once more. 1: something came; 0: the end, or a signal. */
static int fill(struct lines *lines, struct fault *fault)
{
	ssize_t n;

	if (lines->start > 0) {
		memmove(lines->buffer, lines->buffer + lines->start, lines->end - lines->start);
		lines->end -= lines->start;
		lines->start = 0;
	}
	n = read(lines->fd, lines->buffer + lines->end, CHUNK);
	if (n < 0 && errno != EINTR)
		return fault_set(fault, -errno, "cannot read %s: %s", lines->name, strerror(errno));
	if (n < 0)
		return 0;
	lines->at_end = n == 0;
	lines->end += (size_t)n;
	return n > 0;
}

bool lines_ready(struct lines *lines, int timeout_ms)
{
	struct pollfd wait = { .fd = lines->fd, .events = POLLIN };

	if (lines->at_end || line_end(lines))
		return true;
	return poll(&wait, 1, timeout_ms) != 0;
}

/* Gives out the bytes up to `end`, the line feed or the end of what there is. */
static void give_out(struct lines *lines, const char *end, struct line *ret)
{
	const char *text = lines->buffer + lines->start;
	size_t n = (size_t)(end - text);

	lines->start += n + (lines->start + n < lines->end);
	lines->offset += n + 1;
	lines->number++;
	if (n > 0 && text[n - 1] == '\r')
		n--;
	*ret = (struct line){ .text = text, .n = n, .number = lines->number };
}

/* Passes over the rest of a line that is too long. */
static int pass_over(struct lines *lines, struct fault *fault)
{
	const char *end;
	int r = 1;

	while (!(end = line_end(lines)) && r == 1) {
		lines->offset += lines->end - lines->start;
		lines->start = lines->end = 0;
		r = fill(lines, fault);
	}
	if (end)
		lines->start = (size_t)(end + 1 - lines->buffer);
	return r < 0 ? r : 0;
}

static bool blank(const struct line *line)
{
	for (size_t i = 0; i < line->n; i++)
		if (!strchr(" \t\r", line->text[i]) || !line->text[i])
			return false;
	return true;
}

/* 1: a line, perhaps blank; 0: the end. */
static int next(struct lines *lines, struct line *ret, struct fault *fault)
{
	const char *end;
	int r = 1;

	while (!(end = line_end(lines)) && r == 1 && lines->end - lines->start <= LINE_SIZE_MAX)
		r = fill(lines, fault);
	if (r < 0)
		return r;
	if (end && (size_t)(end - lines->buffer) - lines->start <= LINE_SIZE_MAX) {
		give_out(lines, end, ret);
		return 1;
	}
	if (lines->end - lines->start > LINE_SIZE_MAX) {
		r = pass_over(lines, fault);
		lines->number++;
		*ret = (struct line){ .text = "", .n = 0, .number = lines->number, .cut = true };
		return r < 0 ? r : 1;
	}
	if (!lines->at_end || lines->start == lines->end)
		return 0;
	give_out(lines, lines->buffer + lines->end, ret);
	return 1;
}

int lines_next(struct lines *lines, struct line *ret, struct fault *fault)
{
	int r;

	do
		r = next(lines, ret, fault);
	while (r == 1 && !ret->cut && blank(ret));
	return r;
}

static bool readable(const struct lines *lines)
{
	struct pollfd wait = { .fd = lines->fd, .events = POLLIN };

	return poll(&wait, 1, 0) != 0;
}

/* 0: a whole line, or the end, lies in the buffer; -EAGAIN: not yet. */
static int gather(struct lines *lines, struct fault *fault)
{
	while (!lines->at_end && !line_end(lines)) {
		int r;

		if (lines->end - lines->start > LINE_SIZE_MAX) {
			lines->offset += lines->end - lines->start;
			lines->start = lines->end = 0;
			lines->passing = true;
		}
		if (!readable(lines))
			return -EAGAIN;
		r = fill(lines, fault);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The end of a line whose beginning was passed over. */
static void end_passing(struct lines *lines, struct line *ret)
{
	const char *end = line_end(lines);

	lines->passing = false;
	lines->start = end ? (size_t)(end + 1 - lines->buffer) : lines->end;
	lines->number++;
	*ret = (struct line){ .text = "", .number = lines->number, .cut = true };
}

int lines_try(struct lines *lines, struct line *ret, struct fault *fault)
{
	int r;

	do {
		r = gather(lines, fault);
		if (r < 0)
			return r;
		if (lines->passing) {
			end_passing(lines, ret);
			return 1;
		}
		r = next(lines, ret, fault);
	} while (r == 1 && !ret->cut && blank(ret));
	return r;
}
