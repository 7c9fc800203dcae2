/* Labels of a hub's devices, each key in a column of its own: those that most of the devices on the
 * screen have, as many as there is space for. */
#include "tui/view/view_internal.h"

#include <stdio.h>
#include <string.h>

enum { KEYS_MAX = 32, WIDTH_MAX = 18 };

struct label_columns {
    int n;
    struct label_column {
        const char *key;
        int times, width; /* devices that have it; of its longest value */
    } items[KEYS_MAX];
};

static void count(struct label_columns *c, const struct snapshot_label *l)
{
    int i = 0, width = grid_width(span_of(l->value)), head = grid_width(span_of(l->key));
    while (i < c->n && strcmp(c->items[i].key, l->key) != 0)
        i++;
    if (i == KEYS_MAX)
        return;
    if (i == c->n)
        c->items[c->n++] = (struct label_column){l->key, 0, head};
    struct label_column *column = &c->items[i];
    column->times++;
    column->width = width > column->width ? width : column->width;
    column->width = column->width > WIDTH_MAX ? WIDTH_MAX : column->width;
}

/* Whether a comes before b: more devices have it, or its name does. */
static bool is_before(const struct label_column *a, const struct label_column *b)
{
    return a->times != b->times ? a->times > b->times : strcmp(a->key, b->key) < 0;
}

static void sort(struct label_columns *c)
{
    for (int i = 1; i < c->n; i++)
        for (int k = i; k > 0 && is_before(&c->items[k], &c->items[k - 1]); k--) {
            struct label_column held = c->items[k];
            c->items[k] = c->items[k - 1];
            c->items[k - 1] = held;
        }
}

/* Those that fit into `width`; at least one, which is cut then. */
static struct label_columns choose(const struct canvas *v, int width)
{
    const struct snapshot_devices *d = &v->s->devices;
    struct label_columns c = {0};
    for (size_t i = 0; i < d->n_rows; i++)
        for (size_t k = 0; k < d->rows[i].n_labels; k++)
            count(&c, &d->rows[i].labels[k]);
    sort(&c);
    int used = 0, n = 0;
    while (n < c.n && (n == 0 || used + c.items[n].width <= width))
        used += c.items[n++].width + 1;
    c.n = n;
    if (n == 1 && c.items[0].width > width)
        c.items[0].width = width;
    return c;
}

void draw_labels_head(struct canvas *v, int row, int at, int width, enum role role)
{
    struct label_columns c = choose(v, width);
    if (c.n == 0)
        return; /* the head says "LABELS" */
    grid_fill(v->g, row, at, width, ' ', role);
    for (int i = 0; i < c.n; i++) {
        grid_text(v->g, row, at, c.items[i].width, span_of(c.items[i].key), role);
        at += c.items[i].width + 1;
    }
}

void draw_labels(struct canvas *v, int row, int at, int width, const struct snapshot_device *d)
{
    struct label_columns c = choose(v, width);
    grid_fill(v->g, row, at, width, ' ', ROLE_TEXT);
    for (int i = 0; i < c.n; i++) {
        for (size_t k = 0; k < d->n_labels; k++)
            if (strcmp(d->labels[k].key, c.items[i].key) == 0)
                grid_text(v->g, row, at, c.items[i].width, span_of(d->labels[k].value), ROLE_TEXT);
        at += c.items[i].width + 1;
    }
}
