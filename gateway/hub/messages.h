/* What the office (main thread), doors and workers say to each other, through mailboxes. A message
 * is malloc'd by its sender and freed by its receiver, with what it carries.
 *
 * A client's way in: its door posts KNOCK. The office answers VERDICT: refused with a status, or a
 * registration. Then the door takes the stream off its loop and posts HANDED, and the office sends
 * it on to the tunnel's worker as JOIN. So all that concerns one tunnel comes to its worker from
 * the office, in the office's order. Every registration comes back once, in LEFT. */
#ifndef GATEWAY_HUB_MESSAGES_H
#define GATEWAY_HUB_MESSAGES_H

#include "core/http/http.h"
#include "core/net/mailbox.h"
#include "core/net/stream.h"
#include "core/tls/tls.h"
#include "gateway/hub/relay/relay_end.h"

enum message_kind {
    /* to a door */
    MESSAGE_ACCEPTED,
    MESSAGE_VERDICT,
    MESSAGE_ANSWER,
    MESSAGE_IDENTITY,
    /* to a worker */
    MESSAGE_JOIN,
    MESSAGE_CLOSE,
    /* to both */
    MESSAGE_DRAIN,
    MESSAGE_STOP,
    /* to the office */
    MESSAGE_KNOCK,
    MESSAGE_HANDED,
    MESSAGE_LEFT,
    MESSAGE_CALL,
    MESSAGE_REFUSED,
    MESSAGE_DRAINED,
};

/* The first member of each. */
struct message {
    struct mail mail;
    enum message_kind kind;
    size_t worker; /* who sent it, or gets it: the number of a worker or door */
};

static inline struct message *message_of(struct mail *m)
{
    return (struct message *)(void *)m;
}

/* Of the kind, for the worker or from it; with n more bytes behind it. NULL: no memory. */
void *message_new(enum message_kind kind, size_t worker, size_t size);
#define MESSAGE(type, kind, worker) ((type *)message_new((kind), (worker), sizeof(type)))
/* With all that it carries. */
void message_free(struct message *m);
/* For mailbox_free. */
void message_discard(void *owner, struct mail *m);

struct message_accepted {
    struct message message;
    int fd; /* -1: taken */
};
struct message_verdict {
    struct message message;
    uint64_t visitor;
    struct registration *registration; /* NULL: refused, or taken */
    int status;
    const char *text; /* static storage */
};
/* JOIN and HANDED */
struct message_client {
    struct message message;
    struct registration *registration;
    struct stream *stream; /* has left its loop; NULL: taken */
};
struct message_close {
    struct message message;
    char *tunnel;
    enum side side;
    struct close_reason close_reason; /* its text: static storage */
};
struct message_answer {
    struct message message;
    uint64_t visitor;
    int status;
    char request_id[40];
    const char *error; /* static storage, or NULL */
    char *body;
    size_t size;
};
struct message_identity {
    struct message message;
    struct identity *identity; /* a reference; NULL: taken */
};
struct message_knock {
    struct message message;
    uint64_t visitor;
    enum side side;
    int version;
    const char *protocol; /* static storage */
    char key[32], channel[36], client[80];
    char instance[INSTANCE_SIZE + 1]; /* "": not a native one */
    char *token;                      /* wiped */
    char *client_token;               /* NULL: none */
    char *device;                     /* NULL: none */
};
struct message_left {
    struct message message;
    struct end_report end_report;
};
struct message_call {
    struct message message;
    struct office *office; /* set there: whom the answer is for */
    uint64_t visitor;
    struct http_head head; /* views into `bytes` */
    struct span body;      /* too */
    char client[80];
    size_t size;
    char bytes[]; /* wiped */
};
struct message_refused {
    struct message message;
    char client[80];
    char reason[160];
    enum side side; /* SIDE_COUNT: not known */
    int status;     /* 0: it got no answer */
    enum err why;
};

/* A copy of the request that outlives the connection. NULL: no memory. */
struct message_call *message_call_new(size_t worker, const struct http_head *head,
                                      struct span body);

#endif
