#include "core/control/groups.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const kind_names[GROUP_KINDS] = {"", "client", "user", "service", "device"};

const char *group_kind_name(enum group_kind k)
{
    return kind_names[k];
}

enum group_kind group_kind_of(struct span name)
{
    for (int k = 0; k < GROUP_KINDS; k++)
        if (span_is(name, kind_names[k]))
            return (enum group_kind)k;
    return GROUP_NONE;
}

void monitor_groups_init(struct groups *g)
{
    *g = (struct groups){.has_other = false};
    list_init(&g->rows);
    list_init(&g->other.node);
}

static void drop(struct groups *g, struct group *one)
{
    map_remove(&g->by_key, one->key, strlen(one->key));
    list_remove(&one->node);
    free(one);
}

void monitor_groups_free(struct groups *g)
{
    while (!list_empty(&g->rows))
        drop(g, list_entry(g->rows.next, struct group, node));
    map_free(&g->by_key);
}

/* ---- keys ---- */

const char *group_client_key(const char *process, const char *client, char out[GROUP_KEY])
{
    snprintf(out, GROUP_KEY, "%s", process[0] != '\0' ? process : client);
    char *colon = process[0] != '\0' ? NULL : strrchr(out, ':');
    if (colon == NULL || colon[1] == '\0' || colon[1 + strspn(colon + 1, "0123456789")] != '\0')
        return out;
    bool bracket = out[0] == '[' && colon[-1] == ']';
    if (!bracket && memchr(out, ':', (size_t)(colon - out)) != NULL)
        return out; /* an IPv6 address without a port */
    colon[bracket ? -1 : 0] = '\0';
    if (bracket)
        memmove(out, out + 1, strlen(out));
    return out;
}

static uint64_t bytes(const struct group *one)
{
    return one->down + one->up;
}

static struct group *least(const struct groups *g)
{
    struct group *found = NULL;
    list_each(node, &g->rows)
    {
        struct group *one = list_entry(node, struct group, node);
        if (one->open == 0 && (found == NULL || bytes(one) < bytes(found)))
            found = one;
    }
    return found;
}

static struct group *no_room(struct groups *g)
{
    g->has_other = true;
    return &g->other;
}

static void make_room(struct groups *g)
{
    struct group *one = least(g), *to = &g->other;
    if (one == NULL)
        return;
    no_room(g);
    to->served += one->served;
    to->refused += one->refused;
    to->failed += one->failed;
    to->down += one->down;
    to->up += one->up;
    to->second_down += one->second_down;
    to->second_up += one->second_up;
    drop(g, one);
}

struct group *monitor_groups_get(struct groups *g, const char *key)
{
    size_t n = strnlen(key, GROUP_KEY - 1);
    struct group *one = map_get(&g->by_key, key, n);
    if (one != NULL)
        return one;
    if (g->by_key.size == GROUPS_MAX)
        make_room(g);
    one = g->by_key.size < GROUPS_MAX ? calloc(1, sizeof *one) : NULL;
    if (one == NULL)
        return no_room(g);
    memcpy(one->key, key, n);
    list_init(&one->node);
    if (!map_put(&g->by_key, one->key, n, one)) {
        free(one);
        return no_room(g);
    }
    list_append(&g->rows, &one->node);
    return one;
}

void monitor_groups_tidy(struct groups *g, struct group *one)
{
    if (one != &g->other && one->open + one->served + one->refused + one->failed == 0 &&
        bytes(one) == 0)
        drop(g, one);
}

/* ---- the order ---- */

static int by_bytes(const void *a, const void *b)
{
    const struct group *x = *(const struct group *const *)a, *y = *(const struct group *const *)b;
    uint64_t p = x->down + x->up, q = y->down + y->up;
    return p != q ? (p < q) - (p > q) : strcmp(x->key, y->key);
}

size_t monitor_groups_sorted(const struct groups *g, const struct group *out[static GROUPS_MAX + 1])
{
    size_t n = 0;
    list_each(node, &g->rows) out[n++] = list_entry(node, struct group, node);
    if (g->has_other)
        out[n++] = &g->other;
    qsort(out, n, sizeof *out, by_bytes);
    return n;
}

/* ---- time ---- */

static void tick(struct group *one, uint64_t elapsed)
{
    one->rate_down = one->second_down * 1000 / elapsed;
    one->rate_up = one->second_up * 1000 / elapsed;
    one->second_down = one->second_up = 0;
    if (one->rate_down + one->rate_up > one->peak)
        one->peak = one->rate_down + one->rate_up;
}

void monitor_groups_tick(struct groups *g, uint64_t elapsed)
{
    list_each(node, &g->rows) tick(list_entry(node, struct group, node), elapsed);
    tick(&g->other, elapsed);
}
