/* The header of the PROXY protocol at a frontend: what a front says of a connection before its
 * first byte. */
#include "core/net/proxy_protocol.h"
#include "gateway/hub/frontend_internal.h"

#include <string.h>

static void refuse(struct pending_conn *conn, enum err why, const char *text)
{
    pending_conn_refused(conn, 0, why, text);
    pending_conn_free(conn);
}

/* A front that speaks for itself, or does not know the client, stays what the socket says.
 * haproxy's checks do so in version 1, too, by the connection's own addresses. */
static void header_read(struct pending_conn *conn, struct proxy_told *told)
{
    char name[ADDRESS_TEXT] = "";
    const char *why;
    if (told->known) {
        address_unmap(&told->client);
        address_text(&told->client, name);
    }
    conn->told = true;
    conn->itself = !told->known || strcmp(name, conn->socket->name) == 0;
    conn->stream = NULL;
    stream_read_on(conn->socket, false);
    if (told->known && !pending_conn_is(conn, &told->client, &why)) {
        conn->stream = conn->socket; /* which is closed with it */
        stat_add(&conn->frontend->o.stats->turned_away, 1);
        refuse(conn, ERR_LIMIT, why);
    } else if (!pending_conn_begin(conn)) {
        refuse(conn, ERR_NO_MEMORY, err_text(ERR_NO_MEMORY));
    }
}

/* Balancers look whether a port is open by a connection without a byte, which is not reported. */
static void left(struct pending_conn *conn)
{
    if (conn->header_at > 1)
        refuse(conn, ERR_EOF, "it left in the middle of its PROXY header");
    else
        pending_conn_free(conn);
}

static void on_readable(void *owner)
{
    struct pending_conn *conn = owner;
    struct proxy_told told;
    const char *why;
    uint8_t *p;
    long n = stream_peek(conn->stream, conn->header_at, &p);
    if (n < 0)
        left(conn);
    if (n <= 0)
        return;
    switch (proxy_protocol_read(p, (size_t)n, &conn->header_at, &told, &why)) {
    case PROXY_PROTOCOL_MORE:
        return; /* the next look is for more than there is, and waits for it */
    case PROXY_PROTOCOL_BAD:
        refuse(conn, ERR_PROTOCOL, why);
        return;
    case PROXY_PROTOCOL_DONE:
        stream_consume(conn->stream, conn->header_at);
        header_read(conn, &told);
    }
}

static void on_writable(void *owner)
{
    (void)owner;
}

static void on_failed(void *owner, enum err why)
{
    (void)why;
    pending_conn_free(owner);
}

static const struct stream_events header_events = {
    .readable = on_readable, .writable = on_writable, .failed = on_failed};

void frontend_read_header(struct pending_conn *conn)
{
    conn->header_at = 1;
    conn->stream = conn->socket;
    stream_set_owner(conn->stream, &header_events, conn);
    stream_read_on(conn->stream, true);
}
