#include "gateway/hub/cluster/node_client.h"

#include "core/base/log.h"
#include "core/base/map.h"
#include "core/http/client.h"
#include "core/http/request.h"
#include "core/net/address.h"
#include "core/net/proxy_protocol.h"
#include "core/reach/reach.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PEERS_MAX 256
#define ADDRESS_MAX 280
#define HEAD_MAX 4096
#define ANSWER_MAX 4096
#define COMPLAIN_MS 60000 /* one line in the log for each node and minute */

/* A call that waits. */
struct letter {
    struct list node;
    enum node_call call;
    struct buf body; /* wiped */
};

/* Something to look at that waits. */
struct hint {
    struct list node;
    enum node_look_kind kind;
    char id[];
};

struct peer {
    struct node_client *client;
    char name[64], address[ADDRESS_MAX + 1], *host;
    int port;
    struct http_client *http;
    struct reach *reach;
    struct reach_memory memory;
    struct tls_session session;
    struct cluster_keys *keys; /* held as long as the connection is made with them */
    struct list letters, hints;
    size_t n;
    struct letter *at_hand; /* the call that is on its way */
    uint64_t used_at, complained_at;
};

struct node_client {
    struct node_client_options o;
    struct cluster_keys *keys;
    struct map peers; /* struct peer by name */
    struct timer *timer;
    struct node_client_counts counts;
};

static void next(struct peer *p);

/* ---- letters ---- */

static void letter_free(struct letter *l)
{
    list_remove(&l->node);
    buf_wipe(&l->body);
    free(l);
}

static void give_back(void *ctx, const struct notice *q)
{
    const struct node_client *c = ctx;
    if (c->o.untold != NULL)
        c->o.untold(c->o.owner, q);
}

static void lose(struct node_client *c, struct letter *l)
{
    c->counts.lost[l->call]++;
    if (l->call == NODE_CALL_NOTICE)
        node_notice_read((struct span){(const char *)l->body.data, l->body.size}, give_back, c);
    letter_free(l);
}

static struct letter *letter_new(enum node_call call)
{
    struct letter *l = calloc(1, sizeof *l);
    if (l == NULL)
        return NULL;
    list_init(&l->node);
    l->call = call;
    l->body.limit = NODE_BODY_MAX;
    return l;
}

/* ---- the connection ---- */

static void on_arrived(void *owner, struct stream *s)
{
    struct peer *p = owner;
    uint8_t header[PROXY_HEADER_MAX];
    const struct proxy_header h = {
        .version = 2, .client = "", .service = "", .opened_by = "", .asked = ""};
    size_t n = proxy_protocol_write(&h, header);
    p->reach = NULL;
    if (stream_try_write(s, header, n) == n) {
        http_client_connected(p->http, s);
        return;
    }
    stream_close(s);
    http_client_unreached(p->http, ERR_PROTOCOL, "it takes nothing");
}

static void on_unreached(void *owner, const struct reach_failure *f)
{
    struct peer *p = owner;
    p->reach = NULL;
    http_client_unreached(p->http, f->why, f->text);
}

static bool on_connect(void *owner)
{
    static const struct reach_events events = {.arrived = on_arrived, .failed = on_unreached};
    struct peer *p = owner;
    cluster_keys_free(p->keys);
    p->keys = cluster_keys_ref(p->client->keys);
    const struct reach_target there = {.host = p->host,
                                       .port = p->port,
                                       .trust = cluster_keys_servers(p->keys),
                                       .identity = cluster_keys_identity(p->keys),
                                       .tls_session = &p->session,
                                       .memory = &p->memory};
    p->reach = reach_start(p->client->o.loop, &there, &events, p);
    return p->reach != NULL;
}

static void on_abandon(void *owner)
{
    struct peer *p = owner;
    reach_cancel(p->reach);
    p->reach = NULL;
}

static void complain(struct peer *p, const char *text)
{
    uint64_t now = loop_now(p->client->o.loop);
    if (p->complained_at != 0 && now - p->complained_at < COMPLAIN_MS)
        return;
    p->complained_at = now;
    log_warning("node %s was not told of a change: %s", p->name, text);
}

static void on_answer(void *owner, const struct http_head *head, struct buf *body)
{
    struct peer *p = owner;
    struct letter *l = p->at_hand;
    (void)body;
    p->at_hand = NULL;
    if (head->status / 100 == 2) {
        p->client->counts.told[l->call]++;
        letter_free(l);
    } else {
        complain(p, http_reason(head->status));
        lose(p->client, l);
    }
    next(p);
}

