/* Tables of tunnels, services, groups, a hub's devices, and events. */
#include "core/control/page/page_tabs.h"

#include <stdlib.h>
#include <string.h>

/* Cells of a row, one after the other. */
struct row {
    struct page *p;
    const struct page_column *columns;
    size_t next;
};

static void begin(struct row *r)
{
    page_cell(r->p, &r->columns[r->next], r->next == 0);
}

static void end(struct row *r)
{
    page_cell_end(r->p, r->next++ == 0);
}

static void text(struct row *r, const char *value)
{
    begin(r);
    page_text(r->p, value);
    end(r);
}

static void value(struct row *r, void (*write)(struct page *p, uint64_t n), uint64_t n)
{
    begin(r);
    write(r->p, n);
    end(r);
}

static void state(struct row *r, const char *name)
{
    begin(r);
    page_printf(r->p, "<span class=\"s-%s\">%s</span>", name, name);
    end(r);
}

#define COUNT(columns) (sizeof(columns) / sizeof *(columns))

static void put_more(struct page *p, size_t left_out, const char *noun)
{
    if (left_out > 0)
        page_printf(p, "<p>%zu more %s are not shown here.</p>\n", left_out, noun);
}

/* ---- tunnels ---- */

static void put_tunnel(struct page *p, struct monitor_tunnel *t, const struct page_column *columns)
{
    struct row r = {p, columns, 0};
    struct monitor_tunnel_state s;
    monitor_tunnel_look(t, &s);
    text(&r, t->name[0] != '\0' ? t->name : "(no name)");
    text(&r, t->hub);
    state(&r, monitor_link_name(s.link));
    value(&r, page_age, s.since_ms < p->now ? p->now - s.since_ms : 0);
    value(&r, page_wait, s.round_trip_us);
    value(&r, page_wait, s.far_round_trip_us);
    text(&r, s.link == MONITOR_UP ? "" : s.text);
    page_put(p, "</tr>\n");
}

void page_tunnels(struct page *p)
{
    static const struct page_column columns[] = {
        {NULL, "Tunnel", "", false},      {NULL, "Hub", "wider", false},
        {NULL, "State", "", false},       {NULL, "For", "n wide", false},
        {NULL, "To the hub", "n", false}, {NULL, "To the device", "n wide", false},
        {NULL, "Why", "wide", false},
    };
    size_t n = 0;
    page_put(p, "<section><h2>Tunnels</h2>\n");
    page_table(p, "Tunnels and their hubs", columns, COUNT(columns));
    list_each(node, &p->m->tunnels) if (n++ < PAGE_BRIEF)
        put_tunnel(p, list_entry(node, struct monitor_tunnel, node), columns);
    page_table_end(p);
    put_more(p, n > PAGE_BRIEF ? n - PAGE_BRIEF : 0, "tunnels");
    page_put(p, "</section>\n");
}

/* ---- services ---- */

static void put_service(struct page *p, const struct monitor_tunnel *t,
                        const struct monitor_service *s, const char *name,
                        const struct page_column *columns)
{
    struct row r = {p, columns, 0};
    text(&r, s->host != NULL ? s->host : "");
    text(&r, s->id);
    text(&r, t->name);
    state(&r, name);
    value(&r, page_count, s->counters.open);
    value(&r, page_count, s->counters.served);
    value(&r, page_bytes, s->counters.down);
    value(&r, page_bytes, s->counters.up);
    page_put(p, "</tr>\n");
}

static size_t put_services(struct page *p, struct monitor_tunnel *t, size_t room,
                           const struct page_column *columns)
{
    struct monitor_tunnel_state state_now;
    size_t n = 0;
    monitor_tunnel_look(t, &state_now);
    list_each(node, &t->services)
    {
        const struct monitor_service *s = list_entry(node, struct monitor_service, node);
        if ((s->present || s->counters.open > 0) && n++ < room)
            put_service(p, t, s, monitor_service_state(s, state_now.link), columns);
    }
    return n;
}

