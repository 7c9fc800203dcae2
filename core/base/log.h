/* The program's log: lines for people on stderr, or one JSON object per line. There is one log per
 * process, set up once in main; messages never carry tokens or keys. Any thread may write to it.
 *
 * A peer or a reader of the log can neither stop the program by it nor fill a disk. A line that
 * stderr does not take at once is lost, and the next line that it takes says how many were. Lines
 * of one kind (an event's name, a message's format) are written as far as log_limit allows; the
 * others are counted, and "left-out" tells their number once a minute. Fatal lines, and everything
 * from LOG_DEBUG on, have no limit.
 *
 * Levels are those of the reference local proxy's -v: 0 off, 1 fatal, 2 error, 3 warning, 4 info, 5
 * debug, 6 trace. */
#ifndef CORE_BASE_LOG_H
#define CORE_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_OFF, LOG_FATAL, LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG, LOG_TRACE };

void log_setup(enum log_level level, bool json);
bool log_wants(enum log_level level);
/* Sets how many lines of a kind are written at once, and how many a minute after that (1 to 60000).
 * Without a call they are LOG_BURST and LOG_A_MINUTE, which suit a small device: under the worst
 * peer about 2 MB of each kind a day. */
#define LOG_BURST 100
#define LOG_A_MINUTE 10
void log_limit(unsigned burst, unsigned a_minute);
/* log_tick tells the counts of lines left out that are due; log_end tells all of them. The owner of
 * a loop calls both. */
bool log_pending(void);
void log_tick(void);
void log_end(void);

/* Writes one message of up to LOG_TEXT_MAX bytes (longer ones are cut, with "..."), without a
 * newline at its end. It is shown as core/base/text.h says, so that text from outside can neither
 * forge a line nor move the cursor. */
#define LOG_TEXT_MAX 8192
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Writes a structured record: `event key=value ...` for people, fields in JSON. */
#define LOG_FIELD_MAX 512 /* characters as printed; in JSON bytes before they are escaped */
struct log_field {
    const char *key;  /* NULL: the field is left out */
    const char *text; /* when not NULL: a string, which is escaped here and cut at LOG_FIELD_MAX */
    int64_t number;   /* the value when text is NULL */
};
void log_event(enum log_level level, const char *name, const struct log_field *fields, size_t n);

/* Redirects lines for tests and the console: f gets each finished line without its newline. */
void log_redirect(void (*f)(void *ctx, enum log_level level, const char *line), void *ctx);

#define log_fatal(...) log_line(LOG_FATAL, __VA_ARGS__)
#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_WARNING, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...)                                                                             \
    do {                                                                                           \
        if (log_wants(LOG_DEBUG))                                                                  \
            log_line(LOG_DEBUG, __VA_ARGS__);                                                      \
    } while (0)

#endif