static void on_lost(void *owner, enum http_loss loss, enum err why, const char *text)
{
    struct peer *p = owner;
    struct letter *l = p->at_hand;
    if (l == NULL)
        return; /* the kept connection has ended */
    p->at_hand = NULL;
    complain(p, loss == HTTP_LOSS_CONNECTION && text != NULL ? text : err_text(why));
    lose(p->client, l);
    /* What waits would fare no better, one time-out after the other. */
    while (!list_empty(&p->letters))
        lose(p->client, list_entry(p->letters.next, struct letter, node));
    while (!list_empty(&p->hints)) {
        struct hint *h = list_entry(p->hints.next, struct hint, node);
        p->client->counts.lost[NODE_CALL_LOOK]++;
        list_remove(&h->node);
        free(h);
    }
    p->n = 0;
}

static const struct http_client_events http_events = {
    .connect = on_connect, .abandon = on_abandon, .answer = on_answer, .lost = on_lost};

/* ---- asking ---- */

/* As many as fit into one call; what there is no memory for is lost. */
static struct letter *gather(struct peer *p)
{
    struct node_look looks[NODE_LOOKS_MAX] = {0};
    size_t n = 0;
    struct letter *l = letter_new(NODE_CALL_LOOK);
    list_each(node, &p->hints)
    {
        const struct hint *h = list_entry(node, struct hint, node);
        if (n < NODE_LOOKS_MAX)
            looks[n++] = (struct node_look){h->kind, h->id};
    }
    bool written = l != NULL && node_look_write(p->client->o.self, looks, n, &l->body);
    for (size_t i = 0; i < n; i++) {
        struct hint *h = list_entry(p->hints.next, struct hint, node);
        list_remove(&h->node);
        free(h);
    }
    p->n -= n;
    if (written)
        return l;
    if (l != NULL)
        letter_free(l);
    return NULL;
}

static struct letter *take_next(struct peer *p)
{
    if (list_empty(&p->letters))
        return list_empty(&p->hints) ? NULL : gather(p);
    struct letter *l = list_entry(p->letters.next, struct letter, node);
    list_remove(&l->node);
    p->n--;
    return l;
}

static void next(struct peer *p)
{
    struct letter *l = p->at_hand == NULL ? take_next(p) : NULL;
    struct buf request = {.limit = HEAD_MAX + NODE_BODY_MAX};
    char target[64];
    if (l == NULL)
        return;
    snprintf(target, sizeof target, NODE_PATH "%s", node_call_name(l->call));
    http_request_write(&(struct http_request){.method = "POST",
                                              .target = target,
                                              .host = p->address,
                                              .lines = "Content-Type: application/json\r\n",
                                              .body = {(const char *)l->body.data, l->body.size}},
                       &request); /* an empty request is lost for want of memory */
    p->at_hand = l;
    p->used_at = loop_now(p->client->o.loop);
    http_client_ask(p->http, &request, HTTP_REPEATABLE);
}

/* ---- peers ---- */

static void peer_free(struct peer *p)
{
    http_client_free(p->http);
    reach_cancel(p->reach);
    if (p->at_hand != NULL)
        letter_free(p->at_hand);
    while (!list_empty(&p->letters))
        letter_free(list_entry(p->letters.next, struct letter, node));
    while (!list_empty(&p->hints)) {
        struct hint *h = list_entry(p->hints.next, struct hint, node);
        list_remove(&h->node);
        free(h);
    }
    cluster_keys_free(p->keys);
    explicit_bzero(&p->session, sizeof p->session);
    free(p->host);
    free(p);
}

static bool peer_open(struct peer *p)
{
    const struct http_client_options options = {.max_head = HEAD_MAX,
                                                .max_body = ANSWER_MAX,
                                                .timeout_ms = NODE_CALL_MS,
                                                .timeout_is_for_all = true};
    p->http = http_client_new(p->client->o.loop, &options, &http_events, p);
    return p->http != NULL && address_split(p->address, &p->host, &p->port) && p->host != NULL;
}

static struct peer *peer_new(struct node_client *c, const struct node_at *to)
{
    struct peer *p = c->peers.size < PEERS_MAX ? calloc(1, sizeof *p) : NULL;
    if (p == NULL)
        return NULL;
    p->client = c;
    list_init(&p->letters);
    list_init(&p->hints);
    snprintf(p->name, sizeof p->name, "%s", to->name);
    snprintf(p->address, sizeof p->address, "%s", to->address);
    if (peer_open(p) && map_put(&c->peers, p->name, strlen(p->name), p))
        return p;
    peer_free(p);
    return NULL;
}