void page_services(struct page *p)
{
    static const struct page_column columns[] = {
        {NULL, "Host name", "", false},  {NULL, "Service", "wide", false},
        {NULL, "Tunnel", "wide", false}, {NULL, "State", "", false},
        {NULL, "Open", "n", false},      {NULL, "Served", "n wide", false},
        {NULL, "Down", "n wide", false}, {NULL, "Up", "n wide", false},
    };
    size_t n = 0;
    page_put(p, "<section><h2>Services</h2>\n");
    page_table(p, "Services and their host names", columns, COUNT(columns));
    list_each(node, &p->m->tunnels)
    {
        n += put_services(p, list_entry(node, struct monitor_tunnel, node),
                          n < PAGE_BRIEF ? PAGE_BRIEF - n : 0, columns);
    }
    page_table_end(p);
    put_more(p, n > PAGE_BRIEF ? n - PAGE_BRIEF : 0, "services");
    page_put(p, "<p>Point a browser at <a href=\"/proxy.pac\">/proxy.pac</a>; all names are at "
                "<a href=\"/services\">/services</a>.</p></section>\n");
}

/* ---- groups ---- */

static void put_group(struct page *p, const struct group *g, bool other,
                      const struct page_column *columns)
{
    struct row r = {p, columns, 0};
    text(&r, other ? "(all others)" : g->key[0] != '\0' ? g->key : "(none)");
    value(&r, page_count, g->open);
    value(&r, page_count, g->served);
    value(&r, page_count, g->refused);
    value(&r, page_count, g->failed);
    value(&r, page_bytes, g->down);
    value(&r, page_bytes, g->up);
    value(&r, page_rate, g->rate_down);
    value(&r, page_rate, g->rate_up);
    value(&r, page_rate, g->peak);
    page_put(p, "</tr>\n");
}

void page_groups(struct page *p)
{
    const struct page_column columns[] = {
        {NULL, p->tab->titles[p->hub], "", false},
        {NULL, "Open", "n", false},
        {NULL, "Served", "n wide", false},
        {NULL, "Refused", "n wider", false},
        {NULL, "Failed", "n wider", false},
        {NULL, "Down", "n", false},
        {NULL, "Up", "n wide", false},
        {NULL, "Down/s", "n wide", false},
        {NULL, "Up/s", "n wide", false},
        {NULL, "Highest/s", "n wider", false},
    };
    const struct groups *all = &p->m->groups[p->tab->group];
    const struct group *sorted[GROUPS_MAX + 1];
    size_t n = monitor_groups_sorted(all, sorted), shown = 0;
    page_put(p, "<p>Since the start, most bytes first.</p>\n");
    page_table(p, "Sums since the start", columns, COUNT(columns));
    for (; shown < n && shown < PAGE_ROWS; shown++)
        put_group(p, sorted[shown], sorted[shown] == &all->other, columns);
    page_table_end(p);
    put_more(p, n - shown, "rows");
}

/* ---- a hub's devices ---- */

static void put_texts(struct row *r, const struct monitor_device *d)
{
    begin(r);
    for (size_t i = 0; i < d->n_services; i++) {
        page_put(r->p, i > 0 ? ", " : "");
        page_text(r->p, d->services[i]);
    }
    end(r);
    begin(r);
    for (size_t i = 0; i < d->n_labels; i++) {
        struct monitor_label l = d->label(d->labels, i);
        page_put(r->p, i > 0 ? ", " : "");
        page_text(r->p, l.key);
        page_put(r->p, "=");
        page_text(r->p, l.value);
    }
    end(r);
}

static bool is_in_cluster(const struct page *p)
{
    return p->m->nodes.each != NULL;
}

