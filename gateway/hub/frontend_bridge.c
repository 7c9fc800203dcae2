/* Somebody who comes to a bridge, at a frontend: the main thread says whether he may. */
#include "core/http/server.h"
#include "gateway/hub/frontend_internal.h"
#include "gateway/hub/relay/request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NO_MEMORY "The hub is out of memory: try again."

void frontend_ask_bridge(struct pending_conn *conn, const struct request *r)
{
    size_t size = r->path.n + r->token.n;
    struct message_bridge_hello *m =
        message_new(MESSAGE_BRIDGE_HELLO, conn->frontend->o.worker, sizeof *m + size);
    if (m == NULL) {
        pending_conn_refused(conn, 503, ERR_NO_MEMORY, NO_MEMORY);
        frontend_answer(conn, 503, NO_MEMORY, true);
        return;
    }
    m->pending_id = conn->id;
    m->forwarded = conn->via == VIA_FORWARD;
    snprintf(m->client, sizeof m->client, "%s", conn->client);
    snprintf(m->channel, sizeof m->channel, "%s", conn->channel);
    snprintf(m->key, sizeof m->key, "%.*s", (int)r->key.n, r->key.p);
    if (r->first.n > 0)
        snprintf(m->protocol, sizeof m->protocol, "%.*s", (int)r->first.n, r->first.p);
    m->n_path = r->path.n;
    m->n_token = r->token.n;
    memcpy(m->bytes, r->path.p, r->path.n);
    memcpy(m->bytes + r->path.n, r->token.p, r->token.n);
    pending_conn_ask(conn, &m->message);
}

static void lose(struct frontend *f, struct bridge_ticket *t, enum err why, const char *text)
{
    struct bridge_gone g = {.ticket = t, .why = why};
    snprintf(g.text, sizeof g.text, "%s", text);
    post_bridge_gone(f->o.hub, f->o.worker, &g);
}

/* The stream goes on as a bridge's side; the pending connection is over. */
static void admit(struct pending_conn *conn, struct message_bridge_reply *m)
{
    struct frontend *f = conn->frontend;
    struct bridge_ticket *ticket = m->ticket;
    struct stream *stream = http_conn_take(conn->session);
    m->ticket = NULL;
    conn->session = NULL;
    pending_conn_free(conn);
    struct message_bridge_move *out =
        MESSAGE(struct message_bridge_move, MESSAGE_BRIDGE_OUT, f->o.worker);
    if (out == NULL || !stream_leave(stream)) {
        free(out);
        stream_close(stream);
        lose(f, ticket, ERR_NO_DESCRIPTORS, "it could not be handed over");
        return;
    }
    out->ticket = ticket;
    out->stream = stream;
    stat_add(&f->o.stats->moved, 1);
    mailbox_post(f->o.hub, &out->message.mail);
}

void frontend_bridge_reply(struct frontend *f, struct message_bridge_reply *m)
{
    struct pending_conn *conn = pending_conn_answered(f, m->pending_id);
    if (conn != NULL && m->ticket != NULL) {
        admit(conn, m);
    } else if (conn != NULL) {
        frontend_answer(conn, m->status, m->text, true);
    } else if (m->ticket != NULL) {
        lose(f, m->ticket, ERR_CLIENT_CLOSED, "it left before it was answered");
        m->ticket = NULL;
    }
}
