/* libcyaml explains an error in several log lines: the reason, then where, innermost first. It gives the line of what it has read
 * last, which for an unknown key is the option before it: that one is looked for in the file. */
#include "config/explain.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

#define NEAR_MAX 160

/* ---- Listening ---- */

static void note_step(struct explanation *explanation, const char *text)
{
	struct explained_step step = { 0 };
	const char *line = strstr(text, "(line: ");

	if (explanation->depth == EXPLAIN_DEPTH || !line)
		return;
	if (sscanf(text, "in sequence entry '%u'", &step.entry) != 1)
		(void)sscanf(text, "in mapping field '%63[^']'", step.option);
	(void)sscanf(line, "(line: %u", &step.line);
	explanation->steps[explanation->depth++] = step;
}

void explain_note(cyaml_log_t level, void *context, const char *format, va_list args)
{
	struct explanation *explanation = context;
	char line[NEAR_MAX];
	char *text = line;

	(void)level;
	(void)vsnprintf(line, sizeof(line), format, args);
	line[strcspn(line, "\n")] = '\0';
	if (strncmp(text, "Load: ", 6) == 0)
		text += 6;
	while (*text == ' ')
		text++;
	if (!*explanation->reason)
		TEXT_SET(explanation->reason, text);
	else if (strncmp(text, "in ", 3) == 0)
		note_step(explanation, text);
}

/* ---- Finding the line of a word ---- */

static bool is_key(const char *line, const char *key)
{
	size_t n = strlen(key);

	for (const char *found = n ? strstr(line, key) : NULL; found; found = strstr(found + 1, key)) {
		const char *after = found + n;

		if (found > line && (isalnum((unsigned char)found[-1]) || found[-1] == '_'))
			continue;
		while (*after == ' ' || *after == '"' || *after == '\'')
			after++;
		if (*after == ':')
			return true;
	}
	return false;
}

static bool is_tabbed(const char *line, const char *unused)
{
	(void)unused;
	return line[strspn(line, " ")] == '\t';
}

/* The first line, from 1, that has it; 0: none. */
static unsigned find_line(const char *path, bool (*has)(const char *line, const char *word), const char *word)
{
	CLEANUP(freep) char *line = NULL;
	size_t space = 0;
	unsigned number = 0, found = 0;
	FILE *file = fopen(path, "re");

	while (file && !found && getline(&line, &space, file) >= 0) {
		number++;
		if (has(line, word))
			found = number;
	}
	if (file)
		(void)fclose(file);
	return found;
}

/* ---- The place, as options are written: sources[0].kind ---- */

static void add(char *place, size_t size, const char *option)
{
	size_t n = strlen(place);

	(void)snprintf(place + n, size - n, "%s%s", n ? "." : "", option);
}

static void name_place(const struct explanation *explanation, unsigned innermost, char *place, size_t size)
{
	*place = '\0';
	for (unsigned i = explanation->depth; i > innermost; i--) {
		const struct explained_step *step = &explanation->steps[i - 1];
		size_t n = strlen(place);

		if (step->entry)
			(void)snprintf(place + n, size - n, "[%u]", step->entry - 1);
		else if (*step->option)
			add(place, size, step->option);
	}
}

/* ---- The sentence ---- */

struct telling {
	const struct explanation *explanation;
	const char *path, *said; /* `said`: what stands behind the words of the row */
	char place[128];
	unsigned line;
	const struct explained_words *words;
	size_t n;
};

static void tell_unknown(struct telling *t, const char *remedy, char *sentence, size_t size)
{
	name_place(t->explanation, 1, t->place, sizeof(t->place));
	add(t->place, sizeof(t->place), t->said);
	t->line = find_line(t->path, is_key, t->said);
	(void)snprintf(sentence, size, "%s", remedy);
}

/* What libcyaml has read last is the end of the part where the option should stand; of the whole file that says nothing. */
static void tell_missing(struct telling *t, const char *remedy, char *sentence, size_t size)
{
	name_place(t->explanation, 1, t->place, sizeof(t->place));
	add(t->place, sizeof(t->place), t->said);
	t->line = t->explanation->depth > 1 ? t->line : 0;
	(void)snprintf(sentence, size, "%s%s", remedy, t->line ? " to the part that ends there" : "");
}

