/* Messages to the owner of a loop from other threads: the way in which threads talk here. Messages
 * of one sender arrive in the order in which they were posted. Nothing is copied or allocated: a
 * message is a struct of the sender's that embeds struct mail and belongs to the receiver from
 * mailbox_post on. */
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
/* From any thread; never blocks for long, never fails. */
void mailbox_post(struct mailbox *b, struct mail *m);
/* On the loop's thread, when nobody can post any more; also inside receive. What is still in it
 * goes to `discard`, which frees it (NULL when nothing can be). b NULL is fine. */
void mailbox_free(struct mailbox *b, void (*discard)(void *owner, struct mail *m));

#endif
