/* What services, groups and all rows were together at a moment that has passed, as far as it is
 * known: their counters of now without what has come since; private to core/control. Pure. */
#ifndef CORE_CONTROL_SUMS_THEN_H
#define CORE_CONTROL_SUMS_THEN_H

#include "core/base/json_write.h"
#include "core/control/row_then.h"

/* Of the rows of one key. */
struct sum_then {
    uint64_t open;                       /* rows that were there */
    uint64_t rate_down, rate_up;         /* of these, as far as they are known */
    bool unrated;                        /* those of some are not */
    uint64_t since_down, since_up;       /* bytes that have moved since */
    bool uncounted;                      /* of some it is not known when they moved */
    uint64_t served_since, failed_since; /* rows that were answered, and that failed, since */
    char key[];
};

struct sums_then {
    bool known; /* false: rows that may have been there are not kept any more, or memory is short */
    struct map by_key;            /* struct sum_then */
    struct sum_then *all, *other; /* other: of keys that no group has */
};

/* Of all rows by that kind of group; GROUP_NONE: by tunnel and service (sum_then_service). The
 * caller has the counters taken before (monitor_absorb_all). To be freed in any case. */
void sums_then_take(const struct monitor *m, uint64_t at_ms, enum group_kind kind,
                    struct sums_then *out);
void sums_then_free(struct sums_then *s);
/* NULL: none of its rows was there, and none has come since. */
const struct sum_then *sums_then_of(const struct sums_then *s, const char *key);

#define SERVICE_KEY 1024
/* The key of a tunnel's service; returns out. */
const char *sum_then_service(const char *tunnel, const char *service, char out[SERVICE_KEY]);

/* Counters of now. */
struct sum_now {
    uint64_t served, failed, down, up;
};
/* Whether it had rows up to that moment. */
bool sum_then_was(const struct sum_then *s, const struct sum_now *now);
/* Writes the member "then" of a service or group; nothing when it is not known. */
void sum_then_write(const struct sums_then *all, const struct sum_then *s,
                    const struct sum_now *now, struct json_writer *w);

#endif
