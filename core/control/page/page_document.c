#include "core/control/page/page_document.h"

#include "core/control/page/page_tabs.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct page page_of(struct monitor *m, struct span query, struct buf *out)
{
    struct page p = {.m = m,
                     .out = out,
                     .hub = strcmp(m->o.role, "hub") == 0,
                     .now = monitor_now(m),
                     .wall = m->o.wall(m->o.clock)};
    char show[QUERY_TEXT];
    query_text(query, "filter", p.filter);
    query_text(query, "sort", p.sort);
    p.from = query_rows(query, "from");
    p.tab = page_tab_named(&p, span_of(query_text(query, "show", show)));
    if (p.sort[0] == '\0')
        snprintf(p.sort, sizeof p.sort, "%s", p.tab->sort);
    return p;
}

/* ---- the middle ---- */

static void put_number(struct page *p, const char *name, void (*write)(struct page *p, uint64_t n),
                       uint64_t n, const char *after)
{
    page_printf(p, "<div><dt>%s</dt><dd>", name);
    write(p, n);
    page_printf(p, "%s</dd></div>", after);
}

static void put_summary(struct page *p)
{
    const struct stream_counters *t = &p->m->total;
    page_put(p, "<dl>");
    put_number(p, "Down", page_rate, t->rate_down, "/s");
    put_number(p, "Up", page_rate, t->rate_up, "/s");
    put_number(p, "Open", page_count, t->open, "");
    put_number(p, "Served", page_count, t->served, "");
    put_number(p, "Refused", page_count, t->refused, "");
    put_number(p, "Failed", page_count, t->failed, "");
    put_number(p, "Down in all", page_bytes, t->down, "");
    put_number(p, "Up in all", page_bytes, t->up, "");
    if (p->m->open_tunnels != NULL)
        put_number(p, "Tunnels", page_count, p->m->open_tunnels(p->m->open_tunnels_ctx), "");
    put_number(p, "Runs for", page_age, p->now - p->m->started_ms, "");
    page_put(p, "</dl>\n");
}

static void put_store(struct page *p)
{
    const struct monitor_store *s = monitor_store_shown(p->m);
    if (s == NULL)
        return;
    bool redis = strcmp(s->name, "redis") == 0;
    page_printf(p, "<p class=\"%s\"><strong>%s %s</strong> since ", s->failing ? "s-down" : "s-up",
                redis ? "REDIS" : "STORE",
                redis && s->failing ? "AWAY"
                : redis             ? "BACK"
                : s->failing        ? "FAILS"
                                    : "WORKS");
    page_clock(p, s->since_wall_ms);
    page_put(p, " (");
    page_age(p, p->now - s->since_ms);
    page_put(p, "): ");
    page_text(p, s->text);
    page_put(p, ".</p>\n");
}

static void put_tabs(struct page *p)
{
    page_put(p, "<nav aria-label=\"Views\"><ul>");
    for (const struct page_tab *t = page_tab_next(p, NULL); t != NULL; t = page_tab_next(p, t)) {
        page_put(p, "<li>");
        page_link(p, &(struct page_place){t->name, "", "", 0},
                  t == p->tab ? " aria-current=\"page\"" : "");
        page_printf(p, "%s</a></li>", page_tab_title(p, t));
    }
    page_put(p, "</ul></nav>\n");
}

static void put_middle(struct page *p)
{
    monitor_absorb_all(p->m);
    put_store(p);
    put_summary(p);
    page_graph(p);
    if (!p->hub) {
        page_tunnels(p);
        page_services(p);
    }
    page_put(p, "<section id=\"rows\">\n");
    put_tabs(p);
    page_printf(p, "<h2>%s</h2>\n", page_tab_title(p, p->tab));
    p->tab->write(p);
    page_put(p, "</section>\n");
}

void page_middle(struct monitor *m, struct span query, struct buf *out)
{
    struct page p = page_of(m, query, out);
    monitor_watched(m);
    put_middle(&p);
}

/* ---- around it ---- */

static void put_head(struct page *p)
{
    char host[256] = "";
    if (gethostname(host, sizeof host - 1) != 0)
        host[0] = '\0';
    page_put(p, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                "<meta name=\"color-scheme\" content=\"light dark\">\n<title>");
    page_text(p, p->m->o.program);
    page_put(p, " on ");
    page_text(p, host);
    page_put(p,
             "</title>\n<link rel=\"icon\" href=\"data:,\">\n"
             "<link rel=\"stylesheet\" href=\"/page/page.css\">\n"
             "<script src=\"/page/page.js\" defer></script>\n"
             "<noscript><meta http-equiv=\"refresh\" content=\"5\"></noscript>\n</head>\n<body>\n"
             "<header><a class=\"skip\" href=\"#rows\">To the table</a>\n<h1>");
    page_text(p, p->m->o.program);
    page_put(p, " <small>on ");
    page_text(p, host);
    page_printf(p, ", %s</small></h1>\n", p->m->o.version);
}

void page_document(struct monitor *m, struct span query, struct buf *out)
{
    struct page p = page_of(m, query, out);
    monitor_watched(m);
    put_head(&p);
    page_put(&p,
             "<noscript><p>Without script this page reloads every five seconds.</p></noscript>\n"
             "<p id=\"status\" role=\"status\"></p>\n"
             "<div id=\"tools\" hidden><label>Filter <input id=\"filter\" type=\"search\" "
             "size=\"40\" maxlength=\"200\" autocomplete=\"off\" spellcheck=\"false\" value=\"");
    page_text(&p, p.filter);
    page_put(&p, "\"></label> <button id=\"pause\" type=\"button\" aria-pressed=\"false\">Pause"
                 "</button></div></header>\n<main id=\"live\">\n");
    put_middle(&p);
    page_put(&p, "</main>\n<footer><p>To be read only; <code>tunnel-tui</code> can close streams."
                 "</p></footer>\n</body>\n</html>\n");
}
