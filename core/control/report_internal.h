/* Private to report.h: report.c writes the snapshot as a whole, report_rows.c and report_streams.c
 * its rows, report_put.c single members, report_metrics.c the counters for Prometheus. */
#ifndef CORE_CONTROL_REPORT_INTERNAL_H
#define CORE_CONTROL_REPORT_INTERNAL_H

#include "core/control/monitor_internal.h"
#include "core/control/report.h"
#include "core/control/row_page.h"
#include "core/control/sums_then.h"

/* ---- members, which are left out without a value ---- */

void report_put_text(struct json_writer *w, const char *name, const char *text);
void report_put_number(struct json_writer *w, const char *name, uint64_t n);
void report_put_time(struct json_writer *w, const char *name, uint64_t ms);
void report_put_flag(struct json_writer *w, const char *name, bool flag);
void report_put_reason(struct json_writer *w, enum err why);

/* ---- rows ---- */

/* detail: with its own history; trend: with that, while it is open. */
void report_row(const struct monitor_row *r, uint64_t now, bool detail, bool trend,
                struct json_writer *w);
void report_kept_row(const struct kept_row *k, uint64_t now, struct json_writer *w);
/* As it was at the moment that was asked for. */
void report_row_then(const struct page_row *p, struct json_writer *w);
/* Writes the members "streams", "streams_page", "closed" and "groups", as far as they are
 * wanted. */
void report_streams(struct monitor *m, const struct snapshot_query *wanted, uint64_t now,
                    struct json_writer *w);

#endif
