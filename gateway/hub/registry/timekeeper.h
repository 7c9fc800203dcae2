/* The time by which tunnels expire. It follows the system's clock without its jumps, which would
 * end all tunnels at once or let them live for ever. While the hub runs, time is counted by a clock
 * that cannot be set and that goes on while the machine sleeps (CLOCK_BOOTTIME), because a lifetime
 * is a promise about real time. When the system's clock deviates by 5 s or more, the difference is
 * noted and kept in the file hub.clock of the state directory.
 *
 * After a restart of the hub alone the same clock tells how long the hub was away. After a reboot
 * only the system's clock can: it is trusted when it is ahead of the time seen last, and not when
 * it is behind, as on a machine without a battery. Private to the registry. */
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

/* The time in ms; two calls differ by no more than the real time between them. Jumps of the
 * system's clock are logged. */
int64_t timekeeper_now(struct timekeeper *t);
/* Converts a time to the system's clock. */
int64_t timekeeper_wall(const struct timekeeper *t, int64_t at);
/* To be called regularly. Writes hub.clock, on another thread, after a jump and every ten minutes.
 */
void timekeeper_tick(struct timekeeper *t);
/* Writes hub.clock at once, before the hub ends. */
void timekeeper_save(struct timekeeper *t);

#endif
