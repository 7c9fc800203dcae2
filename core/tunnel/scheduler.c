#include "core/tunnel/scheduler.h"

#define SPARSE_READ 4096 /* who last read less than this goes first */
#define SPARSE_RUN 16    /* sparse ones served in a row while bulk ones wait */

void scheduler_init(struct scheduler *s)
{
    *s = (struct scheduler){0};
    list_init(&s->control);
    list_init(&s->sparse);
    list_init(&s->bulk);
}

void turn_init(struct turn *t, const bool *open)
{
    *t = (struct turn){.open = open};
    list_init(&t->control);
    list_init(&t->ring);
}

void turn_end(struct turn *t)
{
    list_remove(&t->control);
    list_remove(&t->ring);
}

void scheduler_owe(struct scheduler *s, struct turn *t)
{
    if (!list_is_on(&t->control))
        list_append(&s->control, &t->control);
}

struct turn *scheduler_next_control(const struct scheduler *s)
{
    list_each(node, &s->control)
    {
        struct turn *t = list_entry(node, struct turn, control);
        if (*t->open)
            return t;
    }
    return NULL;
}

void turn_read(struct turn *t, size_t n)
{
    t->last_read = n > t->last_read / 2 ? n : t->last_read / 2;
}

bool turn_is_bulk(const struct turn *t)
{
    return t->last_read >= SPARSE_READ;
}

void scheduler_want(struct scheduler *s, struct turn *t)
{
    if (*t->open && !list_is_on(&t->ring))
        list_append(turn_is_bulk(t) ? &s->bulk : &s->sparse, &t->ring);
}

struct turn *scheduler_next(struct scheduler *s)
{
    bool bulk = list_empty(&s->sparse) || (s->sparse_run >= SPARSE_RUN && !list_empty(&s->bulk));
    struct list *ring = bulk ? &s->bulk : &s->sparse;
    s->sparse_run = bulk ? 0 : s->sparse_run + 1;
    return list_empty(ring) ? NULL : list_entry(ring->next, struct turn, ring);
}

static bool has_no_other(const struct list *ring, const struct turn *t)
{
    return list_empty(ring) || (ring->next == &t->ring && ring->prev == &t->ring);
}

bool scheduler_alone(const struct scheduler *s, const struct turn *t)
{
    return has_no_other(&s->sparse, t) && has_no_other(&s->bulk, t);
}

bool scheduler_crowded(const struct scheduler *s)
{
    return s->bulk.next != s->bulk.prev;
}

void scheduler_more(struct scheduler *s, struct turn *t)
{
    t->run = 0;
    list_append(&s->bulk, &t->ring);
}

void scheduler_keep(struct scheduler *s, struct turn *t)
{
    if (++t->run < TURN_MOST)
        list_prepend(&s->bulk, &t->ring);
    else
        scheduler_more(s, t);
}
