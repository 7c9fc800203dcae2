/* The columns of the nodes of a hub's cluster. Their order is one (nodes.h). */
#include "tui/state/columns_write.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define COUNT(name)                                                                                \
    static void write_##name(const void *row, enum units units, int width,                         \
                             struct column_text *out)                                              \
    {                                                                                              \
        const struct snapshot_node *n = row;                                                       \
        (void)units, (void)width;                                                                  \
        format_count(n->name, out->buffer);                                                        \
        column_put_number(out, ROLE_TEXT);                                                         \
    }
#define ADDRESS(name)                                                                              \
    static void write_##name(const void *row, enum units units, int width,                         \
                             struct column_text *out)                                              \
    {                                                                                              \
        const struct snapshot_node *n = row;                                                       \
        (void)units;                                                                               \
        out->text = format_address(n->name, width, out->buffer, sizeof out->buffer);               \
    }

COUNT(tunnels)
COUNT(ends)
COUNT(devices)
ADDRESS(address)
ADDRESS(announce)

static void write_node(const void *row, enum units units, int width, struct column_text *out)
{
    const struct snapshot_node *n = row;
    (void)units, (void)width;
    column_put_text(out, n->node, ROLE_TEXT);
}

static void write_self(const void *row, enum units units, int width, struct column_text *out)
{
    const struct snapshot_node *n = row;
    (void)units, (void)width;
    column_put_text(out, n->self ? "*" : "", ROLE_KEY);
}

static void write_state(const void *row, enum units units, int width, struct column_text *out)
{
    const struct snapshot_node *n = row;
    (void)units, (void)width;
    column_put_text(out, n->state,
                    strcmp(n->state, "up") == 0         ? ROLE_OK
                    : strcmp(n->state, "draining") == 0 ? ROLE_BUSY
                                                        : ROLE_BAD);
}

static void write_rate(const void *row, enum units units, int width, struct column_text *out)
{
    const struct snapshot_node *n = row;
    (void)width;
    if (isnan(n->rate))
        snprintf(out->buffer, sizeof out->buffer, "?");
    else
        format_rate(n->rate, units, out->buffer);
    column_put_number(out, ROLE_DOWN);
}

static void write_bytes(const void *row, enum units units, int width, struct column_text *out)
{
    const struct snapshot_node *n = row;
    (void)units, (void)width;
    format_bytes(n->bytes, out->buffer);
    column_put_number(out, ROLE_TEXT);
}

static void write_version(const void *row, enum units units, int width, struct column_text *out)
{
    const struct snapshot_node *n = row;
    (void)units, (void)width;
    column_put_text(out, n->version, ROLE_TEXT);
}

#define AT_HUB(title)                                                                              \
    {                                                                                              \
        NULL, NULL, title                                                                          \
    }

/* clang-format off */
static const struct column items[] = {
    {"node", AT_HUB("NODE"), 8, 64, 3, 100, 0, false, COLUMN_ALWAYS, write_node, NULL},
    {"self", AT_HUB(""), 1, 1, 0, 97, 0, false, COLUMN_ALWAYS, write_self, NULL},
    {"state", AT_HUB("STATE"), 8, 8, 0, 99, 0, false, COLUMN_ALWAYS, write_state, NULL},
    {"tunnels", AT_HUB("TUNNELS"), 7, 8, 0, 80, 0, true, COLUMN_ALWAYS, write_tunnels, NULL},
    {"ends", AT_HUB("ENDS"), 6, 8, 0, 60, 0, true, COLUMN_ALWAYS, write_ends, NULL},
    {"devices", AT_HUB("DEVICES"), 7, 8, 0, 85, 0, true, COLUMN_ALWAYS, write_devices, NULL},
    {"rate", AT_HUB("BYTES/s"), 7, 7, 0, 90, 0, true, COLUMN_ALWAYS, write_rate, NULL},
    {"bytes", AT_HUB("BYTES"), 5, 6, 0, 50, 0, true, COLUMN_ALWAYS, write_bytes, NULL},
    {"version", AT_HUB("VERSION"), 7, 16, 1, 70, 0, false, COLUMN_ALWAYS, write_version, NULL},
    {"announce", AT_HUB("CLIENTS AT"), 14, 48, 1, 40, 90, false, COLUMN_ALWAYS, write_announce, NULL},
    {"address", AT_HUB("NODES AT"), 14, 48, 1, 30, 110, false, COLUMN_ALWAYS, write_address, NULL},
};
/* clang-format on */
const struct columns node_columns = {sizeof items / sizeof *items, items};
