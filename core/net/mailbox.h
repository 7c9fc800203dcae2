/* Messages from other threads to the owner of a loop, which is how threads communicate here.
 * Messages of one sender arrive in the order in which they were posted. Nothing is copied or
 * allocated: a message is a struct of the sender's that embeds struct mail and belongs to the
 * receiver from mailbox_post on. */
#ifndef CORE_NET_MAILBOX_H
#define CORE_NET_MAILBOX_H

#include "core/net/loop.h"

struct mail {
    struct list node;
};

struct mailbox;

/* receive is called on the loop's thread, once for each message. An open mailbox keeps its loop
 * running. NULL: no memory or descriptors. */
struct mailbox *mailbox_new(struct loop *loop, void (*receive)(void *owner, struct mail *m),
                            void *owner);
/* May be called on any thread; never blocks for long, never fails. */
void mailbox_post(struct mailbox *b, struct mail *m);
/* To be called on the loop's thread, also inside receive, when no thread can post any more.
 * Messages still in the box go to `discard`, which frees them (NULL when there can be none). b NULL
 * is fine. */
void mailbox_free(struct mailbox *b, void (*discard)(void *owner, struct mail *m));

#endif
