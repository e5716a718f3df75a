#include "ctl/ack.h"

#include <jansson.h>
#include <stdio.h>

static void set_text(json_t *row, const char *name, const char *text)
{
	(void)json_object_set_new(row, name, text ? json_string(text) : json_null());
}

void ack_print(uint64_t line, const char *disposition, const struct ack *ack)
{
	json_t *row = json_object();

	if (line)
		(void)json_object_set_new(row, "line", json_integer((json_int_t)line));
	set_text(row, "id", ack->id);
	set_text(row, "source", ack->source);
	set_text(row, "disposition", disposition);
	set_text(row, "reason", ack->reason);
	set_text(row, "sentence", ack->sentence);
	(void)json_object_set_new(row, "seq", json_integer((json_int_t)ack->seq));
	(void)json_dumpf(row, stdout, JSON_COMPACT);
	(void)putchar('\n');
	json_decref(row);
}
