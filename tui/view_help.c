#include "tui/help.h"
#include "tui/keys.h"
#include "tui/view_page.h"

#include <stdio.h>
#include <string.h>

enum { LEFT = 10, CELL = 23 };

/* Draws what is between top and the last row; v NULL: only counts. */
struct help {
    struct canvas *v;
    int columns, row; /* of all rows of the help */
};

static int screen_row(const struct help *h)
{
    int row = h->v != NULL ? h->row - (int)h->v->ui->help_top + 1 : 0;
    return row >= 1 && row < h->v->g->rows - 1 ? row : 0;
}

static int text(const struct help *h, int column, const char *what, enum role role)
{
    int row = h->v != NULL ? screen_row(h) : 0;
    if (row == 0)
        return grid_width(span_of(what));
    return grid_text(h->v->g, row, column, -1, span_of(what), role);
}

/* Cells of one group's keys, as many in a row as there is room for; a long one takes two. */
static void draw_group(struct help *h, enum key_group group)
{
    int across = (h->columns - LEFT) / CELL > 0 ? (h->columns - LEFT) / CELL : 1, at = 0;
    text(h, 1, key_group_names[group], ROLE_QUIET);
    for (size_t i = 0; i < n_key_bindings; i++) {
        const struct key_binding *b = &key_bindings[i];
        if (b->group != group || b->names == NULL)
            continue;
        const char *what = b->help != NULL ? b->help : "";
        int width = (int)strlen(b->names) + (b->help != NULL ? 1 + (int)strlen(what) : 0);
        int cells = (width + 1 + CELL) / CELL;
        if (at > 0 && at + cells > across)
            h->row++, at = 0;
        int column = LEFT + at * CELL;
        bool off = b->closes && h->v != NULL && h->v->s->readonly;
        column += text(h, column, b->names, off ? ROLE_QUIET : ROLE_KEY) + 1;
        text(h, column, what, off ? ROLE_QUIET : ROLE_LABEL);
        at += cells;
    }
    h->row++;
}

static void draw_lines(struct help *h)
{
    static const char *const lines[][2] = {
        {"", NULL},
        {"Filter", "words are ANDed; text is looked for in client, service, device, state"},
        {"", "service=SSH1 client=192.0.2. state=half age>10m down>1M up/s>10K"},
        {"", "!text does not contain it. Filters hold for streams and for the log."},
        {"States", "conn asking the device   open both ways   half one side is done"},
        {"", "drain delivering what is held   clos over: seen for 5 s, with why"},
        {"Via", "s5 SOCKS5   s4 SOCKS4   con CONNECT   http forwarded   port listening"},
        {"Down, up", "down is from the device to the client, up the other way"},
        {"Units", "bytes, K is 1024; or bits, k is 1000. Totals are always bytes."},
        {"Scripts", "tunnel-tui --once, --json, --json --interval 1, --events, --check"},
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        text(h, 1, lines[i][0], ROLE_QUIET);
        if (lines[i][1] != NULL)
            text(h, LEFT, lines[i][1], ROLE_TEXT);
        h->row++;
    }
}

static void draw_program(struct help *h)
{
    char line[512], up[FORMAT_SIZE];
    const struct snapshot *s = h->v != NULL ? h->v->s : NULL;
    if (s != NULL && s->schema != 0) {
        format_age(s->uptime, up);
        snprintf(line, sizeof line, "%.40s %.20s up %s   %.256s%s", s->program, s->version, up,
                 h->v->m->socket, s->readonly ? "   read only" : "");
        text(h, 1, line, ROLE_QUIET);
    }
    h->row++;
}

static int lay_out(struct canvas *v, int columns)
{
    struct help h = {v, columns, 0};
    for (int group = 0; group < KEYS_GROUPS; group++)
        draw_group(&h, (enum key_group)group);
    draw_lines(&h);
    draw_program(&h);
    return h.row;
}

int help_rows(int columns)
{
    return lay_out(NULL, columns);
}

void draw_help(struct canvas *v)
{
    char version[64];
    snprintf(version, sizeof version, "tunnel-tui %.40s",
             v->c->version != NULL ? v->c->version : "");
    page_begin(v, 0, "Help", version, ROLE_TITLE);
    lay_out(v, v->g->columns);
}
