#include "core/control/monitor_nodes.h"

#include "core/control/monitor_internal.h"

static void write_node(void *to, const struct monitor_node *n)
{
    struct json_writer *w = to;
    json_open(w, NULL, '{');
    json_text(w, "node", span_of(n->name));
    json_text(w, "state", span_of(n->state));
    json_flag(w, "self", n->self);
    json_text(w, "address", span_of(n->address));
    if (n->announce[0] != '\0')
        json_text(w, "announce", span_of(n->announce));
    json_text(w, "version", span_of(n->version));
    json_number(w, "epoch", (int64_t)n->epoch);
    json_number(w, "tunnels", (int64_t)n->tunnels);
    json_number(w, "ends", (int64_t)n->ends);
    json_number(w, "devices", (int64_t)n->devices);
    json_number(w, "bytes", (int64_t)n->bytes);
    json_close(w, '}');
}

/* Writes the member "nodes"; nothing at all without a cluster. */
static void write_nodes(const struct monitor *m, struct json_writer *w)
{
    if (m->nodes.each == NULL)
        return;
    json_open(w, "nodes", '[');
    m->nodes.each(m->nodes.ctx, write_node, w);
    json_close(w, ']');
}

void monitor_nodes(struct monitor *m, const struct monitor_node_source *source)
{
    if (m == NULL)
        return;
    m->nodes = source != NULL ? *source : (struct monitor_node_source){0};
    m->write_nodes = write_nodes;
}
