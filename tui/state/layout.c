#include "tui/state/layout.h"

static int least(int a, int b)
{
    return a < b ? a : b;
}

/* The small form has title, rates, services, streams if there is space, and keys. */
static struct layout small_layout(int rows, size_t services)
{
    struct layout l = {.small = true, .keys = rows - 1};
    int room = rows - 3; /* rows other than title, rates and keys */
    if (room <= 0)
        return l;
    l.services = 2;
    l.n_services = services > 64 ? least(room, 64) : least(room, (int)services);
    if (room - l.n_services < 3) /* streams need a head and two rows */
        return l;
    l.stream_head = 2 + l.n_services;
    l.streams = l.stream_head + 1;
    l.n_streams = rows - 1 - l.streams;
    return l;
}

static int log_rows(int rows, int wanted)
{
    if (rows < 16 || wanted == 0)
        return 0;
    if (rows >= LAYOUT_TALL)
        return wanted > 3 ? rows / 3 : rows / 6;
    return least(wanted, rows / 3);
}

static int service_rows(int rows, size_t services)
{
    int most = rows < 16 ? 2 : rows < LAYOUT_TALL ? 3 : rows / 3;
    return services > (size_t)most ? most : (int)services;
}

struct layout layout_of(int columns, int rows, size_t services, int log)
{
    if (columns < LAYOUT_COLUMNS || rows < LAYOUT_ROWS)
        return small_layout(rows, services);
    bool tall = rows >= LAYOUT_TALL;
    struct layout l = {.graph_rows = tall ? 2 : 1, .keys = rows - 1};
    int at = 1 + 2 * l.graph_rows;
    l.totals = at++;
    if (services > 0) {
        if (tall)
            l.service_line = at++;
        l.service_head = at++;
        l.services = at;
        l.n_services = service_rows(rows, services);
        at += l.n_services;
    }
    if (tall)
        l.stream_line = at++;
    l.stream_head = at++;
    l.streams = at;
    l.n_log = log_rows(rows, log);
    l.log = rows - 1 - l.n_log;
    at = l.log;
    if (tall)
        l.range = l.log_line = --at; /* the separating line shows the range */
    else if (rows >= 16)
        l.range = --at;
    else
        l.range = l.totals; /* there is no row to spare */
    l.n_streams = at - l.streams;
    return l;
}
