#include "tests/unit/nodes_double.h"

#include <stdio.h>
#include <string.h>

struct nodes doubles[DOUBLES];
int doubles_asked;
bool doubles_deaf;
int64_t cluster_ms;
int64_t (*cluster_clock)(void);

static void set_epoch(struct nodes *n, uint64_t epoch)
{
    n->info.epoch = epoch;
    snprintf(n->owner, sizeof n->owner, "%s:%llu", n->name, (unsigned long long)epoch);
}

void doubles_begin(void)
{
    cluster_ms = 4000000000000; /* later than Redis' own clock: nothing goes before it is to */
    doubles_asked = 0;
    doubles_deaf = false;
    for (int i = 0; i < DOUBLES; i++) {
        struct nodes *n = &doubles[i];
        *n = (struct nodes){0};
        snprintf(n->name, sizeof n->name, "%c", 'a' + i);
        n->info = (struct node_info){.name = n->name,
                                     .address = "127.0.0.1:1",
                                     .announce = "",
                                     .version = "1",
                                     .state = NODE_UP};
        set_epoch(n, 100);
    }
}

void double_fenced(struct nodes *n)
{
    set_epoch(n, n->info.epoch + 1);
    n->info.state = NODE_UP;
}

const char *nodes_owner(const struct nodes *n)
{
    return n->owner;
}

bool nodes_is_self(const struct nodes *n, const char *owner)
{
    return strcmp(n->owner, owner) == 0;
}

const struct node_info *nodes_there(const struct nodes *n, const char *owner)
{
    for (int i = 0; i < DOUBLES; i++)
        if (&doubles[i] != n && doubles[i].info.state != NODE_DEAD && !doubles[i].unheard &&
            strcmp(doubles[i].owner, owner) == 0)
            return &doubles[i].info;
    return NULL;
}

const struct node_info *nodes_alive(const struct nodes *n, const char *owner)
{
    const struct node_info *i = nodes_there(n, owner);
    return i != NULL && i->state == NODE_UP ? i : NULL;
}

bool nodes_unheard(struct nodes *n, const char *owner)
{
    for (int i = 0; i < DOUBLES; i++)
        if (&doubles[i] != n && doubles[i].unheard && strcmp(doubles[i].owner, owner) == 0)
            return true;
    return false;
}

bool nodes_hear(struct nodes *n, struct nodes_waiter *w)
{
    (void)n;
    doubles_asked++;
    for (int i = 0; i < DOUBLES; i++)
        doubles[i].unheard = doubles[i].unheard && doubles_deaf;
    w->done(w->ctx, !doubles_deaf);
    return true;
}

const struct node_info *nodes_find(const struct nodes *n, const char *name)
{
    (void)n;
    for (int i = 0; i < DOUBLES; i++)
        if (strcmp(doubles[i].name, name) == 0)
            return &doubles[i].info;
    return NULL;
}

int64_t nodes_now(const struct nodes *n)
{
    (void)n;
    return cluster_clock != NULL ? cluster_clock() : cluster_ms;
}
