/* The pending connections of a frontend: their lives, whose they are, and their handshakes. */
#include "core/base/encoding.h"
#include "core/base/random.h"
#include "core/net/proxy_protocol.h"
#include "gateway/hub/frontend_internal.h"
#include "gateway/hub/hub_protocol.h"
#include "gateway/hub/relay/buffered_stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* After this time the main thread's answer must have been lost for lack of memory. */
#define HUB_ANSWER_MS 75000 /* longer than ConnectDevice may take */

/* ---- life ---- */

/* A call may wait for a device: for nobody any more. */
static void post_left(const struct pending_conn *conn)
{
    const struct frontend_options *o = &conn->frontend->o;
    struct message_api_left *m = MESSAGE(struct message_api_left, MESSAGE_API_LEFT, o->worker);
    if (m == NULL)
        return;
    m->pending_id = conn->id;
    mailbox_post(o->hub, &m->message.mail);
}

void pending_conn_free(struct pending_conn *conn)
{
    struct frontend *f = conn->frontend;
    if (conn->asked && conn->calls)
        post_left(conn);
    map_remove(&f->by_id, &conn->id, sizeof conn->id);
    list_remove(&conn->node);
    pending_queue_leave(f->queue, &conn->slot);
    stat_add(&f->o.stats->pending, (uint64_t)-1);
    timer_free(conn->timer);
    if (conn->session != NULL)
        conn->protocol->end(conn->session);
    if (conn->stream != NULL)
        stream_close(conn->stream);
    cluster_keys_free(conn->keys);
    free(conn);
}

void frontend_refused(struct frontend *f, const char *client, int status, enum err why,
                      const char *reason)
{
    struct message_refused *m = MESSAGE(struct message_refused, MESSAGE_REFUSED, f->o.worker);
    if (m == NULL)
        return;
    m->side = SIDE_COUNT;
    m->status = status;
    m->why = why;
    snprintf(m->client, sizeof m->client, "%s", client);
    snprintf(m->reason, sizeof m->reason, "%s", reason);
    mailbox_post(f->o.hub, &m->message.mail);
}

void pending_conn_refused(const struct pending_conn *conn, int status, enum err why,
                          const char *reason)
{
    frontend_refused(conn->frontend, conn->client, status, why, reason);
}

const char *pending_conn_certified(const struct pending_conn *conn)
{
    if (conn->via != VIA_NOBODY)
        return conn->certified[0] != '\0' ? conn->certified : NULL;
    return conn->tls != NULL ? tls_peer_name(conn->tls) : NULL;
}

/* ---- requests to the main thread ---- */

void pending_conn_ask(struct pending_conn *conn, struct message *m)
{
    conn->asked = true;
    pending_await_us(&conn->slot);
    timer_start(conn->timer, HUB_ANSWER_MS);
    mailbox_post(conn->frontend->o.hub, &m->mail);
}

struct pending_conn *pending_conn_answered(const struct frontend *f, uint64_t id)
{
    struct pending_conn *conn = map_get(&f->by_id, &id, sizeof id);
    if (conn != NULL) {
        conn->asked = conn->calls = false;
        pending_await_peer(&conn->slot, loop_now(f->o.loop));
        timer_stop(conn->timer);
    }
    return conn;
}

/* ---- whose it is ---- */

static bool is_exempt(const struct frontend *f, struct ip ip)
{
    return f->o.exempt != NULL && ip_list_has(f->o.exempt, ip);
}

static void drop(struct pending_slot *victim)
{
    if (victim == NULL)
        return;
    struct pending_conn *conn = list_entry(victim, struct pending_conn, slot);
    pending_conn_refused(conn, 0, ERR_LIMIT, "too many connections are shaking hands or asking");
    pending_conn_free(conn);
}

enum pending_queue_admits frontend_room(struct frontend *f, struct ip ip, bool exempt)
{
    struct pending_slot *victim;
    enum pending_queue_admits room = pending_queue_admits(
        f->queue, ip_origin(ip), exempt || is_exempt(f, ip), loop_now(f->o.loop), &victim);
    drop(victim);
    return room;
}

const char *frontend_no_room(enum pending_queue_admits room)
{
    static const char *const reasons[] = {
        [PENDING_QUEUE_SPACE] = NULL,
        [PENDING_QUEUE_ORIGIN_FULL] = "too many connections of this address are asking",
        [PENDING_QUEUE_FULL] = "too many connections are asking",
    };
    return reasons[room];
}

bool pending_conn_is(struct pending_conn *conn, const union address *client, const char **why)
{
    struct frontend *f = conn->frontend;
    struct ip ip = client != NULL ? ip_of_address(client) : conn->peer;
    struct pending_slot *victim;
    enum pending_queue_admits room =
        pending_queue_move(f->queue, &conn->slot, ip_origin(ip), client == NULL || is_exempt(f, ip),
                           loop_now(f->o.loop), &victim);
    drop(victim);
    if (client != NULL)
        address_text(client, conn->client);
    else
        snprintf(conn->client, sizeof conn->client, "%s", conn->socket->name);
    *why = frontend_no_room(room);
    return room == PENDING_QUEUE_SPACE;
}

void pending_conn_rest(struct pending_conn *conn)
{
    const char *why;
    if (conn->tls == NULL && !conn->told)
        pending_conn_is(conn, NULL, &why);
}

/* ---- the TLS handshake ---- */

