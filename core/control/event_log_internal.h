/* The last events of a program, for those who come later, and told at once to who listens now.
 * Private to core/control. */
#ifndef CORE_CONTROL_EVENT_LOG_INTERNAL_H
#define CORE_CONTROL_EVENT_LOG_INTERNAL_H

#include "core/base/err.h"

#include <stddef.h>
#include <stdint.h>

#define JOURNAL_EVENTS 256
#define JOURNAL_TEXT 256 /* bytes of each text that are kept */

/* Texts that are not there are NULL. */
struct journal_event {
    const char *event; /* "open", ...; static */
    uint64_t number;   /* set by journal_add */
    int64_t wall_ms;
    uint64_t stream; /* 0: none */
    const char *via, *client, *asked, *service, *tunnel, *text;
    enum err why; /* ERR_OK: none */
    uint64_t age_ms, down, up, count;
};

struct journal {
    uint64_t last; /* number of the newest; number i is at i % JOURNAL_EVENTS */
    struct journal_slot {
        struct journal_event event;
        char *memory; /* its texts */
    } slots[JOURNAL_EVENTS];
    void (*listener)(void *owner, const struct journal_event *e); /* or NULL */
    void *owner;
};

/* Texts are copied. Without memory the texts are missing. */
void journal_add(struct journal *j, const struct journal_event *e);
/* The event of that number; NULL: it is gone, or has not come. */
const struct journal_event *journal_get(const struct journal *j, uint64_t number);
void journal_free(struct journal *j);

#endif
