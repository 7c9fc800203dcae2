/* Characters: UTF-8, and the Unicode classes \p{L}, \p{Z}, \p{N} and \p{C}, as of Unicode 14. */
#ifndef CORE_BASE_UNICODE_H
#define CORE_BASE_UNICODE_H

#include "core/base/str.h"

enum unicode_class {
    UNICODE_OTHER,   /* marks, punctuation, symbols: \p{M}, \p{P}, \p{S} */
    UNICODE_TEXT,    /* letters, numbers, separators: \p{L}, \p{N}, \p{Z} */
    UNICODE_CONTROL, /* \p{C}: control, format, surrogates, private use, not assigned */
};
enum unicode_class unicode_class_of(uint32_t c);

/* Decodes the first character of s and returns its length in bytes. 0: s is empty, or does not
 * begin with valid UTF-8 (overlong forms and surrogates are invalid). */
size_t utf8_decode(struct span s, uint32_t *c);
/* Encodes a character (c is below 0x110000) and returns the number of bytes. */
size_t utf8_encode(uint32_t c, char out[static 4]);
size_t utf8_count(struct span s); /* number of characters; s is valid UTF-8 */

#endif