static void on_opened(void *owner)
{
    struct pending_conn *conn = owner;
    struct frontend *f = conn->frontend;
    struct stream *s = conn->stream;
    stat_add(&f->o.stats->handshakes, 1);
    if (tls_resumed(conn->tls))
        stat_add(&f->o.stats->resumed, 1);
    pending_await_peer(&conn->slot, loop_now(f->o.loop));
    timer_stop(conn->timer);
    conn->stream = NULL;
    conn->session = conn->protocol->start(conn, s);
    if (conn->session == NULL)
        pending_conn_free(conn);
}

static void handshake_failed(struct pending_conn *conn, enum err why, const char *text)
{
    stat_add(&conn->frontend->o.stats->handshakes_failed, 1);
    pending_conn_refused(conn, 0, why, text);
    pending_conn_free(conn);
}

/* A balancer that only looks whether the hub is there is not reported. */
static void on_failed(void *owner, enum err why)
{
    struct pending_conn *conn = owner;
    if (conn->itself && (why == ERR_EOF || why == ERR_RESET)) {
        pending_conn_free(conn);
        return;
    }
    const char *problem = why == ERR_TLS ? frontend_strange_header(conn) : NULL;
    if (problem == NULL)
        problem = tls_problem(conn->tls);
    handshake_failed(conn, why, problem != NULL && problem[0] != '\0' ? problem : err_text(why));
}

static void on_timeout(void *owner)
{
    struct pending_conn *conn = owner;
    if (conn->session == NULL && conn->tls != NULL) {
        handshake_failed(conn, ERR_SILENT, "the TLS handshake took too long");
        return;
    }
    if (conn->session == NULL)
        pending_conn_refused(conn, 0, ERR_SILENT, "its PROXY header took too long");
    else if (!conn->asked)
        pending_conn_refused(conn, 0, ERR_SILENT, "it did not say in time who it is");
    pending_conn_free(conn);
}

static const struct stream_events handshake_events = {.opened = on_opened, .failed = on_failed};

const char *frontend_strange_header(const struct pending_conn *conn)
{
    uint8_t *p;
    long n = stream_peek(conn->socket, 6, &p); /* as many as tell "PROXY " from a method of HTTP */
    if (n < 6 || !proxy_protocol_begins(p, (size_t)n))
        return NULL;
    return conn->told
               ? "not TLS: a second PROXY header follows the first"
               : "not TLS: it begins with a PROXY header, and its address is not in --trust-proxy";
}

void pending_conn_await_turn(struct pending_conn *conn, bool known)
{
    pending_await_turn(conn->frontend->queue, &conn->slot, known);
    loop_defer(conn->frontend->o.loop, &conn->frontend->turns);
}

static void on_waits(void *turns, bool known)
{
    pending_conn_await_turn(turns, known);
}

/* ---- the beginning ---- */

static void name_channel(char out[36])
{
    uint8_t bytes[16];
    random_bytes(bytes, sizeof bytes);
    hex_encode(bytes, sizeof bytes, out);
}

/* Wraps the socket in TLS and a buffered stream. False: no memory; the socket is closed. */
static bool open_tls(struct pending_conn *conn)
{
    struct frontend *f = conn->frontend;
    struct tls_server_options options = {.identity = f->identity,
                                         .cache = f->o.cache,
                                         .client_trust = f->o.device_trust,
                                         .waits = on_waits,
                                         .turns = conn};
    if (conn->protocol->cluster) {
        conn->keys = cluster_keys_ref(f->keys);
        options.identity = cluster_keys_identity(conn->keys);
        options.client_trust = cluster_keys_clients(conn->keys);
        options.cache = cluster_keys_cache(conn->keys);
        options.cache_certified = true;
    }
    identity_fingerprint(f->identity, conn->certificate);
    conn->tls = tls_server(f->o.loop, conn->socket, &options, &handshake_events, conn);
    conn->stream = conn->tls != NULL
                       ? buffered_stream_new(f->o.loop, conn->tls, &handshake_events, conn)
                       : NULL;
    return conn->stream != NULL;
}

static bool open_plain(struct pending_conn *conn)
{
    struct frontend *f = conn->frontend;
    struct stream *s = buffered_stream_new(f->o.loop, conn->socket, NULL, NULL);
    memcpy(conn->certificate, f->shown, sizeof conn->certificate);
    if (s != NULL)
        conn->session = conn->protocol->start(conn, s);
    return conn->session != NULL;
}

bool pending_conn_begin(struct pending_conn *conn)
{
    return conn->protocol->plain ? open_plain(conn) : open_tls(conn);
}

struct pending_conn *pending_conn_new(struct frontend *f, struct ip peer,
                                      const struct hub_protocol *protocol)
{
    struct pending_conn *conn = calloc(1, sizeof *conn);
    if (conn == NULL)
        return NULL;
    conn->frontend = f;
    conn->protocol = protocol;
    conn->id = ++f->last_id;
    conn->timer = timer_new(f->o.loop, on_timeout, conn);
    list_init(&conn->node);
    conn->peer = peer;
    bool in = conn->timer != NULL &&
              pending_queue_enter(f->queue, &conn->slot, ip_origin(peer), loop_now(f->o.loop));
    if (!in || !map_put(&f->by_id, &conn->id, sizeof conn->id, conn)) {
        if (in)
            pending_queue_leave(f->queue, &conn->slot);
        timer_free(conn->timer);
        free(conn);
        return NULL;
    }
    list_append(&f->pending, &conn->node);
    stat_add(&f->o.stats->pending, 1);
    name_channel(conn->channel);
    return conn;
}
