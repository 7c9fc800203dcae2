/* What the streams of one client, user, service or device are together since the start; private to
 * core/control. A row is in one group of each kind, or in none as long as it is not known in which.
 *
 * Clients choose their keys, so at most GROUPS_MAX of each kind are kept: of those without an open
 * row the one with the fewest bytes makes room, and is counted in `other` from then on. Pure. */
#ifndef CORE_CONTROL_GROUPS_H
#define CORE_CONTROL_GROUPS_H

#include "core/base/list.h"
#include "core/base/map.h"
#include "core/base/str.h"

#define GROUPS_MAX 256
#define GROUP_KEY 256 /* bytes of a key with its end; what is longer is cut */

enum group_kind {
    GROUP_NONE, /* also: a name that is none of the kinds */
    GROUP_CLIENT,
    GROUP_USER,
    GROUP_SERVICE,
    GROUP_DEVICE,
    GROUP_KINDS
};
const char *group_kind_name(enum group_kind k);
enum group_kind group_kind_of(struct span name);

struct group {
    struct list node; /* in the rows of its kind */
    char key[GROUP_KEY];
    uint64_t open, served, refused, failed;
    uint64_t down, up;               /* bytes */
    uint64_t second_down, second_up; /* bytes of these since the last tick */
    uint64_t rate_down, rate_up;     /* bytes per second up to the last tick */
    uint64_t peak;                   /* of both rates together */
};

/* Those of one kind. */
struct groups {
    struct list rows;
    struct map by_key;
    struct group other;
    bool has_other; /* something was counted there */
};

void monitor_groups_init(struct groups *g);
void monitor_groups_free(struct groups *g);
/* The group of that key, which is made when it is missing; the other one when there is no room. */
struct group *monitor_groups_get(struct groups *g, const char *key);
/* Frees `one` when nothing was ever counted in it; to be called after a row has left it. */
void monitor_groups_tidy(struct groups *g, struct group *one);
/* Writes all of them, and the other one if there is any, most bytes first; returns how many. */
size_t monitor_groups_sorted(const struct groups *g,
                             const struct group *out[static GROUPS_MAX + 1]);
/* elapsed: milliseconds since the last tick, > 0. */
void monitor_groups_tick(struct groups *g, uint64_t elapsed);

/* The key of a row by its texts, none of which is NULL. client: an address; its port is cut off.
 * Returns out. */
const char *group_client_key(const char *process, const char *client, char out[GROUP_KEY]);

#endif
