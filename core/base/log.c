#include "core/base/log.h"

#include "core/base/buf.h"
#include "core/base/str.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct {
    enum log_level level;
    bool json;
    void (*sink)(void *ctx, enum log_level level, const char *line);
    void *ctx;
} out = {.level = LOG_INFO};

static const char *const names[] = {"off", "fatal", "error", "warning", "info", "debug", "trace"};

void log_setup(enum log_level level, bool json)
{
    out.level = level > LOG_TRACE ? LOG_TRACE : level;
    out.json = json;
}

bool log_wants(enum log_level level)
{
    return level <= out.level;
}

void log_redirect(void (*f)(void *ctx, enum log_level level, const char *line), void *ctx)
{
    out.sink = f;
    out.ctx = ctx;
}

/* JSON wants UTF-8; what is not printable ASCII goes out as \u00NN of its byte. */
static void json_string(struct buf *line, const char *text)
{
    buf_append(line, "\"", 1);
    for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++) {
        if (*p < 32 || *p > 126 || *p == '"' || *p == '\\')
            buf_printf(line, "\\u%04x", *p);
        else
            buf_append(line, p, 1);
    }
    buf_append(line, "\"", 1);
}

static void begin(struct buf *line, enum log_level level)
{
    struct timespec now;
    struct tm tm;
    char stamp[40];
    clock_gettime(CLOCK_REALTIME, &now);
    if (out.json) {
        gmtime_r(&now.tv_sec, &tm);
        strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &tm);
        buf_printf(line, "{\"time\":\"%s.%03ldZ\",\"level\":\"%s\"", stamp, now.tv_nsec / 1000000,
                   names[level]);
    } else {
        localtime_r(&now.tv_sec, &tm);
        strftime(stamp, sizeof stamp, "%Y-%m-%d %H:%M:%S", &tm);
        buf_printf(line, "[%s.%03ld] [%s] ", stamp, now.tv_nsec / 1000000, names[level]);
    }
}

static void finish(struct buf *line, enum log_level level)
{
    if (out.json)
        buf_append(line, "}", 1);
    if (out.sink != NULL) {
        buf_append(line, "", 1);
        out.sink(out.ctx, level, (const char *)line->data);
    } else {
        buf_append(line, "\n", 1);
        /* One write a line, so that lines of several programs on one terminal do not mix. */
        if (line->size > 0 && write(STDERR_FILENO, line->data, line->size) < 0) {
            /* stderr is gone: there is nobody left to tell. */
        }
    }
    buf_free(line);
}

void log_line(enum log_level level, const char *format, ...)
{
    if (!log_wants(level))
        return;
    struct buf line = {.limit = 16384}, text = {.limit = 8192};
    va_list args;
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    buf_append(&text, "", 1);
    begin(&line, level);
    if (out.json) {
        buf_printf(&line, ",\"message\":");
        json_string(&line, (const char *)text.data);
    } else {
        buf_append(&line, text.data, text.size - 1);
    }
    finish(&line, level);
    buf_free(&text);
}

void log_event(enum log_level level, const char *event, const struct log_field *fields, size_t n)
{
    if (!log_wants(level))
        return;
    struct buf line = {.limit = 16384};
    begin(&line, level);
    buf_printf(&line, out.json ? ",\"event\":\"%s\"" : "%s", event);
    for (size_t i = 0; i < n; i++) {
        char text[600];
        const struct log_field *f = &fields[i];
        buf_printf(&line, out.json ? ",\"%s\":" : " %s=", f->key);
        if (f->text == NULL)
            buf_printf(&line, "%" PRId64, f->number);
        else if (out.json)
            json_string(&line, f->text);
        else if (f->text[0] == '\0' || strpbrk(f->text, " \"=") != NULL)
            buf_printf(&line, "\"%s\"", str_escape(span_of(f->text), text, sizeof text));
        else
            buf_printf(&line, "%s", str_escape(span_of(f->text), text, sizeof text));
    }
    finish(&line, level);
}
