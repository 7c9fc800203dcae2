#include "tui/state/groups.h"

#include "tui/state/columns.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GROUPS_KEPT 256 /* the rest is one of its own, as at the program */

static const struct {
    const char *name, *noun, *hub_noun; /* hub_noun NULL: a hub has no such groups */
} kinds[GROUP_KINDS] = {[GROUP_NONE] = {NULL, "", ""},
                        [GROUP_CLIENT] = {"client", "program", "source"},
                        [GROUP_USER] = {"user", "user", NULL},
                        [GROUP_SERVICE] = {"service", "service", NULL},
                        [GROUP_DEVICE] = {"device", "device", "device"}};

const char *groups_name(enum group_by by)
{
    return kinds[by].name;
}

const char *groups_noun(enum group_by by, bool hub)
{
    return hub && kinds[by].hub_noun != NULL ? kinds[by].hub_noun : kinds[by].noun;
}

enum group_by groups_next(enum group_by by, bool hub)
{
    do
        by = (enum group_by)((by + 1) % GROUP_KINDS);
    while (hub && kinds[by].hub_noun == NULL);
    return by;
}

/* ---- keys ---- */

/* "127.0.0.1" of "127.0.0.1:50312", "2001:db8::1" of "[2001:db8::1]:22". */
static struct span without_port(const char *client)
{
    struct span s = span_of(client);
    const char *colon = strrchr(client, ':');
    if (colon == NULL || s.p[0] == '/')
        return s;
    s.n = (size_t)(colon - client);
    if (s.n >= 2 && s.p[0] == '[' && s.p[s.n - 1] == ']')
        s = (struct span){s.p + 1, s.n - 2};
    return s;
}

static struct span client_of(const struct snapshot_stream *s)
{
    return s->process[0] != '\0' ? span_of(s->process) : without_port(s->client);
}

void groups_key(const struct snapshot_stream *s, enum group_by by, bool hub, char out[MODEL_KEY])
{
    struct span key = {"", 0};
    out[0] = '\0';
    if (by == GROUP_CLIENT)
        key = client_of(s);
    else if (by == GROUP_USER && s->user[0] == '\0' && s->pid > 0)
        snprintf(out, MODEL_KEY, "uid %" PRId64, s->uid);
    else if (by == GROUP_USER)
        key = span_of(s->user);
    else if (by != GROUP_NONE)
        key = span_of(by == GROUP_SERVICE || hub ? s->service : s->tunnel);
    if (key.n > 0)
        snprintf(out, MODEL_KEY, "%.*s", (int)(key.n < MODEL_KEY ? key.n : MODEL_KEY - 1), key.p);
}

/* ---- of the streams that are listed ---- */

struct made {
    size_t n;
    struct snapshot_group groups[GROUPS_KEPT + 1];
    char keys[GROUPS_KEPT][MODEL_KEY];
};

static struct snapshot_group *group_for(struct made *made, const char *key)
{
    size_t i = 0;
    while (i < made->n && (made->groups[i].other || strcmp(made->groups[i].key, key) != 0))
        i++;
    if (i < made->n)
        return &made->groups[i];
    if (made->n < GROUPS_KEPT) {
        snprintf(made->keys[i], MODEL_KEY, "%s", key);
        made->groups[i].key = made->keys[i];
        made->n++;
        return &made->groups[i];
    }
    made->groups[GROUPS_KEPT].key = "";
    made->groups[GROUPS_KEPT].other = true;
    made->n = GROUPS_KEPT + 1;
    return &made->groups[GROUPS_KEPT];
}

static void add_stream(struct snapshot_group *g, const struct snapshot_stream *s)
{
    bool open = s->state != SNAPSHOT_CLOSED;
    g->open += open;
    g->served++;
    g->bytes_down += s->bytes_down;
    g->bytes_up += s->bytes_up;
    g->rate_down += open ? s->rate_down : 0;
    g->rate_up += open ? s->rate_up : 0;
}

static int compare_groups(const void *a, const void *b)
{
    const struct snapshot_group *x = a, *y = b;
    uint64_t more = x->bytes_down + x->bytes_up, less = y->bytes_down + y->bytes_up;
    int order = (less > more) - (less < more);
    return order != 0 ? order : strcmp(x->key, y->key);
}

static struct groups make(const struct model *m, enum group_by by)
{
    bool hub = column_role_of(&m->shown) == COLUMN_HUB;
    struct made *made = calloc(1, sizeof *made);
    if (made == NULL)
        return (struct groups){0};
    for (size_t i = 0; i < m->shown.n_streams; i++) {
        char key[MODEL_KEY];
        groups_key(&m->shown.streams[i], by, hub, key);
        add_stream(group_for(made, key), &m->shown.streams[i]);
    }
    qsort(made->groups, made->n, sizeof *made->groups, compare_groups);
    return (struct groups){made->n, made->groups, made};
}

struct groups groups_of(const struct model *m, enum group_by by)
{
    const struct snapshot_groups *known = &m->shown.groups;
    if (by == GROUP_NONE)
        return (struct groups){0};
    if (known->by != NULL && strcmp(known->by, kinds[by].name) == 0)
        return (struct groups){known->n_rows, known->rows, NULL};
    /* A page lacks streams; the program's own groups come with the next look. */
    return m->shown.streams_page.known ? (struct groups){0} : make(m, by);
}

void groups_free(struct groups *g)
{
    free(g->memory);
    *g = (struct groups){0};
}
