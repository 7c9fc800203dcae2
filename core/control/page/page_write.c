#include "core/control/page/page_write.h"

#include "core/base/encoding.h"
#include "core/base/text.h"
#include "core/control/page/page_tabs.h"
#include "core/format/format.h"

#include <stdarg.h>
#include <string.h>
#include <time.h>

void page_put(struct page *p, const char *html)
{
    p->failed = p->failed || !buf_append(p->out, html, strlen(html));
}

void page_printf(struct page *p, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    p->failed = p->failed || !buf_vprintf(p->out, format, args);
    va_end(args);
}

void page_text(struct page *p, const char *text)
{
    p->failed = p->failed || !text_put_html(p->out, span_of(text));
}

/* ---- values ---- */

void page_bytes(struct page *p, uint64_t n)
{
    char text[FORMAT_SIZE];
    format_bytes(n, text);
    page_put(p, text);
}

void page_rate(struct page *p, uint64_t n)
{
    char text[FORMAT_SIZE];
    format_rate((double)n, UNITS_BYTES, text);
    page_put(p, text);
}

void page_count(struct page *p, uint64_t n)
{
    char text[FORMAT_SIZE];
    format_thousands(n, text);
    page_put(p, text);
}

void page_age(struct page *p, uint64_t ms)
{
    char text[FORMAT_SIZE];
    format_age((double)ms / 1000, text);
    page_put(p, text);
}

void page_wait(struct page *p, uint64_t us)
{
    char text[FORMAT_SIZE];
    if (us == 0)
        return;
    format_wait((double)us / 1e6, text);
    page_text(p, text); /* "<1 ms" */
}

void page_clock(struct page *p, int64_t wall_ms)
{
    char text[FORMAT_SIZE];
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm local = {0};
    localtime_r(&seconds, &local);
    format_clock((double)wall_ms / 1000, local.tm_gmtoff, false, text);
    page_put(p, text);
}

/* ---- links ---- */

static void parameter(struct page *p, const char *name, const char *value, bool *first)
{
    char encoded[3 * QUERY_TEXT + 1];
    if (value[0] == '\0')
        return;
    percent_encode(span_of(value), encoded);
    page_printf(p, "%s%s=%s", *first ? "?" : "&amp;", name, encoded);
    *first = false;
}

void page_link(struct page *p, const struct page_place *to, const char *more)
{
    char from[24] = "";
    bool first = true;
    if (to->from > 0)
        snprintf(from, sizeof from, "%zu", to->from);
    page_put(p, "<a href=\"/");
    parameter(p, "show", to->show, &first);
    parameter(p, "filter", to->filter, &first);
    parameter(p, "sort", to->sort, &first);
    parameter(p, "from", from, &first);
    page_printf(p, "\"%s>", more);
}

/* ---- tables ---- */

static void put_kind(struct page *p, const struct page_column *c)
{
    if (c->kind[0] != '\0')
        page_printf(p, " class=\"%s\"", c->kind);
}

static void put_head(struct page *p, const struct page_column *c)
{
    char sort[QUERY_TEXT];
    bool reverse = p->sort[0] == '-';
    bool is_sorted = c->sort != NULL && strcmp(p->sort + reverse, c->sort) == 0;
    page_put(p, "<th scope=\"col\"");
    put_kind(p, c);
    if (is_sorted)
        page_printf(p, " aria-sort=\"%s\"", c->descending != reverse ? "descending" : "ascending");
    page_put(p, ">");
    if (c->sort == NULL) {
        page_printf(p, "%s</th>", c->title);
        return;
    }
    snprintf(sort, sizeof sort, "%s%s", is_sorted && !reverse ? "-" : "", c->sort);
    page_link(p, &(struct page_place){p->tab->name, sort, p->filter, 0}, "");
    page_printf(p, "%s</a></th>", c->title);
}

void page_table(struct page *p, const char *label, const struct page_column *columns, size_t n)
{
    page_printf(p,
                "<div class=\"scroll\" role=\"region\" aria-label=\"%s\" tabindex=\"0\">"
                "<table><thead><tr>",
                label);
    for (size_t i = 0; i < n; i++)
        put_head(p, &columns[i]);
    page_put(p, "</tr></thead><tbody>\n");
}

void page_table_end(struct page *p)
{
    page_put(p, "</tbody></table></div>\n");
}

void page_cell(struct page *p, const struct page_column *c, bool first)
{
    page_put(p, first ? "<tr><th scope=\"row\"" : "<td");
    put_kind(p, c);
    page_put(p, ">");
}

void page_cell_end(struct page *p, bool first)
{
    page_put(p, first ? "</th>" : "</td>");
}

static void put_step(struct page *p, size_t from, const char *text)
{
    page_put(p, " ");
    page_link(p, &(struct page_place){p->tab->name, p->sort, p->filter, from}, "");
    page_printf(p, "%s</a>", text);
}

void page_pager(struct page *p, const char *noun, size_t n, size_t matching, size_t total)
{
    page_put(p, "<p class=\"pager\">");
    if (n > 0) {
        page_count(p, p->from + 1);
        page_put(p, "&ndash;");
        page_count(p, p->from + n);
        page_put(p, " of ");
    }
    page_count(p, matching);
    page_printf(p, " %s", noun);
    if (matching < total) {
        page_put(p, " that fit, of ");
        page_count(p, total);
    }
    if (p->from > 0)
        put_step(p, p->from > PAGE_ROWS ? p->from - PAGE_ROWS : 0, "Previous");
    if (p->from + n < matching)
        put_step(p, p->from + PAGE_ROWS, "Next");
    page_put(p, "</p>\n");
}
