/* What the page's table can show; private to this folder. */
#ifndef CORE_CONTROL_PAGE_PAGE_TABS_H
#define CORE_CONTROL_PAGE_PAGE_TABS_H

#include "core/control/page/page_write.h"

struct page_tab {
    const char *name;      /* in the page's address: ?show=NAME */
    const char *titles[2]; /* at a gateway, and at a hub; NULL: it has no such thing */
    void (*write)(struct page *p);
    enum group_kind group; /* whose sums are shown */
    const char *sort;      /* the order, unless another one is asked for */
};
const char *page_tab_title(const struct page *p, const struct page_tab *t);
/* The tab of that name, or the first one that the program has. */
const struct page_tab *page_tab_named(const struct page *p, struct span name);
/* The tabs after `t`, for t NULL from the first one on; NULL: there are no more. */
const struct page_tab *page_tab_next(const struct page *p, const struct page_tab *t);

void page_streams(struct page *p);
void page_ended(struct page *p);
void page_groups(struct page *p);
void page_fleet(struct page *p);
void page_events(struct page *p);

/* The tables above, of gateways. */
void page_tunnels(struct page *p);
void page_services(struct page *p);
/* The rates of the last two minutes. */
void page_graph(struct page *p);
/* A row's bytes of the last minute. */
void page_trend(struct page *p, const struct monitor_row *r);

#endif
