/* Pages about a single stream or service: a title, then lines from the top. */
#ifndef TUI_VIEW_PAGE_H
#define TUI_VIEW_PAGE_H

#include "tui/view/view_internal.h"

struct page {
    struct canvas *v;
    int row;   /* the next row */
    bool airy; /* there is space for empty rows */
};

/* Begins a page. rows: what it needs with its empty rows. The state is at the right. */
struct page page_begin(struct canvas *v, int rows, const char *title, const char *state,
                       enum role role);
void page_gap(struct page *p);
/* Draws "Client    127.0.0.1:49822", or nothing when there is no text. */
void page_field(struct page *p, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Draws the head of the pairs below it. */
void page_directions(struct page *p);
/* Draws three columns: name, down, up. */
void page_pair(struct page *p, const char *name, const char *down, const char *up, bool colours);

#endif
