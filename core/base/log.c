#include "core/base/log.h"

#include "core/base/clock.h"
#include "core/base/json_write.h"
#include "core/base/log_out.h"
#include "core/base/repeats.h"
#include "core/base/text.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

/* A line holds a text of LOG_TEXT_MAX bytes that must all be escaped as \u00NN, and the stamp. */
#define LINE_MAX_BYTES (6 * LOG_TEXT_MAX + 512)
#define KINDS 64 /* kinds of lines that are told apart; programs have about 40 */
#define MINUTE 60000

static atomic_int wanted = LOG_INFO; /* the highest level that is written */

static struct {
    bool json;
    void (*sink)(void *ctx, enum log_level level, const char *line);
    void *ctx;
    unsigned burst, a_minute;
} out = {.burst = LOG_BURST, .a_minute = LOG_A_MINUTE};

/* Held for out, the variables below, and log_out. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct repeats *kinds; /* NULL: no line so far, or no memory */
static uint64_t lost;         /* lines that stderr did not take */
static atomic_bool pending;

static const char *const names[] = {"off", "fatal", "error", "warning", "info", "debug", "trace"};

void log_setup(enum log_level level, bool json)
{
    pthread_mutex_lock(&lock);
    wanted = (int)(level > LOG_TRACE ? LOG_TRACE : level);
    out.json = json;
    log_out_setup();
    pthread_mutex_unlock(&lock);
}

void log_limit(unsigned burst, unsigned a_minute)
{
    pthread_mutex_lock(&lock);
    out.burst = burst;
    out.a_minute = a_minute;
    repeats_free(kinds);
    kinds = NULL;
    pthread_mutex_unlock(&lock);
}

bool log_wants(enum log_level level)
{
    return level != LOG_OFF && (int)level <= wanted;
}

void log_redirect(void (*f)(void *ctx, enum log_level level, const char *line), void *ctx)
{
    pthread_mutex_lock(&lock);
    out.sink = f;
    out.ctx = ctx;
    pthread_mutex_unlock(&lock);
}

/* ---- one line ---- */

/* A line in JSON and one in text are both made in the writer's buffer. */
static void begin(struct json_writer *w, enum log_level level)
{
    struct timespec now;
    struct tm tm;
    char stamp[CLOCK_STAMP], time[64];
    clock_gettime(CLOCK_REALTIME, &now);
    w->bytes.limit = LINE_MAX_BYTES;
    if (out.json) {
        gmtime_r(&now.tv_sec, &tm);
        snprintf(time, sizeof time, "%s.%03ldZ", clock_stamp(&tm, 'T', stamp),
                 now.tv_nsec / 1000000);
        json_open(w, NULL, '{');
        json_text(w, "time", span_of(time));
        json_text(w, "level", span_of(names[level]));
    } else {
        localtime_r(&now.tv_sec, &tm);
        buf_printf(&w->bytes, "[%s.%03ld] [%s] ", clock_stamp(&tm, ' ', stamp),
                   now.tv_nsec / 1000000, names[level]);
    }
}

static void end(struct json_writer *w)
{
    w->bytes.limit += 2; /* room for the end of the line, however full the buffer is */
    if (out.json)
        json_close(w, '}');
}

/* Writes a text of at most `max` bytes, with "..." at its end when it was longer; no character is
 * cut in two. */
static void cut_text(struct json_writer *w, const char *name, struct span text, size_t max)
{
    char cut[LOG_FIELD_MAX + 1];
    if (text.n > max) {
        size_t n = max - 3;
        while (n > max - 6 && ((unsigned char)text.p[n] & 0xc0) == 0x80)
            n--;
        memcpy(cut, text.p, n);
        memcpy(cut + n, "...", 3);
        text = (struct span){cut, n + 3};
    }
    json_text(w, name, text);
}

static void plain_field(struct buf *line, const struct log_field *f)
{
    char text[LOG_FIELD_MAX + 1];
    buf_printf(line, " %s=", f->key);
    if (f->text == NULL)
        buf_printf(line, "%" PRId64, f->number);
    else if (f->text[0] == '\0' || strpbrk(f->text, " \"=") != NULL)
        buf_printf(line, "\"%s\"", str_escape(span_of(f->text), text, sizeof text));
    else
        buf_printf(line, "%s", str_escape(span_of(f->text), text, sizeof text));
}

