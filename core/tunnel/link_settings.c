#include "core/tunnel/link_settings.h"

#include "core/base/secret.h"
#include "core/base/str.h"

#include <stdlib.h>
#include <string.h>

#define SUBPROTOCOL "aws.iot.securetunneling-3.0"
#define PING_MS 20000
#define RETRY_MAX_MS 10000

static char *copy_of(const char *text, bool *ok)
{
    char *copy = text != NULL ? strdup(text) : NULL;
    if (text != NULL && copy == NULL)
        *ok = false;
    return copy;
}

enum err link_settings_init(struct link_settings *s, const struct link_options *o)
{
    bool ok = true;
    *s = (struct link_settings){
        .host = copy_of(o->host, &ok),
        .port = o->port,
        .role = o->role,
        .access_token = copy_of(o->access_token, &ok),
        .client_token = copy_of(o->client_token, &ok),
        .subprotocol = copy_of(o->subprotocol != NULL ? o->subprotocol : SUBPROTOCOL, &ok),
        .instance = copy_of(o->instance, &ok),
        .bind = copy_of(o->bind, &ok),
        .agent = copy_of(o->agent != NULL ? o->agent : "tunnel/" TUNNEL_VERSION, &ok),
        .trust = o->trust,
        .identity = o->identity != NULL ? identity_ref(o->identity) : NULL,
        .ping_ms = o->ping_ms != 0 ? o->ping_ms : PING_MS,
        .retry_first_ms = o->retry_first_ms,
        .retry_max_ms = o->retry_max_ms != 0 ? o->retry_max_ms : RETRY_MAX_MS,
    };
    enum err why = ok ? ERR_OK : ERR_NO_MEMORY;
    if (why == ERR_OK && o->proxy != NULL) {
        why = upstream_parse(o->proxy, &s->proxy);
        s->proxied = why == ERR_OK;
    }
    if (why != ERR_OK)
        link_settings_free(s);
    return why;
}

void link_settings_free(struct link_settings *s)
{
    if (s->proxied)
        upstream_free(&s->proxy);
    secret_free(s->access_token);
    secret_free(s->client_token);
    free(s->host);
    free(s->subprotocol);
    free(s->instance);
    free(s->bind);
    free(s->agent);
    identity_free(s->identity);
}

static bool same_proxy(const struct link_settings *a, const struct link_settings *b)
{
    return a->proxied == b->proxied && (!a->proxied || upstream_same(&a->proxy, &b->proxy));
}

static bool same_way(const struct link_settings *a, const struct link_settings *b)
{
    return a->port == b->port && same_proxy(a, b) && str_same(a->host, b->host) &&
           str_same(a->access_token, b->access_token) &&
           str_same(a->client_token, b->client_token) && str_same(a->subprotocol, b->subprotocol) &&
           str_same(a->bind, b->bind);
}

bool link_settings_take(struct link_settings *s, struct link_settings *n)
{
    const struct link_settings old = *s;
    bool other = !same_way(s, n);
    *s = *n;
    s->role = old.role;
    s->agent = old.agent;
    s->instance = old.instance;
    char *const agent = n->agent, *const instance = n->instance;
    *n = old;
    n->agent = agent;
    n->instance = instance;
    return other;
}
