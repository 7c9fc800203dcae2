/* What a request for a snapshot asks for (share/doc/control.md); private to core/control and
 * its page. Pure. */
#ifndef CORE_CONTROL_QUERY_H
#define CORE_CONTROL_QUERY_H

#include "core/base/str.h"
#include "core/control/report.h"

#define QUERY_TEXT 768 /* bytes of a text in a query, with its end */

/* The value of NAME in a query of numbers; 0: it is missing, or no number. */
uint64_t query_number(struct span query, const char *name);
/* The same of rows: at most INT32_MAX, which no list has, so that what is added to it cannot
 * overflow where a size_t has 32 bits. */
size_t query_rows(struct span query, const char *name);
/* The text of NAME in a query, decoded, in out, which is returned. "": it is missing, too long, or
 * has control characters in it. */
const char *query_text(struct span query, const char *name, char out[QUERY_TEXT]);

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
