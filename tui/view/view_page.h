/* The pages of one thing: a title, then lines from the top. */
#ifndef TUI_VIEW_PAGE_H
#define TUI_VIEW_PAGE_H

#include "tui/view/view_internal.h"

struct page {
    struct canvas *v;
    int row;   /* the next one */
    bool airy; /* there is room for empty rows */
};

/* rows: what the page needs with its empty ones. The state is at the right. */
struct page page_begin(struct canvas *v, int rows, const char *title, const char *state,
                       enum role role);
void page_gap(struct page *p);
/* "Client    127.0.0.1:49822": nothing when there is no text. */
void page_field(struct page *p, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The head of the pairs below. */
void page_directions(struct page *p);
/* Three columns: name, down, up. */
void page_pair(struct page *p, const char *name, const char *down, const char *up, bool colours);

#endif
