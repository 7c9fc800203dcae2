/* Private to inbound.h: a connection until its request is complete. inbound.c accepts it and looks
 * at its first byte, inbound_socks.c and inbound_http.c read the request, inbound_conn.c sends it
 * on its way. */
#ifndef GATEWAY_SOURCE_INBOUND_INTERNAL_H
#define GATEWAY_SOURCE_INBOUND_INTERNAL_H

#include "core/base/list.h"
#include "gateway/source/auth_throttle.h"
#include "gateway/source/direct.h"
#include "gateway/source/inbound.h"
#include "gateway/source/socks.h"

#define INBOUND_LISTENERS_MAX 64

struct inbound {
    struct loop *loop;
    struct forwards *forwards;
    struct lingering_closes *lingering_closes;
    struct access_log *access_log;
    struct directs *directs; /* NULL: nothing goes direct */
    forward_resolve *resolve;
    bool (*direct)(void *owner, const struct forward_question *q);
    bool (*page)(void *owner, const struct inbound_page *page, struct buf *out);
    void *owner;
    const struct names *names;
    const struct origins *origins;
    enum socks_auth auth;
    char *user, *password;               /* NULL: everyone may come */
    struct auth_throttle *auth_throttle; /* with them */
    size_t max_clients, n;
    struct list clients;
    /* requests under way on pinned connections */
    struct list pinned;
    struct listener *listeners[INBOUND_LISTENERS_MAX];
    size_t n_listeners;
};

/* A client until its request is complete; the parser is made when the first byte has come. */
struct inbound_conn {
    struct list node;
    struct inbound *in;
    struct listener *listener;
    struct stream *stream;
    uint64_t accepted_ms; /* loop_now */
    struct timer *timer;
    struct socks *socks;
    struct http_reader *http;
    struct pinned_conn *pinned; /* where its last request went and the next may go; or NULL */
    void (*denied)(struct inbound_conn *c, const char *text); /* its password was wrong: what the
                                                           timer does then */
    const char *denied_text;                                  /* static */
    uint8_t out[SOCKS_OUTPUT_MAX]; /* pending while the stream is not ready */
};

/* A client that may take so long to ask. NULL: no memory; the stream is closed then. */
struct inbound_conn *inbound_conn_new(struct inbound *in, struct listener *l, struct stream *s,
                                      uint64_t patience_ms);
size_t inbound_count(const struct inbound *in);  /* clients in whatever stage */
void inbound_conn_free(struct inbound_conn *c);  /* without its stream */
void inbound_conn_close(struct inbound_conn *c); /* with it, at once */
void inbound_conn_linger(struct inbound_conn *c, struct buf *words);
/* Closes with `words` (NULL: none) and a line in the log. protocol: static text. */
void inbound_conn_refuse(struct inbound_conn *c, const char *protocol, const char *asked,
                         enum err why, const char *text, struct buf *words);
/* Forwards it through a tunnel, or dials port `port` of the host itself when that is no name of
 * ours and may go direct. Fills in what is the same for all. c is gone afterwards. */
void inbound_conn_forward(struct inbound_conn *c, struct forward_options *o, int port);
/* Makes room for c where there is none, by closing those who have asked for nothing yet or are
 * leaving anyway, who were there first. False: all others are being served. c NULL: for somebody
 * who is not in yet. */
bool inbound_evict(struct inbound *in, size_t most, const struct inbound_conn *c);

/* Whether user and password are right, NULL; else a sentence why they are not, or were not looked
 * at. */
const char *inbound_conn_authenticate(struct inbound_conn *c, const char *user,
                                      const char *password);
/* They were not: `denied` tells it, with that sentence, after a moment in which nothing else is
 * heard from it. */
void inbound_conn_deny(struct inbound_conn *c, const char *text,
                       void (*denied)(struct inbound_conn *c, const char *text));
/* Neither on this machine nor known by password: not told what there is. */
bool inbound_conn_is_untrusted(const struct inbound_conn *c);

/* What has come: bytes at p, still in the stream. True: go on with what else there is; false: c is
 * gone, or has to wait. */
bool inbound_socks(struct inbound_conn *c, const uint8_t *p, size_t n);
bool inbound_http(struct inbound_conn *c, const uint8_t *p, size_t n);
/* It ended before its request was complete; c is gone. */
void inbound_conn_left(struct inbound_conn *c);
/* The SOCKS answer that had been pending is out. */
void inbound_socks_written(struct inbound_conn *c);
void inbound_http_refuse(struct inbound_conn *c, const char *asked, enum err why, int status,
                         const char *text, bool head);

#endif
