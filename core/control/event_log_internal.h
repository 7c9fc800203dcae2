/* The last events of a program, for those who come later, and told at once to who listens now.
 * Private to core/control. */
#ifndef CORE_CONTROL_EVENT_LOG_INTERNAL_H
#define CORE_CONTROL_EVENT_LOG_INTERNAL_H

#include "core/base/err.h"

#include <stddef.h>
#include <stdint.h>

#define EVENT_LOG_SIZE 256
#define EVENT_LOG_TEXT 256 /* bytes of each text that are kept */

/* Texts that are not there are NULL. */
struct logged_event {
    const char *event; /* "open", ...; static */
    uint64_t number;   /* set by event_log_add */
    int64_t wall_ms;
    uint64_t stream; /* 0: none */
    const char *via, *client, *asked, *service, *tunnel, *text;
    enum err why; /* ERR_OK: none */
    uint64_t age_ms, down, up, count;
};

struct event_log {
    uint64_t last; /* number of the newest; number i is at i % EVENT_LOG_SIZE */
    struct event_log_slot {
        struct logged_event event;
        char *memory; /* its texts */
    } slots[EVENT_LOG_SIZE];
    void (*listener)(void *owner, const struct logged_event *e); /* or NULL */
    void *owner;
};

/* Texts are copied. Without memory the texts are missing. */
void event_log_add(struct event_log *j, const struct logged_event *e);
/* The event of that number; NULL: it is gone, or has not come. */
const struct logged_event *event_log_get(const struct event_log *j, uint64_t number);
void event_log_free(struct event_log *j);

#endif
