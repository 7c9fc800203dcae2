#include "gateway/source/inbound.h"

#include "core/base/secret.h"
#include "gateway/source/inbound_internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- the protocols ---- */

static bool is_tls(uint8_t first)
{
    return first == 0x16; /* a handshake record (RFC 8446, 5.1) */
}

static bool is_any(uint8_t first)
{
    (void)first;
    return true;
}

static const struct inbound_protocol tls = {
    .name = "tls",
    .claims = is_tls,
    .refusal = "a TLS hello: the endpoint itself is not encrypted, name it with http:// or "
               "socks5h://",
};

static const struct inbound_protocol unknown = {
    .name = "unknown", .claims = is_any, .refusal = "neither SOCKS nor HTTP"};

static const struct inbound_protocol *const protocols[] = {&inbound_socks, &inbound_http, &tls,
                                                           &unknown};

/* ---- listeners ---- */

static void on_accepted(void *owner, struct listener *l, struct stream *s)
{
    struct inbound *in = owner;
    if (inbound_evict(in, in->max_clients + INBOUND_POLITE - 1, NULL)) {
        inbound_conn_new(in, l, s, NULL, INBOUND_GREETING_MS);
    } else {
        access_log_refused(in->access_log, s->name, "unknown", "", ERR_LIMIT, NULL);
        stream_close(s);
    }
}

const struct listener *inbound_listen(struct inbound *in, const char *where, enum err *why)
{
    static const struct listener_events events = {.accepted = on_accepted};
    *why = ERR_LIMIT;
    if (in->n_listeners == INBOUND_LISTENERS_MAX)
        return NULL;
    struct listener *l = listener_new(in->loop, where, &events, in, why);
    if (l != NULL)
        in->listeners[in->n_listeners++] = l;
    return l;
}

/* ---- life ---- */

struct inbound *inbound_new(struct loop *loop, const struct inbound_options *o)
{
    struct inbound *in = calloc(1, sizeof *in);
    if (in == NULL)
        return NULL;
    *in = (struct inbound){.loop = loop,
                           .protocols = protocols,
                           .forwards = o->forwards,
                           .lingering_closes = forwards_lingering(o->forwards),
                           .access_log = forwards_access_log(o->forwards),
                           .resolve = o->resolve,
                           .direct = o->direct,
                           .page = o->page,
                           .later = o->later,
                           .owner = o->owner,
                           .names = o->names,
                           .origins = o->origins,
                           .ask_user = o->ask_user,
                           .max_clients = o->max_clients};
    list_init(&in->clients);
    list_init(&in->pinned);
    if (o->direct != NULL && (in->directs = directs_new(loop, o->forwards)) == NULL) {
        inbound_free(in);
        return NULL;
    }
    if (o->user == NULL)
        return in;
    in->user = span_dup(span_of(o->user));
    in->password = span_dup(span_of(o->password));
    in->auth_throttle = auth_throttle_new();
    if (in->user != NULL && in->password != NULL && in->auth_throttle != NULL)
        return in;
    inbound_free(in);
    return NULL;
}

static void forget_password(struct inbound *in)
{
    secret_free(in->password);
    in->password = NULL;
}

bool inbound_change(struct inbound *in, const struct inbound_options *fresh)
{
    char *password = in->user != NULL ? span_dup(span_of(fresh->password)) : NULL;
    if (in->user != NULL && password == NULL)
        return false;
    forget_password(in);
    in->password = password;
    in->ask_user = fresh->ask_user;
    in->names = fresh->names;
    in->origins = fresh->origins;
    in->max_clients = fresh->max_clients;
    return true;
}

void inbound_free(struct inbound *in)
{
    if (in == NULL)
        return;
    for (size_t i = 0; i < in->n_listeners; i++)
        listener_free(in->listeners[i]);
    while (!list_empty(&in->clients))
        inbound_conn_close(list_entry(in->clients.next, struct inbound_conn, node));
    for (size_t i = 0; i < sizeof protocols / sizeof *protocols; i++)
        if (protocols[i]->stop != NULL)
            protocols[i]->stop(in);
    directs_free(in->directs);
    forget_password(in);
    free(in->user);
    auth_throttle_free(in->auth_throttle);
    free(in);
}
