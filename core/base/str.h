/* Small text helpers that C lacks: strict numbers, case-blind compares, base64, constant-time
 * compare, random bytes, and escaping of what strangers sent. */
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

bool str_same(const char *a, const char *b); /* NULL is the same as NULL only */

/* Decimal, digits only, no sign, no space; false when it is not one or is above max. */
bool str_number(struct span s, uint64_t max, uint64_t *out);

/* Writes s as printable ASCII into `out` (size >= 1; always terminated): quotes and
 * backslashes get a backslash, control bytes and bytes above 126 become \xNN; cut with "..." when
 * it does not fit. Returns out. */
char *str_escape(struct span s, char *out, size_t size);

bool str_equal_constant_time(struct span a, struct span b);

/* RFC 4648 section 4, or section 5 without padding when `url`. out holds BASE64_SIZE(n) bytes. */
#define BASE64_SIZE(n) (((n) + 2) / 3 * 4 + 1)
size_t base64_encode(const void *p, size_t n, char *out, bool url);
/* Of section 4, strict: padding required, unused bits zero. Returns the length, or -1. out holds
 * s.n / 4 * 3 bytes. */
long base64_decode(struct span s, uint8_t *out);

/* Lower-case hex, terminated; out holds 2 * n + 1 bytes. hex_decode needs exactly 2 * n digits. */
void hex_encode(const void *p, size_t n, char *out);
bool hex_decode(struct span s, void *out, size_t n);

void random_bytes(void *p, size_t n); /* getrandom(2); cannot fail */

#endif
