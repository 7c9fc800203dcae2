/* Another node of the cluster has what a client asked for: the client is sent there, or its
 * connection goes to a worker, which passes its bytes on (cluster/node_forward.h). */
#include "core/http/server.h"
#include "core/net/proxy_protocol.h"
#include "gateway/hub/frontend_internal.h"

#include <stdio.h>
#include <stdlib.h>

#define UNREACHED "The hub that has this cannot be reached now: try again in a moment."
#define NO_MEMORY "The hub is out of memory: try again."

/* ---- what the node is sent ---- */

static bool add(struct buf *out, struct span s)
{
    return buf_append(out, (const uint8_t *)s.p, s.n);
}

static bool add_proxy_header(struct buf *out, const char *client)
{
    uint8_t header[PROXY_HEADER_MAX];
    const struct proxy_header h = {
        .version = 2, .client = client, .service = "", .opened_by = "", .asked = ""};
    return buf_append(out, header, proxy_protocol_write(&h, header));
}

static bool is_own(const struct http_head *head, struct span name)
{
    return span_is_nocase(name, FORWARD_CERTIFIED) ||
           (head->chunked && span_is_nocase(name, "Transfer-Encoding"));
}

/* The head as it came, without blanks around values; of a body that came in chunks, which is whole
 * here, the length; and the name in the client's certificate. */
static bool add_request(struct buf *out, const struct http_head *head, struct span body,
                        const char *certified)
{
    bool ok = add(out, head->method) && buf_printf(out, " ") && add(out, head->target) &&
              buf_printf(out, " HTTP/1.%d\r\n", head->minor);
    for (size_t i = 0; ok && i < head->n_headers; i++) {
        if (is_own(head, head->headers[i].name))
            continue;
        ok = add(out, head->headers[i].name) && buf_printf(out, ": ") &&
             add(out, head->headers[i].value) && buf_printf(out, "\r\n");
    }
    if (ok && head->chunked)
        ok = buf_printf(out, "Content-Length: %zu\r\n", body.n);
    if (ok && certified != NULL)
        ok = buf_printf(out, FORWARD_CERTIFIED ": %s\r\n", certified);
    return ok && buf_printf(out, "\r\n") && (body.n == 0 || add(out, body));
}

/* ---- what the client gets when the node cannot be reached ---- */

static void keep_answer(void *ctx, const struct http_response *a)
{
    http_response_write(a, ctx);
}

static void add_sorry(struct buf *out, const struct pending_conn *conn)
{
    static const char body[] = UNREACHED "\n";
    char headers[120];
    if (frontend_is_call(conn->head)) {
        frontend_call_error(conn->head, 503, UNREACHED, keep_answer, out);
        return;
    }
    snprintf(headers, sizeof headers, "channel-id: %s\r\nRetry-After: 1\r\n", conn->channel);
    http_response_write(&(struct http_response){.status = 503,
                                                .type = "text/plain; charset=utf-8",
                                                .headers = headers,
                                                .body = {body, sizeof body - 1},
                                                .close = true},
                        out);
}

/* ---- handing over ---- */

static void lose(struct frontend *f, struct forward_ticket *t, enum err why, const char *text)
{
    struct forward_gone g = {.ticket = t, .why = why};
    snprintf(g.text, sizeof g.text, "%s", text);
    post_forward_gone(f->o.hub, f->o.worker, &g);
}

/* The stream goes on at a worker; the pending connection is over. */
static void hand_over(struct pending_conn *conn, struct forward_ticket *t)
{
    struct frontend *f = conn->frontend;
    struct stream *stream = http_conn_take(conn->session);
    conn->session = NULL;
    pending_conn_free(conn);
    struct message_forward_move *out =
        MESSAGE(struct message_forward_move, MESSAGE_FORWARD_OUT, f->o.worker);
    if (out == NULL || !stream_leave(stream)) {
        free(out);
        stream_close(stream);
        lose(f, t, ERR_NO_DESCRIPTORS, "it could not be handed over");
        return;
    }
    out->ticket = t;
    out->stream = stream;
    stat_add(&f->o.stats->moved, 1);
    mailbox_post(f->o.hub, &out->message.mail);
}

static void forward(struct pending_conn *conn, struct forward_ticket *t)
{
    t->request.limit = FORWARD_REQUEST_MAX;
    t->sorry.limit = FORWARD_REQUEST_MAX;
    add_sorry(&t->sorry, conn);
    if (add_proxy_header(&t->request, conn->client) &&
        add_request(&t->request, conn->head, conn->body, pending_conn_certified(conn))) {
        hand_over(conn, t);
        return;
    }
    lose(conn->frontend, t, ERR_NO_MEMORY, err_text(ERR_NO_MEMORY));
    frontend_answer(conn, 503, NO_MEMORY, true);
}

void frontend_forward(struct frontend *f, struct message_forward *m)
{
    struct pending_conn *conn = pending_conn_answered(f, m->pending_id);
    struct forward_ticket *t = m->ticket;
    m->ticket = NULL;
    if (conn != NULL && t != NULL)
        forward(conn, t);
    else if (conn != NULL)
        frontend_redirect(conn, m->location);
    else if (t != NULL)
        lose(f, t, ERR_CLIENT_CLOSED, "it left before it was answered");
}
