/* The last events of a program, kept for readers that come later, and told at once to the reader
 * that listens. Private to core/control. */
#ifndef CORE_CONTROL_EVENT_LOG_INTERNAL_H
#define CORE_CONTROL_EVENT_LOG_INTERNAL_H

#include "core/base/err.h"

#include <stddef.h>
#include <stdint.h>

#define EVENT_LOG_SIZE 256
#define EVENT_LOG_TEXT 256 /* bytes of each text that are kept */

/* A missing text is NULL. */
struct logged_event {
    const char *event; /* "open", ...; static */
    uint64_t number;   /* set by event_log_add */
    int64_t wall_ms;
    uint64_t stream; /* 0: no stream */
    const char *via, *client, *asked, *service, *tunnel, *text;
    enum err why; /* ERR_OK: no error */
    uint64_t age_ms, down, up, count;
};

struct event_log {
    uint64_t last; /* number of the newest; number i is at i % EVENT_LOG_SIZE */
    struct event_log_slot {
        struct logged_event event;
        char *memory; /* its copied texts */
    } slots[EVENT_LOG_SIZE];
    void (*listener)(void *owner, const struct logged_event *e); /* NULL, or told of each event */
    void *owner;
};

/* Copies the texts. Without memory the event has no texts. */
void event_log_add(struct event_log *j, const struct logged_event *e);
/* The event of that number; NULL: it has been replaced, or has not come yet. */
const struct logged_event *event_log_get(const struct event_log *j, uint64_t number);
void event_log_free(struct event_log *j);

#endif
