/* A page of a monitor's rows, or of those that have ended: filtered, in an order, and no more than
 * a reader asks for; private to core/control and its page. It looks at each row once, and keeps as
 * many as it must to know the page: n rows cost n, not n log n. Pure. */
#ifndef CORE_CONTROL_ROW_PAGE_H
#define CORE_CONTROL_ROW_PAGE_H

#include "core/control/monitor_internal.h"
#include "core/control/report.h"
#include "core/control/row_then.h"

/* A row as filters and orders see it. */
struct page_row {
    struct filter_facts facts;
    double id, state, queued, first_byte, closed_at;
    const struct monitor_row *row;
    const struct kept_row *kept; /* one of the two */
    struct row_then then;        /* as it was, if a moment was asked for */
};

struct row_page {
    size_t total, matching;
    size_t from;    /* rows before the first one here */
    bool lacks;     /* some that were there at the moment are not kept any more */
    uint64_t found; /* the row of the one to be found, from 1; 0: it does not fit */
    size_t n;
    struct page_row **rows;   /* n of them */
    char problem[128];        /* not "": the filter is none, or memory is short; then n == 0 */
    struct page_row *memory;  /* private */
    struct page_row **sorted; /* private */
};

/* kept: of those that have ended. The caller has the counters taken before (monitor_absorb_all). */
void row_page_take(const struct monitor *m, const struct row_query *q,
                   const struct group_query *group, bool kept, struct row_page *out);
void row_page_free(struct row_page *p);

#endif