static void tell_words(struct telling *t, const char *remedy, char *sentence, size_t size)
{
	const char *option = t->explanation->depth ? t->explanation->steps[0].option : "";
	size_t length;

	(void)snprintf(sentence, size, "'%s' %s", t->said, remedy);
	for (size_t i = 0; i < t->n; i++)
		for (unsigned k = 0; strcmp(t->words[i].option, option) == 0 && k < t->words[i].n; k++) {
			length = strlen(sentence);
			(void)snprintf(
				sentence + length, size - length, "%s %s", k ? " or" : "", t->words[i].words[k].str);
		}
}

static void tell_value(struct telling *t, const char *remedy, char *sentence, size_t size)
{
	(void)snprintf(sentence, size, "%s %s", t->said, remedy);
}

static void tell_plain(struct telling *t, const char *remedy, char *sentence, size_t size)
{
	(void)t;
	(void)snprintf(sentence, size, "%s", remedy);
}

/* Known is only the line before it. */
static void tell_placeless(struct telling *t, const char *remedy, char *sentence, size_t size)
{
	t->line = 0;
	(void)snprintf(sentence, size, "%s", remedy);
}

static void tell_syntax(struct telling *t, const char *remedy, char *sentence, size_t size)
{
	unsigned tabbed = find_line(t->path, is_tabbed, NULL);

	*t->place = '\0';
	t->line = tabbed ? tabbed : t->line;
	(void)snprintf(sentence, size, "%s: %s", t->said, remedy);
}

static const struct {
	const char *words; /* libcyaml's, to their end or to what it quotes */
	void (*tell)(struct telling *t, const char *remedy, char *sentence, size_t size);
	const char *remedy;
} rows[] = {
	{ "Unexpected key: ", tell_unknown, "no such option: mend its spelling, or remove it" },
	{ "Missing required mapping field: ", tell_missing, "it is missing: add it" },
	{ "Mapping field already seen: ", tell_placeless, "it stands twice: keep one" },
	{ "Invalid ENUM value: ", tell_words, "is not allowed: write" },
	{ "Invalid uint64_t value: ", tell_value, "is no number: write a whole number" },
	{ "Invalid UINT value: ", tell_value, "is not allowed: write a whole number from 0 to 4294967295" },
	{ "Expecting MAPPING", tell_plain, "it takes options of its own: write each below it, as name: value" },
	{ "Expecting SEQUENCE", tell_plain, "it takes a list: write [a] or [a, b]" },
	{ "Expecting STRING", tell_plain, "it takes a text: write it on the same line" },
	{ "Expecting ", tell_plain, "it takes one word or number: write it on the same line" },
	{ "STRING length < ", tell_plain, "it is empty: give it a value" },
	{ "STRING length > ", tell_plain, "it is too long: shorten it" },
	{ "Insufficient entries ", tell_plain, "the list is empty: give it an entry" },
	{ "Excessive entries ", tell_plain, "the list has too many entries: remove some" },
	{ "Backtrace", tell_plain,
		"it cannot stand so: write the value itself, without an alias or braces within braces" },
	{ "libyaml: ", tell_syntax, "this is no YAML; indent by spaces, close every bracket and quote" },
};

static void tell(struct telling *t, char *sentence, size_t size)
{
	const char *reason = t->explanation->reason;

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		if (strncmp(reason, rows[i].words, strlen(rows[i].words)) == 0) {
			t->said = reason + strlen(rows[i].words);
			rows[i].tell(t, rows[i].remedy, sentence, size);
			return;
		}
	(void)snprintf(sentence, size, "%s", *reason ? reason : "it cannot be read as YAML");
}

int explain_fault(const struct explanation *explanation, const char *path, const struct explained_words *words,
	size_t n, int error, struct fault *fault)
{
	struct telling t = { .explanation = explanation, .path = path, .words = words, .n = n };
	char sentence[240], line[32] = "";

	name_place(explanation, 0, t.place, sizeof(t.place));
	t.line = explanation->depth ? explanation->steps[0].line : 0;
	tell(&t, sentence, sizeof(sentence));
	if (t.line)
		(void)snprintf(line, sizeof(line), "line %u: ", t.line);
	return fault_set(fault, error, "%s: %s%s%s%s", path, line, t.place, *t.place ? ": " : "", sentence);
}
