/* Writes JSON into a buffer: objects, arrays and values one after the other; commas and colons come
 * by themselves. A failure (memory, the limit) is permanent, so one look at `failed` at the end is
 * enough.
 *
 *   json_open(&w, NULL, '{');
 *   json_text(&w, "status", span_of("OPEN"));
 *   json_close(&w, '}');
 */
#ifndef CORE_BASE_JSON_WRITE_H
#define CORE_BASE_JSON_WRITE_H

#include "core/base/buf.h"
#include "core/base/str.h"

/* A writer begins as {.bytes.limit = …}; its owner frees the bytes. */
struct json_writer {
    struct buf bytes;
    bool more; /* the next value needs a comma in front */
    bool failed;
};

/* name: NULL for a value without a name (in an array, or the outermost). bracket: '{' or '['; '}'
 * or ']'. */
void json_open(struct json_writer *w, const char *name, char bracket);
void json_close(struct json_writer *w, char bracket);
/* Writes valid UTF-8 whatever s is: bytes that are not UTF-8 become U+FFFD. Unicode's control and
 * format characters and the line and paragraph separators are escaped, so that a text cannot break
 * a line, move a cursor or turn the text around it. */
void json_text(struct json_writer *w, const char *name, struct span s);
void json_number(struct json_writer *w, const char *name, int64_t number);
/* Writes milliseconds, or microseconds, as seconds with a fraction (as AWS does). */
void json_time(struct json_writer *w, const char *name, int64_t ms);
void json_micro(struct json_writer *w, const char *name, int64_t us);
void json_flag(struct json_writer *w, const char *name, bool flag);
void json_null(struct json_writer *w, const char *name);

#endif
