#include "core/base/log.h"

#include "core/base/buf.h"
#include "core/base/text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A text of LOG_TEXT_MAX bytes that must all be escaped as \u00NN, and the stamp. */
#define LINE_MAX_BYTES (6 * LOG_TEXT_MAX + 512)

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
    return level != LOG_OFF && level <= out.level;
}

void log_redirect(void (*f)(void *ctx, enum log_level level, const char *line), void *ctx)
{
    out.sink = f;
    out.ctx = ctx;
}

/* JSON wants UTF-8; what is not printable ASCII goes out as \u00NN of its byte. */
static void json_string(struct buf *line, struct span text, size_t max)
{
    size_t end = line->size + 1 + max;
    buf_append(line, "\"", 1);
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        bool escape = c < 32 || c > 126 || c == '"' || c == '\\';
        if (line->size + (escape ? 6 : 1) > end) {
            buf_append(line, "...", 3);
            break;
        }
        if (escape)
            buf_printf(line, "\\u%04x", c);
        else
            buf_append(line, &c, 1);
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
    line->limit += 2; /* room for what ends it, whatever is in it */
    if (out.json)
        buf_append(line, "}", 1);
    if (line->size == 0) {
        /* No memory for a single line: what is wrong will show elsewhere. */
    } else if (out.sink != NULL) {
        buf_append(line, "", 1);
        out.sink(out.ctx, level, (const char *)line->data);
    } else {
        buf_append(line, "\n", 1);
        /* One write a line, so that lines of several programs on one terminal do not mix. */
        if (write(STDERR_FILENO, line->data, line->size) < 0) {
            /* stderr is gone: there is nobody left to tell. */
        }
    }
    buf_free(line);
}

void log_line(enum log_level level, const char *format, ...)
{
    if (!log_wants(level))
        return;
    struct buf line = {.limit = LINE_MAX_BYTES};
    char text[LOG_TEXT_MAX + 1];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n > LOG_TEXT_MAX)
        memcpy(text + LOG_TEXT_MAX - 3, "...", 3);
    struct span whole = {text, n < 0 ? 0 : n > LOG_TEXT_MAX ? LOG_TEXT_MAX : (size_t)n};
    begin(&line, level);
    if (out.json) {
        buf_printf(&line, ",\"message\":");
        json_string(&line, whole, LINE_MAX_BYTES);
    } else {
        text_put(&line, whole);
    }
    finish(&line, level);
}

void log_event(enum log_level level, const char *event, const struct log_field *fields, size_t n)
{
    if (!log_wants(level))
        return;
    struct buf line = {.limit = LINE_MAX_BYTES};
    begin(&line, level);
    buf_printf(&line, out.json ? ",\"event\":\"%s\"" : "%s", event);
    for (size_t i = 0; i < n; i++) {
        char text[LOG_FIELD_MAX + 1];
        const struct log_field *f = &fields[i];
        buf_printf(&line, out.json ? ",\"%s\":" : " %s=", f->key);
        if (f->text == NULL)
            buf_printf(&line, "%" PRId64, f->number);
        else if (out.json)
            json_string(&line, span_of(f->text), LOG_FIELD_MAX);
        else if (f->text[0] == '\0' || strpbrk(f->text, " \"=") != NULL)
            buf_printf(&line, "\"%s\"", str_escape(span_of(f->text), text, sizeof text));
        else
            buf_printf(&line, "%s", str_escape(span_of(f->text), text, sizeof text));
    }
    finish(&line, level);
}
