#include "tui/state/help.h"

#include "tui/state/keys.h"

#include <string.h>

enum { LEFT = 10, CELL = 23 };

struct help {
    int columns;
    enum column_role role;
    int row;
    void (*draw)(void *owner, const struct help_text *t);
    void *owner;
};

static void text(const struct help *h, int column, const char *what, enum role role, bool closes)
{
    if (h->draw != NULL)
        h->draw(h->owner, &(struct help_text){h->row, column, what, role, closes});
}

/* Lays out the keys of a group in cells, as many in a row as fit; a long text takes two cells. */
static void lay_out_group(struct help *h, enum key_group group)
{
    int across = (h->columns - LEFT) / CELL > 0 ? (h->columns - LEFT) / CELL : 1, at = 0;
    text(h, 1, group == KEYS_STREAMS && h->role == COLUMN_HUB ? "Tunnels" : key_group_names[group],
         ROLE_QUIET, false);
    for (size_t i = 0; i < n_key_bindings; i++) {
        const struct key_binding *b = &key_bindings[i];
        if (b->group != group || b->names == NULL || !key_is_for(b, h->role))
            continue;
        int names = (int)strlen(b->names) + 1; /* bytes are columns, since the table is ASCII */
        int cells = (names + (b->help != NULL ? (int)strlen(b->help) : -1) + 1 + CELL) / CELL;
        if (at > 0 && at + cells > across)
            h->row++, at = 0;
        int column = LEFT + at * CELL;
        text(h, column, b->names, ROLE_KEY, b->closes);
        if (b->help != NULL)
            text(h, column + names, b->help, ROLE_LABEL, b->closes);
        at += cells;
    }
    h->row++;
}

/* At a hub the rows are tunnels, which have two ends and no client. */
static void lay_out_lines(struct help *h)
{
    static const struct {
        const char *name, *text, *hub; /* hub NULL: the same there; "": no such line */
    } lines[] = {
        {"", NULL, NULL},
        {"Filter", "words are ANDed; text is looked for in client, service, device, state",
         "words are ANDed; text is looked for in source, destination, thing"},
        {"", "service=SSH1 client=192.0.2. state=half age>10m down>1M up/s>10K",
         "thing=pump-07 source=192.0.2. state=half age>10m down>1M up/s>10K"},
        {"", "!text does not contain it. Filters hold for streams and for the log.",
         "!text does not contain it. Filters hold for tunnels and for the log."},
        {"", "", "of devices: away, pending, site=7, device=pump-07; text in service"},
        {"States", "conn asking the device   open both ways   half one side is done",
         "open both ends are connected   half one end is"},
        {"", "drain delivering what is held   clos over: seen for 5 s, with why",
         "drain ends are being sent away   clos over: seen for 5 s, with why"},
        {"", "idle open, and no byte has moved for a minute", NULL},
        {"Via", "s5 SOCKS5   s4 SOCKS4   con CONNECT   http forwarded   port listening", ""},
        {"Down, up", "down is from the device to the client, up the other way", NULL},
        {"Units", "bytes, K is 1024; or bits, k is 1000. Totals are always bytes.", NULL},
        {"Scripts", "tunnel-tui --once, --json, --json --interval 1, --events, --check", NULL},
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        bool other = h->role == COLUMN_HUB && lines[i].hub != NULL;
        const char *what = other ? lines[i].hub : lines[i].text;
        if (what != NULL && what[0] == '\0')
            continue;
        text(h, 1, lines[i].name, ROLE_QUIET, false);
        if (what != NULL)
            text(h, LEFT, what, ROLE_TEXT, false);
        h->row++;
    }
}

int help_lay_out(int columns, enum column_role role,
                 void (*draw)(void *owner, const struct help_text *t), void *owner)
{
    struct help h = {columns, role, 0, draw, owner};
    for (int group = 0; group < KEYS_GROUPS; group++)
        lay_out_group(&h, (enum key_group)group);
    lay_out_lines(&h);
    return h.row + 1;
}
