/* Writes JSON into a buffer: objects, arrays and values one after the other; commas and colons come
 * by themselves. What fails (memory, the limit) fails for good: look at `failed` once, at the end.
 *
 *   json_open(&w, NULL, '{');
 *   json_text(&w, "status", span_of("OPEN"));
 *   json_close(&w, '}');
 */
#ifndef CORE_BASE_JSON_WRITE_H
#define CORE_BASE_JSON_WRITE_H

#include "core/base/buf.h"
#include "core/base/str.h"

/* Begin with {.bytes.limit = …}; free the bytes. */
struct json_writer {
    struct buf bytes;
    bool more; /* the next value needs a comma in front */
    bool failed;
};

/* name: NULL for what has none (in an array, or the outermost). bracket: '{' or '['; '}' or ']'. */
void json_open(struct json_writer *w, const char *name, char bracket);
void json_close(struct json_writer *w, char bracket);
/* Valid UTF-8 whatever s is: bytes that are none become U+FFFD. What Unicode calls control or
 * format, and the line and paragraph separators, are escaped: no text breaks a line, moves a cursor
 * or turns its neighbours around. */
void json_text(struct json_writer *w, const char *name, struct span s);
void json_number(struct json_writer *w, const char *name, int64_t number);
/* Milliseconds, or microseconds, written as seconds with a fraction (as AWS does). */
void json_time(struct json_writer *w, const char *name, int64_t ms);
void json_micro(struct json_writer *w, const char *name, int64_t us);
void json_flag(struct json_writer *w, const char *name, bool flag);

#endif
