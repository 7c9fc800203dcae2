#include "gateway/hub/cluster/nodes_view.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What a node tells of itself, as "name=value" with a space between; names that a node does not
 * know are those of a later version. */

enum kind { TEXT, NUMBER };

static const struct row {
    const char *name;
    enum kind kind;
    size_t at; /* of the text in struct seen_node; of the number in struct node_figures */
} rows[] = {
    {"address", TEXT, offsetof(struct seen_node, address)},
    {"announce", TEXT, offsetof(struct seen_node, announce)},
    {"version", TEXT, offsetof(struct seen_node, version)},
    {"tunnels", NUMBER, offsetof(struct node_figures, tunnels)},
    {"ends", NUMBER, offsetof(struct node_figures, ends)},
    {"devices", NUMBER, offsetof(struct node_figures, devices)},
    {"bytes", NUMBER, offsetof(struct node_figures, bytes)},
};

void node_text_write(const struct node_info *i, char *out, size_t size)
{
    snprintf(out, size,
             "address=%s announce=%s version=%s tunnels=%" PRIu64 " ends=%" PRIu64
             " devices=%" PRIu64 " bytes=%" PRIu64,
             i->address, i->announce, i->version, i->figures.tunnels, i->figures.ends,
             i->figures.devices, i->figures.bytes);
}

/* It may get into a header's line. */
static bool is_plain(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] >= 127)
            return false;
    return s.n <= NODE_TEXT_MAX;
}

static void read_value(const struct row *row, struct span value, struct seen_node *out)
{
    if (row->kind == NUMBER) {
        uint64_t *number = (uint64_t *)(void *)((char *)&out->info.figures + row->at);
        if (!str_number(value, UINT64_MAX, number))
            *number = 0;
    } else if (is_plain(value)) {
        char *text = (char *)out + row->at;
        memcpy(text, value.n > 0 ? value.p : "", value.n);
        text[value.n] = 0;
    }
}

void node_text_read(struct span text, struct seen_node *out)
{
    out->address[0] = out->announce[0] = out->version[0] = 0;
    out->info.figures = (struct node_figures){0};
    while (text.n > 0) {
        struct span value = span_cut(&text, ' ');
        struct span name = span_cut(&value, '=');
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
            if (span_is(name, rows[i].name))
                read_value(&rows[i], value, out);
    }
}

bool node_name_is_valid(const char *name)
{
    size_t n = strlen(name);
    return n > 0 && n <= NODE_NAME_MAX &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.") == n;
}

bool node_owner_split(const char *owner, struct span *name, uint64_t *epoch)
{
    const char *colon = strchr(owner, ':');
    if (colon == NULL)
        return false;
    *name = (struct span){owner, (size_t)(colon - owner)};
    return str_number(span_of(colon + 1), UINT64_MAX, epoch);
}
