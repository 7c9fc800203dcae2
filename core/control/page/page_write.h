/* Writing HTML; private to this folder. What the program did not make up itself goes through
 * page_text, the gate. A failure (memory, the limit) is permanent. */
#ifndef CORE_CONTROL_PAGE_PAGE_WRITE_H
#define CORE_CONTROL_PAGE_PAGE_WRITE_H

#include "core/base/buf.h"
#include "core/control/monitor_internal.h"
#include "core/control/query.h"

#define PAGE_ROWS 50  /* of the table that is looked at */
#define PAGE_BRIEF 12 /* of the tables above it */

struct page_tab;

struct page {
    struct monitor *m;
    struct buf *out;
    bool failed;
    bool hub; /* whose rows are tunnels */
    uint64_t now;
    int64_t wall;
    const struct page_tab *tab; /* what is shown */
    char filter[QUERY_TEXT], sort[QUERY_TEXT];
    size_t from; /* rows before the first one */
};

void page_put(struct page *p, const char *html);
/* Takes no text from outside. */
void page_printf(struct page *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
void page_text(struct page *p, const char *text); /* NULL is "" */

/* ---- values ---- */

void page_bytes(struct page *p, uint64_t n);
void page_rate(struct page *p, uint64_t n);
void page_count(struct page *p, uint64_t n);      /* "12,345" */
void page_age(struct page *p, uint64_t ms);       /* "4m05" */
void page_wait(struct page *p, uint64_t us);      /* "25 ms"; nothing for 0 */
void page_clock(struct page *p, int64_t wall_ms); /* of this machine's time zone */

/* ---- links ---- */

struct page_place {
    const char *show, *sort, *filter;
    size_t from;
};
/* Opens a link to another view of the page; its text follows, and then page_put(p, "</a>").
 * more: further attributes, ours. */
void page_link(struct page *p, const struct page_place *to, const char *more);

/* ---- tables ---- */

struct page_column {
    const char *sort; /* name of its order; NULL: there is none */
    const char *title;
    const char *kind; /* class: "n" for numbers, "wide" and "wider" for what narrow screens lack */
    bool descending;  /* its order begins with the greatest */
};
/* Opens a table in a frame of its own that can be scrolled, and its body. The first column is the
 * rows' head. label: its name for those who do not see it. */
void page_table(struct page *p, const char *label, const struct page_column *columns, size_t n);
void page_table_end(struct page *p);
/* Opens a cell of that column. */
void page_cell(struct page *p, const struct page_column *c, bool first);
void page_cell_end(struct page *p, bool first);
/* How many rows there are, and the way to those before and after. */
void page_pager(struct page *p, const char *noun, size_t n, size_t matching, size_t total);

#endif
