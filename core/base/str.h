/* Small text helpers that C lacks: views, strict numbers, comparison without regard to case, and
 * escaping of what comes from outside. */
#ifndef CORE_BASE_STR_H
#define CORE_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A view of bytes that another object owns; not NUL-terminated. */
struct span {
    const char *p;
    size_t n;
};

struct span span_of(const char *text); /* NULL gives an empty span */
bool span_equal(struct span a, struct span b);
bool span_equal_nocase(struct span a, struct span b); /* case of ASCII is ignored */
bool span_is(struct span a, const char *text);
bool span_is_nocase(struct span a, const char *text);
struct span span_trim(struct span s); /* spaces and tabs at both ends */
/* Cuts off and returns what stands before `separator`, or all of *rest without one. */
struct span span_cut(struct span *rest, char separator);
struct span span_line(struct span *rest);   /* the same for a line, without its LF or CR LF */
struct span span_trim_lines(struct span s); /* without the line ends that it ends with */
char *span_dup(struct span s);              /* malloc'd, terminated; NULL: no memory */

char *str_copy(const char *text);            /* malloc'd; NULL for NULL */
bool str_same(const char *a, const char *b); /* NULL equals only NULL */

/* Cuts text at its blanks (spaces and tabs), in place, into at most max words; out[n] is NULL, so
 * out has room for max + 1. Returns n. */
size_t str_words(char *text, char **out, size_t max);

/* Parses a decimal number of digits only, without sign or space; false when s is not one or is
 * above max. */
bool str_number(struct span s, uint64_t max, uint64_t *out);

/* Writes s as printable ASCII into `out` (size >= 1; always terminated). Quotes and backslashes get
 * a backslash, control bytes and bytes above 126 become \xNN, and text that does not fit is cut
 * with "...". Returns out. */
char *str_escape(struct span s, char *out, size_t size);

#endif
