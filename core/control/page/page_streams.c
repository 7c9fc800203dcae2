/* Streams, or a hub's tunnels, and those that have ended. */
#include "core/control/page/page_tabs.h"
#include "core/control/row_page.h"

#include <string.h>

#define IDLE_MS 60000 /* from then on a stream is called idle */

/* ---- cells ---- */

typedef void write_cell(struct page *p, const struct page_row *r);

#define TEXT_CELL(name, which)                                                                     \
    static void name(struct page *p, const struct page_row *r)                                     \
    {                                                                                              \
        page_text(p, r->facts.texts[which]);                                                       \
    }
#define VALUE_CELL(name, write, which, times)                                                      \
    static void name(struct page *p, const struct page_row *r)                                     \
    {                                                                                              \
        write(p, (uint64_t)(r->facts.numbers[which] * (times)));                                   \
    }
TEXT_CELL(service, FILTER_SERVICE)
TEXT_CELL(device, FILTER_TUNNEL)
TEXT_CELL(target, FILTER_TARGET)
TEXT_CELL(asked, FILTER_ASKED)
TEXT_CELL(reason, FILTER_REASON)
VALUE_CELL(age, page_age, FILTER_AGE, 1000)
VALUE_CELL(down, page_bytes, FILTER_DOWN, 1)
VALUE_CELL(up, page_bytes, FILTER_UP, 1)
VALUE_CELL(rate_down, page_rate, FILTER_RATE_DOWN, 1)
VALUE_CELL(rate_up, page_rate, FILTER_RATE_UP, 1)

static void client(struct page *p, const struct page_row *r)
{
    static const enum filter_text more[] = {FILTER_PROCESS, FILTER_USER};
    page_text(p, r->facts.texts[FILTER_CLIENT]);
    for (size_t i = 0; i < sizeof more / sizeof *more; i++) {
        if (r->facts.texts[more[i]][0] == '\0')
            continue;
        page_put(p, " <small>");
        page_text(p, r->facts.texts[more[i]]);
        page_put(p, "</small>");
    }
}

/* Idle by a word and a look. */
static void state(struct page *p, const struct page_row *r)
{
    uint64_t idle = (uint64_t)(r->facts.numbers[FILTER_IDLE] * 1000);
    const char *name = r->facts.texts[FILTER_STATE];
    bool open = strcmp(name, monitor_state_name(MONITOR_STREAM_OPEN)) == 0;
    page_printf(p, "<span class=\"s-%s\">%s</span>", name, name);
    if (!open || idle < IDLE_MS)
        return;
    page_put(p, " <span class=\"idle\">idle ");
    page_age(p, idle);
    page_put(p, "</span>");
}

static void trend(struct page *p, const struct page_row *r)
{
    if (r->row != NULL)
        page_trend(p, r->row);
}

static void ended(struct page *p, const struct page_row *r)
{
    if (r->kept != NULL)
        page_clock(p, r->kept->closed_wall_ms);
}

/* ---- columns ---- */

enum { AT_GATEWAY = 1, AT_HUB = 2, BOTH = 3 };

struct stream_column {
    struct page_column column;
    write_cell *write;
    int where;
};

static const struct stream_column live_columns[] = {
    {{"client", "Client", "", false}, client, AT_GATEWAY},
    {{"client", "Source", "", false}, client, AT_HUB},
    {{"service", "Service", "", false}, service, AT_GATEWAY},
    {{"service", "Thing", "", false}, service, AT_HUB},
    {{"tunnel", "Device", "wide", false}, device, AT_GATEWAY},
    {{"asked", "Asked for", "wider", false}, asked, AT_GATEWAY},
    {{"asked", "Tunnel", "wider", false}, asked, AT_HUB},
    {{"target", "Destination", "wide", false}, target, AT_HUB},
    {{"state", "State", "wide", false}, state, BOTH},
    {{"age", "Age", "n wide", true}, age, BOTH},
    {{"bytes_down", "Down", "n wide", true}, down, BOTH},
    {{"bytes_up", "Up", "n wide", true}, up, BOTH},
    {{"rate_down", "Down/s", "n", true}, rate_down, BOTH},
    {{"rate_up", "Up/s", "n", true}, rate_up, BOTH},
    {{NULL, "Last minute", "wider", false}, trend, BOTH},
};
static const struct stream_column ended_columns[] = {
    {{"client", "Client", "", false}, client, AT_GATEWAY},
    {{"client", "Source", "", false}, client, AT_HUB},
    {{"service", "Service", "", false}, service, AT_GATEWAY},
    {{"service", "Thing", "", false}, service, AT_HUB},
    {{"tunnel", "Device", "wide", false}, device, AT_GATEWAY},
    {{"asked", "Asked for", "wider", false}, asked, AT_GATEWAY},
    {{"asked", "Tunnel", "wider", false}, asked, AT_HUB},
    {{"reason", "Reason", "", false}, reason, BOTH},
    {{"age", "Lasted", "n wide", true}, age, BOTH},
    {{"bytes_down", "Down", "n wide", true}, down, BOTH},
    {{"bytes_up", "Up", "n wide", true}, up, BOTH},
    {{"closed_at", "Ended", "n", true}, ended, BOTH},
};
#define MOST (sizeof live_columns / sizeof *live_columns)

/* ---- the table ---- */

static size_t choose(const struct page *p, const struct stream_column *all, size_t n,
                     struct page_column *columns, write_cell **cells)
{
    size_t chosen = 0;
    for (size_t i = 0; i < n; i++) {
        if ((all[i].where & (p->hub ? AT_HUB : AT_GATEWAY)) == 0)
            continue;
        columns[chosen] = all[i].column;
        cells[chosen++] = all[i].write;
    }
    return chosen;
}

static void put_rows(struct page *p, const struct row_page *rows, const struct stream_column *all,
                     size_t n, const char *label)
{
    struct page_column columns[MOST];
    write_cell *cells[MOST];
    size_t shown = choose(p, all, n, columns, cells);
    page_table(p, label, columns, shown);
    for (size_t i = 0; i < rows->n; i++) {
        for (size_t k = 0; k < shown; k++) {
            page_cell(p, &columns[k], k == 0);
            cells[k](p, rows->rows[i]);
            page_cell_end(p, k == 0);
        }
        page_put(p, "</tr>\n");
    }
    page_table_end(p);
}

static void show(struct page *p, bool kept, const struct stream_column *all, size_t n)
{
    static const struct group_query every = {.kind = GROUP_NONE};
    const struct row_query q = {
        .wanted = true, .filter = p->filter, .sort = p->sort, .from = p->from, .limit = PAGE_ROWS};
    struct row_page rows;
    row_page_take(p->m, &q, &every, kept, &rows);
    p->from = rows.from;
    if (rows.problem[0] != '\0') {
        page_put(p, "<p class=\"problem\">");
        page_text(p, rows.problem);
        page_put(p, "</p>\n");
    } else {
        page_pager(p, p->hub ? "tunnels" : "streams", rows.n, rows.matching, rows.total);
        put_rows(p, &rows, all, n, kept ? "Those that have ended" : "Those that are open");
    }
    row_page_free(&rows);
}

void page_streams(struct page *p)
{
    show(p, false, live_columns, sizeof live_columns / sizeof *live_columns);
}

void page_ended(struct page *p)
{
    show(p, true, ended_columns, sizeof ended_columns / sizeof *ended_columns);
}
