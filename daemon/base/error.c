#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/text.h"

int fault_set(struct fault *fault, int error, const char *format, ...)
{
	va_list args;

	if (!fault)
		return error;
	va_start(args, format);
	(void)vsnprintf(fault->sentence, sizeof(fault->sentence), format, args);
	va_end(args);
	text_trim_utf8(fault->sentence);
	for (char *c = fault->sentence; *c; c++)
		if ((unsigned char)*c < ' ')
			*c = ' ';
	return error;
}
