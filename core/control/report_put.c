/* Members that have no value are left out. */
#include "core/control/report_internal.h"

void report_put_text(struct json_writer *w, const char *name, const char *text)
{
    if (text != NULL && text[0] != '\0')
        json_text(w, name, span_of(text));
}

void report_put_number(struct json_writer *w, const char *name, uint64_t n)
{
    if (n > 0)
        json_number(w, name, n < INT64_MAX ? (int64_t)n : INT64_MAX);
}

void report_put_time(struct json_writer *w, const char *name, uint64_t ms)
{
    if (ms > 0)
        json_time(w, name, (int64_t)ms);
}

void report_put_flag(struct json_writer *w, const char *name, bool flag)
{
    if (flag)
        json_flag(w, name, true);
}

void report_put_reason(struct json_writer *w, enum err why)
{
    if (why != ERR_OK)
        json_text(w, "reason", span_of(err_name(why)));
}
