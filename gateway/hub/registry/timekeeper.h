/* The time by which tunnels expire: that of the system's clock, but without its jumps, which would
 * end all tunnels at once or let them live for ever. While the hub runs, what passes is counted by
 * a clock that nobody sets and that goes on while the machine sleeps (CLOCK_BOOTTIME): a lifetime
 * is a promise about real time. Where the system's clock goes another way by 5 s or more, the
 * difference is put aside, and kept in the file hub.clock of the state directory.
 *
 * After a restart of the hub alone the same clock tells how long it was away. After one of the
 * machine only the system's clock can: it is believed when it is ahead of what was seen last, and
 * not when it is behind, as on a machine without a battery. Private to the registry. */
#ifndef GATEWAY_HUB_REGISTRY_TIMEKEEPER_H
#define GATEWAY_HUB_REGISTRY_TIMEKEEPER_H

#include "core/net/loop.h"

struct timekeeper;

struct timekeeper_options {
    struct loop *loop;
    const char *folder;
    int64_t (*wall)(void);   /* ms since 1970; NULL: the system's clock */
    int64_t (*steady)(void); /* ms since some moment of this boot; NULL: CLOCK_BOOTTIME */
    const char *boot;        /* tells boots of the machine apart; NULL: the kernel's boot_id */
};
struct timekeeper *timekeeper_new(const struct timekeeper_options *o); /* NULL: no memory */
void timekeeper_free(struct timekeeper *t);                            /* NULL is fine */

/* ms; no two calls are further apart than what passed between them. A jump is told in the log. */
int64_t timekeeper_now(struct timekeeper *t);
/* The same moment on the system's clock. */
int64_t timekeeper_wall(const struct timekeeper *t, int64_t at);
/* Now and then: writes hub.clock, on another thread, after a jump and every ten minutes. */
void timekeeper_tick(struct timekeeper *t);
/* At the end: writes it here and now. */
void timekeeper_save(struct timekeeper *t);

#endif
