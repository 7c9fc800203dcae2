/* What a request for a snapshot asks for (share/doc/control.md); private to core/control. Pure. */
#ifndef CORE_CONTROL_QUERY_H
#define CORE_CONTROL_QUERY_H

#include "core/base/str.h"
#include "core/control/report.h"

#define QUERY_TEXT 768 /* bytes of a text in a query, with its end */

/* Memory for the texts of a query. */
struct query_texts {
    char filter[QUERY_TEXT], sort[QUERY_TEXT], group[QUERY_TEXT];
    char closed_filter[QUERY_TEXT], closed_sort[QUERY_TEXT];
    char devices_filter[QUERY_TEXT], devices_sort[QUERY_TEXT];
};

/* Reads the part of a request's target after '?'. Numbers that are none, texts that are longer than
 * QUERY_TEXT or have control characters, and names that are not known count as not given. *out
 * points to *texts. */
void query_snapshot(struct span query, struct snapshot_query *out, struct query_texts *texts);

#endif