static void put_device(struct page *p, const struct monitor_device *d,
                       const struct page_column *columns)
{
    struct row r = {p, columns, 0};
    text(&r, d->name);
    state(&r, monitor_device_state_name(d->state));
    value(&r, page_age, d->since > 0 && d->since < p->wall ? (uint64_t)(p->wall - d->since) : 0);
    text(&r, d->address);
    text(&r, d->version);
    put_texts(&r, d);
    if (is_in_cluster(p))
        text(&r, d->node);
    page_put(p, "</tr>\n");
}

static void put_presence(struct page *p, const struct monitor_device_page *devices)
{
    page_put(p, "<p>");
    for (int s = 0; s < MONITOR_DEVICE_STATES; s++) {
        const char *name = monitor_device_state_name((enum monitor_device_presence)s);
        page_put(p, s > 0 ? ", " : "");
        page_count(p, devices->counts[s]);
        page_put(p, " ");
        page_link(p, &(struct page_place){p->tab->name, p->sort, name, 0}, "");
        page_printf(p, "%s</a>", name);
    }
    page_put(p, "</p>\n");
}

#define OLD_MS 30000

/* What is to be known of the devices at a cluster's other nodes. */
static void put_reading(struct page *p, const struct monitor_device_page *devices)
{
    if (devices->reading) {
        page_put(p, "<p>Those of the other nodes are being read.</p>\n");
    } else if (devices->lacks) {
        page_put(p,
                 "<p>There are more than are kept here: the last ones by name are missing.</p>\n");
    } else if (devices->age_ms > OLD_MS) {
        page_put(p, "<p>Those of the other nodes are as of ");
        page_age(p, devices->age_ms);
        page_put(p, " ago.</p>\n");
    }
}

void page_fleet(struct page *p)
{
    static const struct page_column columns[] = {
        {"device", "Device", "", false},        {"state", "State", "", false},
        {"state_for", "For", "n", false},       {"address", "Address", "wide", false},
        {"version", "Version", "wider", false}, {NULL, "Services", "wide", false},
        {NULL, "Labels", "wider", false},       {"node", "Node", "", false}, /* of a cluster */
    };
    const struct device_query q = {.filter = span_of(p->filter),
                                   .sort = span_of(p->sort),
                                   .from = p->from,
                                   .limit = PAGE_ROWS};
    struct monitor_device_page devices;
    if (!monitor_devices_page(p->m, &q, &devices)) {
        page_put(p, "<p>This hub keeps no devices.</p>\n");
        return;
    }
    p->from = devices.from;
    put_presence(p, &devices);
    put_reading(p, &devices);
    page_pager(p, "devices", devices.n, devices.matching, devices.total);
    page_table(p, "Devices", columns, COUNT(columns) - (is_in_cluster(p) ? 0 : 1));
    for (size_t i = 0; i < devices.n; i++)
        put_device(p, &devices.rows[i], columns);
    page_table_end(p);
    monitor_devices_page_free(&devices);
}

/* ---- events ---- */

static void put_event(struct page *p, const struct logged_event *e,
                      const struct page_column *columns)
{
    struct row r = {p, columns, 0};
    begin(&r);
    page_clock(p, e->wall_ms);
    end(&r);
    text(&r, e->event);
    text(&r, e->client != NULL ? e->client : e->tunnel);
    text(&r, e->service != NULL ? e->service : e->asked);
    text(&r, e->why != ERR_OK ? err_name(e->why) : "");
    text(&r, e->text);
    page_put(p, "</tr>\n");
}

void page_events(struct page *p)
{
    static const struct page_column columns[] = {
        {NULL, "Time", "", false}, {NULL, "Event", "", false},      {NULL, "Who", "wide", false},
        {NULL, "What", "", false}, {NULL, "Reason", "wide", false}, {NULL, "Text", "wider", false},
    };
    const struct event_log *log = &p->m->event_log;
    page_table(p, "What has happened, the newest first", columns, COUNT(columns));
    for (uint64_t n = 0; n < PAGE_ROWS && n < log->last; n++) {
        const struct logged_event *e = event_log_get(log, log->last - n);
        if (e != NULL)
            put_event(p, e, columns);
    }
    page_table_end(p);
}
