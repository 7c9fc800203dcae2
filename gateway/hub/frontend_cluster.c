/* Other nodes of the cluster at a frontend: inside TLS with both sides' certificates comes a PROXY
 * header first, and then HTTP. A header with an address is that of a client which the other node
 * passes on; one without (LOCAL) says that the node itself calls. See share/doc/cluster.md. */
#include "core/net/proxy_protocol.h"
#include "gateway/hub/frontend_internal.h"
#include "gateway/hub/hub_protocol.h"

#include <stdlib.h>

struct proxy_greeting {
    struct pending_conn *conn;
    struct stream *stream;
    size_t want; /* bytes of the header that are needed to read on */
};

static void refuse(struct proxy_greeting *g, const char *text)
{
    pending_conn_refused(g->conn, 0, ERR_PROTOCOL, text);
    pending_conn_free(g->conn);
}

/* From now on the connection is the client's that it tells of. False: he has too many. */
static bool name_client(struct pending_conn *conn, struct proxy_told *told)
{
    const char *why;
    conn->via = told->known ? VIA_FORWARD : VIA_NODE;
    if (!told->known)
        return true;
    address_unmap(&told->client);
    conn->fronted = conn->told = true;
    if (pending_conn_is(conn, &told->client, &why))
        return true;
    stat_add(&conn->frontend->o.stats->turned_away, 1);
    return false;
}

static void go_on(struct proxy_greeting *g)
{
    struct pending_conn *conn = g->conn;
    struct stream *s = g->stream;
    free(g);
    stream_read_on(s, false);
    timer_stop(conn->timer);
    conn->session = frontend_start_http(conn, s);
    if (conn->session == NULL)
        pending_conn_free(conn);
}

/* True: the header is complete. Otherwise more has to come, or g is gone. */
static bool take_header(struct proxy_greeting *g, const uint8_t *p, size_t n)
{
    struct proxy_told told;
    const char *why = "";
    size_t size = 0;
    switch (proxy_protocol_read(p, n, &size, &told, &why)) {
    case PROXY_PROTOCOL_BAD:
        refuse(g, why);
        return false;
    case PROXY_PROTOCOL_MORE:
        g->want = size;
        return false;
    case PROXY_PROTOCOL_DONE:
        if (!name_client(g->conn, &told)) {
            refuse(g, "too many connections of this address are asking");
            return false;
        }
        stream_consume(g->stream, size);
        return true;
    }
    return false;
}

static void on_readable(void *owner)
{
    struct proxy_greeting *g = owner;
    uint8_t *p;
    long n = stream_peek(g->stream, g->want, &p);
    if (n < 0)
        refuse(g, "it left without a header of the PROXY protocol");
    else if (n > 0 && take_header(g, p, (size_t)n))
        go_on(g);
}

static void on_writable(void *owner)
{
    (void)owner;
}

static void on_failed(void *owner, enum err why)
{
    const struct proxy_greeting *g = owner;
    (void)why;
    pending_conn_free(g->conn);
}

static const struct stream_events events = {
    .readable = on_readable, .writable = on_writable, .failed = on_failed};

static void *start(struct pending_conn *conn, struct stream *s)
{
    struct proxy_greeting *g = calloc(1, sizeof *g);
    bool known = tls_peer_name(conn->tls) != NULL || tls_resumed(conn->tls);
    if (!known)
        pending_conn_refused(conn, 0, ERR_AUTH, "it has shown no certificate of the cluster");
    if (g == NULL || !known) {
        free(g);
        stream_close(s);
        return NULL;
    }
    *g = (struct proxy_greeting){conn, s, 1};
    stream_set_owner(s, &events, g);
    stream_read_on(s, true);
    timer_start(conn->timer, conn->frontend->o.timeout_ms);
    return g;
}

static void end(void *session)
{
    struct proxy_greeting *g = session;
    stream_close(g->stream);
    free(g);
}

const struct hub_protocol cluster_protocol = {.start = start, .end = end, .cluster = true};
