/* Rates as pictures. */
#include "core/control/page/page_tabs.h"

#define SECONDS 120
#define STEP 5 /* units from one second to the next */
#define HEIGHT 100

static uint64_t highest(const uint64_t *samples, size_t n)
{
    uint64_t most = 0;
    for (size_t i = 0; i < n; i++)
        if (samples[i] > most)
            most = samples[i];
    return most;
}

static void put_line(struct page *p, const char *kind, const uint64_t *samples, size_t n,
                     uint64_t most, unsigned step, unsigned height)
{
    page_printf(p, "<polyline class=\"%s\" points=\"", kind);
    for (size_t i = 0; i < n; i++) {
        double part = most > 0 ? (double)samples[i] / (double)most : 0;
        page_printf(p, "%s%zu,%u", i > 0 ? " " : "", i * step,
                    height - (unsigned)(part * (height - 2)) - 1);
    }
    page_put(p, "\"/>");
}

/* The last SECONDS samples; those before the start are 0. */
static void last(const struct history_ring *r, const uint64_t *from, uint64_t out[SECONDS])
{
    for (uint64_t ago = 0; ago < SECONDS; ago++)
        out[SECONDS - 1 - ago] = ago < r->last ? from[(r->last - ago) % r->size] : 0;
}

static void put_words(struct page *p, const char *name, uint64_t now, uint64_t most)
{
    page_printf(p, "%s ", name);
    page_rate(p, now);
    page_put(p, "/s now, at most ");
    page_rate(p, most);
    page_put(p, "/s");
}

void page_graph(struct page *p)
{
    const struct history_ring *r = &p->m->history.seconds;
    uint64_t down[SECONDS], up[SECONDS];
    last(r, r->down, down);
    last(r, r->up, up);
    uint64_t most_down = highest(down, SECONDS), most_up = highest(up, SECONDS);
    uint64_t most = most_down > most_up ? most_down : most_up;
    page_put(p, "<figure><svg role=\"img\" viewBox=\"0 0 595 100\" preserveAspectRatio=\"none\" "
                "aria-label=\"Rates of the last two minutes\">");
    put_line(p, "down", down, SECONDS, most, STEP, HEIGHT);
    put_line(p, "up", up, SECONDS, most, STEP, HEIGHT);
    page_put(p, "</svg><figcaption>Two minutes. <span class=\"down\">");
    put_words(p, "Down", down[SECONDS - 1], most_down);
    page_put(p, "</span>. <span class=\"up\">");
    put_words(p, "Up", up[SECONDS - 1], most_up);
    page_put(p, "</span>.</figcaption></figure>\n");
}

void page_trend(struct page *p, const struct monitor_row *r)
{
    uint64_t cells[TREND_CELLS], most;
    monitor_row_trend(r, cells);
    most = highest(cells, TREND_CELLS);
    if (most == 0)
        return;
    page_put(p, "<svg class=\"trend\" viewBox=\"0 0 70 16\" aria-hidden=\"true\">");
    put_line(p, "both", cells, TREND_CELLS, most, 10, 16);
    page_put(p, "</svg>");
}