/* Puts what was on its way before all that waits. */
static void call_back(struct peer *p)
{
    if (p->at_hand == NULL)
        return;
    list_prepend(&p->letters, &p->at_hand->node);
    p->at_hand = NULL;
    p->n++;
}

/* A node that came back elsewhere gets there what waits for it. False: no memory. */
static bool peer_move(struct peer *p, const char *address)
{
    call_back(p);
    http_client_free(p->http);
    reach_cancel(p->reach);
    p->reach = NULL;
    free(p->host);
    p->host = NULL;
    p->memory = (struct reach_memory){0};
    explicit_bzero(&p->session, sizeof p->session);
    snprintf(p->address, sizeof p->address, "%s", address);
    return peer_open(p);
}

static struct peer *peer_of(struct node_client *c, const struct node_at *to)
{
    struct peer *p = map_get(&c->peers, to->name, strlen(to->name));
    if (p == NULL)
        return peer_new(c, to);
    if (strcmp(p->address, to->address) == 0 || peer_move(p, to->address))
        return p;
    map_remove(&c->peers, p->name, strlen(p->name));
    peer_free(p);
    return NULL;
}

void node_client_look(struct node_client *c, const struct node_at *to, const struct node_look *l)
{
    struct peer *p = peer_of(c, to);
    size_t n = strlen(l->id);
    struct hint *h = p != NULL && p->n < NODE_QUEUE_MAX ? calloc(1, sizeof *h + n + 1) : NULL;
    if (h == NULL) {
        c->counts.lost[NODE_CALL_LOOK]++;
        return;
    }
    h->kind = l->kind;
    memcpy(h->id, l->id, n);
    list_init(&h->node);
    list_append(&p->hints, &h->node);
    p->n++;
    next(p);
}

bool node_client_notice(struct node_client *c, const struct node_at *to, const struct notice *q)
{
    struct peer *p = peer_of(c, to);
    struct letter *l = p != NULL && p->n < NODE_QUEUE_MAX ? letter_new(NODE_CALL_NOTICE) : NULL;
    if (l != NULL && node_notice_write(q, &l->body)) {
        list_append(&p->letters, &l->node);
        p->n++;
        next(p);
        return true;
    }
    if (l != NULL)
        letter_free(l);
    c->counts.lost[NODE_CALL_NOTICE]++;
    return false;
}

struct node_client_counts node_client_counts(const struct node_client *c)
{
    struct node_client_counts counts = c->counts;
    const struct peer *p;
    for (size_t at = 0; (p = map_next(&c->peers, &at)) != NULL;)
        counts.waiting += p->n + (p->at_hand != NULL);
    return counts;
}

/* ---- life ---- */

/* Forgets one that was not called for long: another one may need its place. */
static void on_timer(void *owner)
{
    struct node_client *c = owner;
    struct peer *p, *old = NULL;
    uint64_t now = loop_now(c->o.loop);
    timer_start(c->timer, NODE_CALL_MS);
    for (size_t at = 0; (p = map_next(&c->peers, &at)) != NULL;)
        if (p->at_hand == NULL && p->n == 0 && now - p->used_at >= NODE_KEEP_MS)
            old = p;
    if (old == NULL)
        return;
    map_remove(&c->peers, old->name, strlen(old->name));
    peer_free(old);
}

void node_client_keys(struct node_client *c, struct cluster_keys *keys)
{
    cluster_keys_free(c->keys);
    c->keys = keys;
}

struct node_client *node_client_new(const struct node_client_options *o)
{
    struct node_client *c = calloc(1, sizeof *c);
    if (c == NULL)
        return NULL;
    c->o = *o;
    c->timer = timer_new(o->loop, on_timer, c);
    if (c->timer == NULL) {
        free(c);
        return NULL;
    }
    timer_start(c->timer, NODE_CALL_MS);
    return c;
}

void node_client_free(struct node_client *c)
{
    struct peer *p;
    if (c == NULL)
        return;
    for (size_t at = 0; (p = map_next(&c->peers, &at)) != NULL;)
        peer_free(p);
    map_free(&c->peers);
    timer_free(c->timer);
    cluster_keys_free(c->keys);
    free(c);
}
