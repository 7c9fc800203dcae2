/* Bytes as text: base64 and hex (RFC 4648). */
#ifndef CORE_BASE_ENCODING_H
#define CORE_BASE_ENCODING_H

#include "core/base/str.h"

/* Encodes by RFC 4648 section 4, or by section 5 without padding when `url` is true. out holds
 * BASE64_SIZE(n) bytes. */
#define BASE64_SIZE(n) (((n) + 2) / 3 * 4 + 1)
size_t base64_encode(const void *data, size_t n, char *out, bool url);
/* Decodes section 4 strictly: padding is required, unused bits are zero. Returns the length, or -1.
 * out holds s.n / 4 * 3 bytes. */
long base64_decode(struct span s, uint8_t *out);

/* Hex is lower-case and terminated; out holds 2 * n + 1 bytes. hex_decode needs exactly 2 * n
 * digits. */
void hex_encode(const void *data, size_t n, char *out);
bool hex_decode(struct span s, void *out, size_t n);

/* Decodes %XX (RFC 3986 section 2.1) in a terminated text, in place. As in curl, other '%' stay,
 * since people write them as they are. False: a control character is in it, which no header, name
 * or filter may carry. */
bool percent_decode(char *s);
/* The other way: all but letters, digits and "-._~" become %XX. out holds 3 * s.n + 1 bytes. */
void percent_encode(struct span s, char *out);

#endif
