#include "core/net/mailbox.h"

#include <stdbool.h>
#include <stdlib.h>

struct mailbox {
    uv_async_t async;
    uv_mutex_t lock;
    struct list posted; /* guarded by the lock */
    struct list taken;  /* the messages that the loop's thread is handing out */
    bool closed;
    void (*receive)(void *owner, struct mail *m);
    void *owner;
};

static struct mail *first(struct list *l)
{
    struct mail *m = list_entry(l->next, struct mail, node);
    list_remove(&m->node);
    return m;
}

static void take_all(struct mailbox *b)
{
    uv_mutex_lock(&b->lock);
    while (!list_empty(&b->posted))
        list_append(&b->taken, b->posted.next);
    uv_mutex_unlock(&b->lock);
}

/* Messages posted meanwhile wait for the next turn, so that sockets get theirs. A closed box stays
 * in memory until its close callback. */
static void on_mail(uv_async_t *async)
{
    struct mailbox *b = async->data;
    take_all(b);
    while (!b->closed && !list_empty(&b->taken))
        b->receive(b->owner, first(&b->taken));
}

struct mailbox *mailbox_new(struct loop *loop, void (*receive)(void *owner, struct mail *m),
                            void *owner)
{
    struct mailbox *b = calloc(1, sizeof *b);
    if (b == NULL)
        return NULL;
    if (uv_mutex_init(&b->lock) != 0) {
        free(b);
        return NULL;
    }
    if (uv_async_init(loop_uv(loop), &b->async, on_mail) != 0) {
        uv_mutex_destroy(&b->lock);
        free(b);
        return NULL;
    }
    b->async.data = b;
    b->receive = receive;
    b->owner = owner;
    list_init(&b->posted);
    list_init(&b->taken);
    return b;
}

/* The wake-up is sent under the lock: a receiver that closes the box because of this very message
 * waits until this thread has left it. One wake-up is enough for all messages that wait. */
void mailbox_post(struct mailbox *b, struct mail *m)
{
    list_init(&m->node);
    uv_mutex_lock(&b->lock);
    bool wake = list_empty(&b->posted);
    list_append(&b->posted, &m->node);
    if (wake)
        uv_async_send(&b->async);
    uv_mutex_unlock(&b->lock);
}

static void on_closed(uv_handle_t *uv)
{
    struct mailbox *b = uv->data;
    uv_mutex_destroy(&b->lock);
    free(b);
}

void mailbox_free(struct mailbox *b, void (*discard)(void *owner, struct mail *m))
{
    if (b == NULL)
        return;
    b->closed = true;
    take_all(b);
    while (!list_empty(&b->taken))
        discard(b->owner, first(&b->taken));
    uv_close((uv_handle_t *)&b->async, on_closed);
}
