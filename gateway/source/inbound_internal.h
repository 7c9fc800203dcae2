/* Private to the endpoint: a client until its request is complete. inbound.c accepts it and looks
 * at its first byte, inbound_socks.c and inbound_http.c read the request, inbound_conn.c sends it
 * on its way. */
#ifndef GATEWAY_SOURCE_INBOUND_INTERNAL_H
#define GATEWAY_SOURCE_INBOUND_INTERNAL_H

#include "core/base/list.h"
#include "gateway/source/auth_throttle.h"
#include "gateway/source/direct.h"
#include "gateway/source/inbound.h"
#include "gateway/source/socks.h"

#define INGRESS_LISTENERS_MAX 64

struct ingress {
    struct loop *loop;
    struct passages *passages;
    struct partings *partings;
    struct access *access;
    struct directs *directs; /* NULL: nothing goes direct */
    passage_resolve *resolve;
    bool (*direct)(void *owner, const struct passage_question *q);
    bool (*page)(void *owner, const struct ingress_page *page, struct buf *out);
    void *owner;
    const struct names *names;
    const struct origins *origins;
    enum socks_auth auth;
    char *user, *password;   /* NULL: everyone may come */
    struct guesses *guesses; /* with them */
    size_t max_clients, n;
    struct list clients;
    /* requests under way on connections that are kept (inbound_pinned_internal.h) */
    struct list kept;
    struct listener *listeners[INGRESS_LISTENERS_MAX];
    size_t n_listeners;
};

/* A client until its request is complete; the parser is made when the first byte has come. */
struct client {
    struct list node;
    struct ingress *in;
    struct listener *listener;
    struct stream *stream;
    uint64_t accepted_ms; /* loop_now */
    struct timer *timer;
    struct socks *socks;
    struct http_reader *http;
    struct kept *kept; /* where its last request went and the next may go; or NULL */
    void (*denied)(struct client *c, const char *text); /* its password was wrong: what the timer
                                                           does then */
    const char *denied_text;                            /* static */
    uint8_t out[SOCKS_OUTPUT_MAX];                      /* pending while the stream is not ready */
};

/* A client that may take so long to ask. NULL: no memory; the stream is closed then. */
struct client *client_new(struct ingress *in, struct listener *l, struct stream *s,
                          uint64_t patience_ms);
size_t ingress_present(const struct ingress *in); /* clients in whatever stage */
void client_free(struct client *c);               /* without its stream */
void client_close(struct client *c);              /* with it, at once */
void client_part(struct client *c, struct buf *words);
/* Closes with `words` (NULL: none) and a line in the log. protocol: static text. */
void client_refuse(struct client *c, const char *protocol, const char *asked, enum err why,
                   const char *text, struct buf *words);
/* Starts its passage, or dials port `port` of the host itself when that is no name of ours and may
 * go direct. Fills in what is the same for all. c is gone afterwards. */
void client_hand_over(struct client *c, struct passage_options *o, int port);
/* Makes room for c where there is none, by closing those who have asked for nothing yet or are
 * leaving anyway, who were there first. False: all others are being served. c NULL: for somebody
 * who is not in yet. */
bool ingress_make_room(struct ingress *in, size_t most, const struct client *c);

/* Whether user and password are right, NULL; else a sentence why they are not, or were not looked
 * at. */
const char *client_check(struct client *c, const char *user, const char *password);
/* They were not: `denied` tells it, with that sentence, after a moment in which nothing else is
 * heard from it. */
void client_deny(struct client *c, const char *text,
                 void (*denied)(struct client *c, const char *text));
/* Neither on this machine nor known by password: not told what there is. */
bool client_is_stranger(const struct client *c);

/* What has come: bytes at p, still in the stream. True: go on with what else there is; false: c is
 * gone, or has to wait. */
bool client_socks(struct client *c, const uint8_t *p, size_t n);
bool client_http(struct client *c, const uint8_t *p, size_t n);
/* It ended before its request was complete; c is gone. */
void client_left(struct client *c);
/* The SOCKS answer that had been pending is out. */
void client_socks_written(struct client *c);
void client_http_refuse(struct client *c, const char *asked, enum err why, int status,
                        const char *text, bool head);

#endif
