/* The gate for texts from outside: what a hub, a service, a device, a client, a proxy or a file
 * said reaches a terminal, a log, a label, a page or a line of JSON only through here (str_escape
 * is the form for a quotation).
 *
 * Shown as they are: characters of valid UTF-8 but for \p{C} (controls of C0 and C1, the marks that
 * turn the direction of writing, what has no width, private use, no characters at all) and the line
 * and paragraph separators U+2028 and U+2029. All other bytes appear as \xNN. */
#ifndef CORE_BASE_TEXT_H
#define CORE_BASE_TEXT_H

#include "core/base/buf.h"
#include "core/base/str.h"

#include <stdio.h>

enum text_charset {
    TEXT_UTF8, /* as above */
    TEXT_ASCII /* of these characters the printable ones of ASCII */
};

bool text_shows(uint32_t c); /* whether a character is shown as it is */

/* Takes one character off the front of s, which is not empty, and writes it as it is shown.
 * Returns how many bytes that are; not terminated. */
#define TEXT_SHOWN 16 /* four bytes as \xNN */
size_t text_next(struct span *s, enum text_charset set, char out[static TEXT_SHOWN]);

/* The whole of s; always terminated, cut with "..." when it does not fit (size >= 4). Returns out.
 */
char *text_copy(struct span s, enum text_charset set, char *out, size_t size);
bool text_put(struct buf *out, struct span s); /* as UTF-8; false: limit or memory */

/* A piece of JSON text: what is not shown, tabs and line feeds apart, becomes \uNNNN, so that any
 * reader takes it for the same; bytes that are no character become U+FFFD. */
bool text_put_json(struct buf *out, struct span s);

/* Writes one line: what the format yields, shown, and a line feed. False: it could not be written.
 */
bool text_line(FILE *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
