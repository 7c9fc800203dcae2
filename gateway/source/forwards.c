#include "gateway/source/forward_internal.h"

#include <stdlib.h>

struct forwards *forwards_new(struct loop *loop, struct monitor *monitor)
{
    struct forwards *p = calloc(1, sizeof *p);
    if (p == NULL)
        return NULL;
    p->loop = loop;
    list_init(&p->all);
    p->access_log = access_log_new(loop, monitor);
    p->lingering_closes = lingering_closes_new(loop);
    if (p->access_log == NULL || p->lingering_closes == NULL) {
        forwards_free(p);
        return NULL;
    }
    return p;
}

bool forwards_make_room(struct forwards *set)
{
    list_each(node, &set->all)
    {
        const struct forward *p = list_entry(node, struct forward, node);
        if (p->state == FORWARD_ATTACHED && conn_make_room(p->conn))
            return true;
    }
    return false;
}

size_t forwards_count(const struct forwards *p)
{
    return p->n;
}

void forwards_limit_patient(struct forwards *p, size_t n)
{
    p->max_patient = n;
}

struct access_log *forwards_access_log(struct forwards *p)
{
    return p->access_log;
}

struct lingering_closes *forwards_lingering(struct forwards *p)
{
    return p->lingering_closes;
}

void forwards_hide_clients(struct forwards *set, bool hide)
{
    set->hide_clients = hide;
}

void forwards_free(struct forwards *set)
{
    if (set == NULL)
        return;
    while (!list_empty(&set->all)) {
        struct forward *p = list_entry(set->all.next, struct forward, node);
        if (p->state == FORWARD_ATTACHED)
            conn_abort(p->conn, ERR_SHUTDOWN);
        else
            forward_drop(p, ERR_SHUTDOWN);
    }
    lingering_closes_free(set->lingering_closes);
    access_log_free(set->access_log);
    free(set);
}

void forwards_wake(struct forwards *set)
{
    /* A forward that ends may end others, too (a lost link), so each step takes the first that is
     * left. */
    struct list todo;
    list_init(&todo);
    list_each(node, &set->all) if (list_entry(node, struct forward, node)->state == FORWARD_WAITING)
        list_append(&todo, node);
    while (!list_empty(&todo)) {
        struct forward *p = list_entry(todo.next, struct forward, node);
        list_append(&set->all, &p->node);
        forward_look(p);
    }
}

void forwards_give_up(struct forwards *set, const struct session *s)
{
    struct list todo;
    list_init(&todo);
    list_each(node, &set->all)
    {
        const struct forward *p = list_entry(node, struct forward, node);
        if (p->state == FORWARD_OPENING && conn_session(p->conn) == s)
            list_append(&todo, node);
    }
    while (!list_empty(&todo)) {
        struct forward *p = list_entry(todo.next, struct forward, node);
        list_append(&set->all, &p->node);
        forward_refuse_service(p, ERR_DEVICE_OFFLINE);
    }
}
