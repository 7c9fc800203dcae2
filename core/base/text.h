/* The gate for texts from outside: what a hub, a service, a device, a client, a proxy or a file
 * said reaches a terminal, a log, a label, a page or a line of JSON only through here (str_escape
 * is the form for a quotation).
 *
 * Characters of valid UTF-8 are shown as they are, except \p{C} (the controls C0 and C1, marks that
 * turn the direction of writing, characters without width, private use, unassigned code points) and
 * the line and paragraph separators U+2028 and U+2029. All other bytes appear as \xNN. */
#ifndef CORE_BASE_TEXT_H
#define CORE_BASE_TEXT_H

#include "core/base/buf.h"
#include "core/base/str.h"

#include <stdio.h>

enum text_charset {
    TEXT_UTF8, /* all characters that the gate shows */
    TEXT_ASCII /* only those that are printable ASCII */
};

bool text_shows(uint32_t c); /* whether a character is shown as it is */

/* Takes one character off the front of s, which is not empty, and writes it as it is shown. Returns
 * the number of bytes written, which are not terminated. */
#define TEXT_SHOWN 16 /* four bytes as \xNN */
size_t text_next(struct span *s, enum text_charset set, char out[static TEXT_SHOWN]);

/* Writes the whole of s; always terminated, cut with "..." when it does not fit (size >= 4).
 * Returns out. */
char *text_copy(struct span s, enum text_charset set, char *out, size_t size);
bool text_put(struct buf *out, struct span s); /* appends s as UTF-8; false: limit or memory */

/* Appends s as text of an HTML page, or of an attribute in quotation marks: as it is shown, with &
 * < > " and ' escaped. False: limit or memory. */
bool text_put_html(struct buf *out, struct span s);

/* Appends s as a piece of JSON text. Characters that are not shown, except tabs and line feeds,
 * become \uNNNN, which every reader decodes to the same character; bytes that are not UTF-8 become
 * U+FFFD. */
bool text_put_json(struct buf *out, struct span s);

/* Writes one line: the formatted text through the gate, and a line feed. False: the line could not
 * be written. */
bool text_line(FILE *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
