#include "gateway/hub/cluster/nodes_view.h"

#include <string.h>

static const char *const states[] = {
    [NODE_UP] = "up", [NODE_DRAINING] = "draining", [NODE_DEAD] = "dead", [NODE_LEFT] = "left"};

const char *node_state_name(enum node_state s)
{
    return states[s];
}

/* The texts move with the node. */
static void point(struct seen_node *s)
{
    s->info.name = s->name;
    s->info.address = s->address;
    s->info.announce = s->announce;
    s->info.version = s->version;
}

void nodes_view_begin(struct nodes_view *v, uint64_t asked, uint64_t answered)
{
    v->broken = asked > v->answered + v->lease / 2;
    v->asked = asked;
    v->answered = answered;
    for (size_t i = 0; i < v->n; i++)
        v->nodes[i].listed = false;
}

const struct seen_node *nodes_view_find(const struct nodes_view *v, struct span name)
{
    for (size_t i = 0; i < v->n; i++)
        if (span_is(name, v->nodes[i].name))
            return &v->nodes[i];
    return NULL;
}

/* The node of that name; a new one is dead, so that it is told of. */
static struct seen_node *find_or_add(struct nodes_view *v, struct span name)
{
    struct seen_node *s = (struct seen_node *)nodes_view_find(v, name);
    if (s != NULL)
        return s;
    if (v->n == NODES_MAX || name.n == 0 || name.n > NODE_NAME_MAX)
        return NULL;
    s = &v->nodes[v->n];
    *s = (struct seen_node){.info.state = NODE_DEAD};
    memcpy(s->name, name.p, name.n);
    if (strlen(s->name) != name.n || !node_name_is_valid(s->name)) /* such as #id */
        return NULL;
    v->n++;
    return s;
}

static bool read_state(struct span text, enum node_state *out)
{
    for (size_t i = 0; i <= NODE_DEAD; i++) {
        if (span_is(text, states[i])) {
            *out = (enum node_state)i;
            return true;
        }
    }
    return false;
}

void nodes_view_take(struct nodes_view *v, struct span name, struct span value)
{
    uint64_t epoch = 0, beat = 0;
    enum node_state state = NODE_DEAD;
    if (!str_number(span_cut(&value, ' '), UINT64_MAX, &epoch) ||
        !str_number(span_cut(&value, ' '), UINT64_MAX, &beat) ||
        !read_state(span_cut(&value, ' '), &state))
        return;
    span_cut(&value, ' '); /* the instance */
    struct seen_node *s = find_or_add(v, name);
    if (s == NULL)
        return;
    bool told = s->info.epoch != epoch || s->info.state != state;
    if (s->info.epoch != epoch || s->beat != beat || v->broken)
        s->since = v->answered;
    node_text_read(value, s);
    s->listed = true;
    s->beat = beat;
    s->info.epoch = epoch;
    s->info.state = state;
    point(s);
    if (told && v->changed != NULL)
        v->changed(v->owner, &s->info);
}

static void forget(struct nodes_view *v, size_t i)
{
    struct seen_node gone = v->nodes[i];
    bool told = gone.info.state != NODE_DEAD;
    v->nodes[i] = v->nodes[--v->n];
    point(&v->nodes[i]);
    point(&gone);
    gone.info.state = NODE_LEFT;
    if (told && v->changed != NULL)
        v->changed(v->owner, &gone.info);
}

void nodes_view_end(struct nodes_view *v)
{
    for (size_t i = v->n; i-- > 0;)
        if (!v->nodes[i].listed)
            forget(v, i);
    for (size_t i = 0; i < v->n; i++) {
        struct seen_node *s = &v->nodes[i];
        if (s->info.state != NODE_DEAD && strcmp(s->name, v->self) != 0 &&
            v->asked >= s->since + v->lease)
            v->overdue(v->owner, s);
    }
}