static void event(struct json_writer *w, const char *name, const struct log_field *fields, size_t n)
{
    if (out.json)
        json_text(w, "event", span_of(name));
    else
        buf_printf(&w->bytes, "%s", name);
    for (size_t i = 0; i < n; i++) {
        const struct log_field *f = &fields[i];
        if (f->key == NULL)
            continue;
        if (!out.json)
            plain_field(&w->bytes, f);
        else if (f->text == NULL)
            json_number(w, f->key, f->number);
        else
            cut_text(w, f->key, span_of(f->text), LOG_FIELD_MAX);
    }
}

static void message(struct json_writer *w, struct span text)
{
    if (out.json)
        json_text(w, "message", text);
    else
        text_put(&w->bytes, text);
}

/* ---- where it goes ---- */

static bool write_out(struct buf *line)
{
    return buf_append(line, "\n", 1) && log_out(line->data, line->size);
}

/* Writes how many lines stderr did not take. */
static void write_lost(void)
{
    struct json_writer w = {.more = false};
    const struct log_field field = {"lines", NULL, (int64_t)lost};
    begin(&w, LOG_WARNING);
    event(&w, "lost", &field, 1);
    end(&w);
    if (write_out(&w.bytes))
        lost = 0;
    buf_free(&w.bytes);
}

/* The caller holds the lock. */
static void put(struct json_writer *w, enum log_level level)
{
    end(w);
    if (w->bytes.size == 0) {
        /* There is no memory for a single line; the shortage will show elsewhere. */
    } else if (out.sink != NULL) {
        buf_append(&w->bytes, "", 1);
        out.sink(out.ctx, level, (const char *)w->bytes.data);
    } else {
        if (lost > 0)
            write_lost();
        lost += lost > 0 || !write_out(&w->bytes);
    }
    buf_free(&w->bytes);
}

/* ---- how much of a kind ---- */

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void tell_left_out(void *owner, const struct repeat *r)
{
    const struct log_field fields[] = {{"lines", NULL, (int64_t)r->times},
                                       {"seconds", NULL, (int64_t)(r->ms / 1000)},
                                       {"like", r->last, 0}};
    struct json_writer w = {.more = false};
    (void)owner;
    begin(&w, (enum log_level)r->code);
    event(&w, "left-out", fields, sizeof fields / sizeof *fields);
    put(&w, (enum log_level)r->code);
}

static struct repeats *make_kinds(void)
{
    return repeats_new(&(struct repeats_options){
        .kinds = KINDS,
        .rest = {.subject = "", .kind = "", .last = "", .code = LOG_WARNING},
        .burst = out.burst,
        .every_ms = MINUTE / out.a_minute,
        .window_ms = MINUTE,
        .sum = tell_left_out,
    });
}

static bool may_write(enum log_level level, const char *kind, const char *text)
{
    const struct repeat r = {.subject = "", .kind = kind, .last = text, .code = (int)level};
    if (level == LOG_FATAL || log_wants(LOG_DEBUG))
        return true;
    pthread_mutex_lock(&lock);
    if (kinds == NULL)
        kinds = make_kinds();
    bool yes = kinds == NULL || repeats_add(kinds, now_ms(), &r);
    pending = kinds != NULL && repeats_pending(kinds);
    pthread_mutex_unlock(&lock);
    return yes;
}

bool log_pending(void)
{
    return pending;
}

static void tell(void (*how)(struct repeats *r, uint64_t now))
{
    pthread_mutex_lock(&lock);
    if (kinds != NULL) {
        how(kinds, now_ms());
        pending = repeats_pending(kinds);
    }
    pthread_mutex_unlock(&lock);
}

void log_tick(void)
{
    tell(repeats_tick);
}

void log_end(void)
{
    tell(repeats_end);
}

/* ---- what is called ---- */

void log_line(enum log_level level, const char *format, ...)
{
    if (!log_wants(level))
        return;
    struct json_writer w = {.more = false};
    char text[LOG_TEXT_MAX + 1] = "";
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (!may_write(level, format, text))
        return;
    if (n > LOG_TEXT_MAX)
        memcpy(text + LOG_TEXT_MAX - 3, "...", 3);
    pthread_mutex_lock(&lock);
    begin(&w, level);
    message(&w, (struct span){text, n < 0 ? 0 : n > LOG_TEXT_MAX ? LOG_TEXT_MAX : (size_t)n});
    put(&w, level);
    pthread_mutex_unlock(&lock);
}

void log_event(enum log_level level, const char *name, const struct log_field *fields, size_t n)
{
    if (!log_wants(level) || !may_write(level, name, name))
        return;
    struct json_writer w = {.more = false};
    pthread_mutex_lock(&lock);
    begin(&w, level);
    event(&w, name, fields, n);
    put(&w, level);
    pthread_mutex_unlock(&lock);
}
