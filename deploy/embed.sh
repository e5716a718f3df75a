#!/bin/sh
# embed.sh FILE...: writes a C source that holds the files byte for byte, as the table `sql_files` that store/ declares.
set -eu
echo '#include <stddef.h>'
echo 'struct sql_file { const char *name; const unsigned char *start, *end; };'
n=0
for file in "$@"; do
	printf '__asm__(".section .rodata\\nembedded_%d: .incbin \\"%s\\"\\nembedded_end_%d: .byte 0\\n.previous\\n");\n' "$n" "$file" "$n"
	printf 'extern const unsigned char embedded_%d[], embedded_end_%d[];\n' "$n" "$n"
	n=$((n + 1))
done
echo 'const struct sql_file sql_files[] = {'
n=0
for file in "$@"; do
	printf '\t{ "%s", embedded_%d, embedded_end_%d },\n' "${file#sql/}" "$n" "$n"
	n=$((n + 1))
done
echo '};'
echo 'const size_t sql_file_count = sizeof(sql_files) / sizeof(sql_files[0]);'
