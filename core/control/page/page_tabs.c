#include "core/control/page/page_tabs.h"

static const struct page_tab tabs[] = {
    {"fleet", {NULL, "Devices"}, page_fleet, GROUP_NONE, "state"},
    {"streams", {"Streams", "Tunnels"}, page_streams, GROUP_NONE, "rate_down"},
    {"ended", {"Ended", "Ended"}, page_ended, GROUP_NONE, "closed_at"},
    {"clients", {"Clients", "Sources"}, page_groups, GROUP_CLIENT, ""},
    {"users", {"Users", NULL}, page_groups, GROUP_USER, ""},
    {"services", {"Services", "Things"}, page_groups, GROUP_SERVICE, ""},
    {"devices", {"Devices", NULL}, page_groups, GROUP_DEVICE, ""},
    {"events", {"Log", "Log"}, page_events, GROUP_NONE, ""},
};
#define TABS (sizeof tabs / sizeof *tabs)

const char *page_tab_title(const struct page *p, const struct page_tab *t)
{
    return t->titles[p->hub];
}

const struct page_tab *page_tab_next(const struct page *p, const struct page_tab *t)
{
    size_t i = t == NULL ? 0 : (size_t)(t - tabs) + 1;
    while (i < TABS && page_tab_title(p, &tabs[i]) == NULL)
        i++;
    return i < TABS ? &tabs[i] : NULL;
}

const struct page_tab *page_tab_named(const struct page *p, struct span name)
{
    const struct page_tab *first = page_tab_next(p, NULL), *t = first;
    while (t != NULL && !span_is(name, t->name))
        t = page_tab_next(p, t);
    return t != NULL ? t : first;
}
