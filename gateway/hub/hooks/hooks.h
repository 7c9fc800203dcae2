/* A command that the operator gives is told what happens: all events that wait go to one run of it,
 * as one JSON object on its standard input (share/doc/hub.md, "Alerts").
 *
 * At most one run at a time, at most one in HOOKS_EVERY_MS, on a thread of its own: whatever the
 * command does, those who tell events never wait. What does not fit among the events that wait is
 * dropped and counted, and the next run is told how many these were. */
#ifndef GATEWAY_HUB_HOOKS_HOOKS_H
#define GATEWAY_HUB_HOOKS_HOOKS_H

#include "core/base/err.h"
#include "core/base/log.h"
#include "gateway/hub/hooks/hook_run.h"

#define HOOKS_SCHEMA 1          /* of the JSON object */
#define HOOKS_EVENTS_MAX 4096   /* events that may wait */
#define HOOKS_BYTES_MAX 1048576 /* and bytes of them */
#define HOOKS_EVERY_MS 1000     /* from the start of one run to that of the next, at least */

enum hook_event {
    HOOK_DEVICE_PRESENT,
    HOOK_DEVICE_AWAY,
    HOOK_TUNNEL_OPENED,
    HOOK_TUNNEL_CLOSED,
    HOOK_REFUSALS,
    HOOK_CERTIFICATE,
    HOOK_STORE_FAILING,
    HOOK_STORE_WORKS,
    HOOK_EVENTS
};
const char *hook_event_name(enum hook_event e); /* "device-present", … */
/* Reads names with commas between them, or "all", into a set of bits, 1 << event. False: *wrong is
 * the name that is none. */
bool hook_events_read(const char *names, unsigned *set, struct span *wrong);

struct hooks;

struct hooks_options {
    const char *command; /* as in struct hook_run; copied; NULL: nobody is told anything */
    unsigned events;     /* the wanted ones */
    uint64_t timeout_ms; /* of one run */
};

/* Whether that command's program is there and may be run now; a name without a slash is looked for
 * in PATH. 1 to HOOK_ARGUMENTS_MAX words. NULL is fine. False: why, as a sentence. */
bool hooks_check(const char *command, char *text, size_t size);

struct hooks *hooks_new(void); /* tells nobody at first; NULL: no memory */
/* After hooks_stop. What waits is dropped; a run has HOOK_LAST_MS to end. NULL is fine. */
void hooks_free(struct hooks *h);
/* From the next run on. The thread begins with the first command. On error all is as it was. */
enum err hooks_set(struct hooks *h, const struct hooks_options *o);
/* From now on nothing is told any more: the program ends. */
void hooks_stop(struct hooks *h);

/* Tells an event, if it is wanted. The fields as in audit_event (gateway/hub/api/audit.h). Each
 * caller is on the same thread. */
void hooks_tell(struct hooks *h, enum hook_event e, const struct log_field *fields, size_t n);

struct hooks_counts {
    uint64_t told;    /* events that went, or will go, to a run */
    uint64_t dropped; /* events for which there was no room */
    uint64_t runs[HOOK_RESULTS];
    size_t waiting; /* events */
};
struct hooks_counts hooks_counts(struct hooks *h);

#endif
