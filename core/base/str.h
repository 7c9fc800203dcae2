/* Small text helpers that C lacks: views, strict numbers, case-blind compares, and escaping of what
 * strangers sent. */
#ifndef CORE_BASE_STR_H
#define CORE_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A view of bytes owned by somebody else; not NUL-terminated. */
struct span {
    const char *p;
    size_t n;
};

struct span span_of(const char *text); /* NULL gives an empty span */
bool span_equal(struct span a, struct span b);
bool span_equal_nocase(struct span a, struct span b); /* ASCII */
bool span_is(struct span a, const char *text);
bool span_is_nocase(struct span a, const char *text);
struct span span_trim(struct span s); /* spaces and tabs at both ends */
/* Cuts off and returns what stands before `separator` (all of it when there is none). */
struct span span_cut(struct span *rest, char separator);
char *span_dup(struct span s); /* malloc'd, terminated; NULL: memory */

char *str_copy(const char *text);            /* malloc'd; of NULL it is NULL */
bool str_same(const char *a, const char *b); /* NULL is the same as NULL only */

/* Decimal, digits only, no sign, no space; false when it is not one or is above max. */
bool str_number(struct span s, uint64_t max, uint64_t *out);

/* Writes s as printable ASCII into `out` (size >= 1; always terminated): quotes and
 * backslashes get a backslash, control bytes and bytes above 126 become \xNN; cut with "..." when
 * it does not fit. Returns out. */
char *str_escape(struct span s, char *out, size_t size);

#endif
