/* Rows as they were at a moment that has passed, as far as it is known; private to core/control.
 * Pure. */
#ifndef CORE_CONTROL_ROW_THEN_H
#define CORE_CONTROL_ROW_THEN_H

#include "core/control/monitor_internal.h"

/* On the monitor's clock. A row counts that was there at any time from `from_ms` to `at_ms`. */
struct moment {
    uint64_t at_ms; /* 0: the present is wanted */
    uint64_t from_ms;
};

struct row_then {
    bool there;
    enum monitor_state
        state; /* that of a side which had finished is not known: it counts as open */
    uint64_t age_ms;
    bool counted; /* bytes and rates are known */
    uint64_t down, up, rate_down, rate_up;
};

/* Of a row that is open, bytes are known as far back as its row_history.h has them. */
struct row_then row_then_live(const struct monitor_row *r, const struct moment *when);
/* Of one that has ended, only those at its end. */
struct row_then row_then_kept(const struct kept_row *k, const struct moment *when);
/* Whether some that may have been there are not kept any more. */
bool row_then_lacks(const struct monitor *m, const struct moment *when);

#endif
