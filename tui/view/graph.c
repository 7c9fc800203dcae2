#include "tui/view/graph.h"

#include <math.h>

enum { DOTS_MAX = 2 * GRID_MAX };

/* The steps of a cell from bottom to top, and its columns of dots. */
static const struct {
    int steps, across;
} shapes[] = {[GRAPH_BRAILLE] = {4, 2}, [GRAPH_BLOCKS] = {8, 1}, [GRAPH_ASCII] = {3, 1}};

static int dots_of(const struct graph *graph, int width)
{
    int held = width < 1 ? 0 : width > GRID_MAX ? GRID_MAX : width;
    return held * shapes[graph->style].across;
}

/* The samples that one column of dots covers. */
static uint64_t per_dot(const struct graph *graph, int dots)
{
    uint64_t wanted = graph->window / (graph->interval > 0 ? graph->interval : 1);
    uint64_t per = dots > 0 ? (wanted + (uint64_t)dots - 1) / (uint64_t)dots : 1;
    return per > 0 ? per : 1;
}

unsigned graph_span(const struct graph *graph, int width)
{
    int dots = dots_of(graph, width);
    return (unsigned)((uint64_t)dots * per_dot(graph, dots)) * graph->interval;
}

/* The column of dots, counted from the right. */
static uint64_t dot_back(const struct graph *graph, uint64_t per, uint64_t back)
{
    return graph->last / per - (graph->last - back) / per;
}

int graph_cell(const struct graph *graph, int width, uint64_t back)
{
    int dots = dots_of(graph, width);
    if (dots == 0 || back > graph->last)
        return -1;
    uint64_t dot = dot_back(graph, per_dot(graph, dots), back);
    return dot < (uint64_t)dots ? (dots - 1 - (int)dot) / shapes[graph->style].across : -1;
}

uint64_t graph_scroll(struct graph *graph, int width, uint64_t back)
{
    int dots = dots_of(graph, width);
    uint64_t half = (uint64_t)dots / 2 * per_dot(graph, dots);
    if (dots == 0 || graph_cell(graph, width, back) >= 0 || back <= half || back >= graph->n)
        return back;
    uint64_t drop = back - half;
    graph->n -= (size_t)drop;
    graph->last -= drop < graph->last ? drop : graph->last;
    return half;
}

/* Finds the highest sample of each column of dots, and returns the highest of all. */
static uint64_t gather(const struct graph *graph, uint64_t dots[], int n)
{
    uint64_t per = per_dot(graph, n), peak = 0;
    for (int i = 0; i < n; i++)
        dots[i] = 0;
    for (size_t i = 0; i < graph->n; i++) {
        uint64_t back = graph->n - 1 - i; /* samples before the newest */
        if (back > graph->last)
            continue;
        uint64_t columns = dot_back(graph, per, back);
        if (columns >= (uint64_t)n)
            continue;
        uint64_t *dot = &dots[n - 1 - (int)columns];
        if (graph->samples[i] > *dot)
            *dot = graph->samples[i];
        if (*dot > peak)
            peak = *dot;
    }
    return peak;
}

static int level_of(const struct graph *graph, uint64_t v, uint64_t peak, int most)
{
    if (v == 0)
        return 0;
    double part =
        graph->logarithmic ? log1p((double)v) / log1p((double)peak) : (double)v / (double)peak;
    int level = (int)ceil(part * most - 1e-9);
    return level < 1 ? 1 : level > most ? most : level;
}

static uint32_t braille(int left, int right)
{
    static const uint8_t lefts[] = {0, 0x40, 0x44, 0x46, 0x47},
                         rights[] = {0, 0x80, 0xa0, 0xb0, 0xb8};
    int dots = lefts[left] | rights[right];
    return dots == 0 ? ' ' : 0x2800u + (uint32_t)dots;
}

/* The character of a cell, whose levels count from its bottom. */
static uint32_t glyph(enum graph_style style, int left, int right)
{
    switch (style) {
    case GRAPH_BRAILLE:
        return braille(left, right);
    case GRAPH_BLOCKS:
        return left == 0 ? ' ' : 0x2580u + (uint32_t)left;
    default:
        return (uint32_t) " .:|"[left];
    }
}

static int within(int level, int below, int steps)
{
    level -= below;
    return level < 0 ? 0 : level > steps ? steps : level;
}

double graph_draw(const struct graph *graph, struct grid *g, int row, int column, int width,
                  int height)
{
    uint64_t dots[DOTS_MAX];
    int n = dots_of(graph, width), steps = shapes[graph->style].steps;
    int across = shapes[graph->style].across;
    uint64_t peak = gather(graph, dots, n);
    for (int at = 0; at < n / across; at++) {
        int left = level_of(graph, dots[at * across], peak, height * steps);
        int right = level_of(graph, dots[at * across + across - 1], peak, height * steps);
        for (int up = 0; up < height; up++)
            grid_put(g, row + height - 1 - up, column + at,
                     glyph(graph->style, within(left, up * steps, steps),
                           within(right, up * steps, steps)),
                     graph->role);
    }
    return (double)peak / (graph->interval > 0 ? graph->interval : 1);
}
