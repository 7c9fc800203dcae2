/* A small HTTP server for programs that watch this one: GET or HEAD /healthz (200 as long as the
 * process runs), /readyz (200, or 503 with the reason) and /metrics (Prometheus' text format), and
 * further pages of the owner's. On a TCP address it has no access control: the address is the
 * access control. But a request has to name the address as its own (Host), so that no web page can
 * ask by a name of its own that leads here (DNS rebinding): by an IP address, as localhost, as this
 * machine's name, or by a name that is given. On a unix socket only the user who runs the program,
 * and root, are let in. When it is full, the client that has been silent for longest makes room. */
#ifndef CORE_CONTROL_ADMIN_SERVER_H
#define CORE_CONTROL_ADMIN_SERVER_H

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/http/http.h"
#include "core/http/response.h"
#include "core/net/loop.h"
#include "core/net/stream.h"

#define ADMIN_MAX_CLIENTS 64      /* connections at a time */
#define ADMIN_ANSWER_MAX 67108864 /* bytes; enough for 100,000 streams of a snapshot */

struct admin_server;
struct admin_request;

/* One more page. path: the request's path or, with a '/' at its end, the beginning of it; "/" is
 * that path alone. */
struct admin_page {
    const char *method; /* "GET" (HEAD is answered, too) or another */
    const char *path;
    /* Answers with one of the functions below, at once. rest: the path after `path`; query: the
     * part after '?'. */
    void (*answer)(void *owner, struct admin_request *c, struct span rest, struct span query);
};

struct admin_server_options {
    struct loop *loop;
    const char *where;                             /* as for listener_new */
    const char *(*unready)(void *owner);           /* NULL: ready; else a sentence why not */
    void (*metrics)(void *owner, struct buf *out); /* appends the metrics */
    const struct admin_page *pages;                /* n_pages of them; must outlive the server */
    size_t n_pages;
    /* Names that the server may be asked by, NULL after the last one; the function may be NULL. */
    const char *(*name)(void *owner, size_t i);
    void *owner;
    uint64_t request_ms, idle_ms; /* as in http_conn_options; 0: the defaults there */
};

struct admin_server *admin_server_new(const struct admin_server_options *o,
                                      enum err *why); /* NULL: *why is that of a listener */
void admin_server_free(struct admin_server *e);       /* NULL is fine */
/* The address with its real port, or the path. */
const char *admin_server_name(const struct admin_server *e);

/* ---- answers; the client may be gone afterwards ---- */

void admin_answer_text(struct admin_request *c, int status, const char *text); /* ends in "\n" */
void admin_answer(struct admin_request *c, int status, const char *type, struct span body);
void admin_answer_response(struct admin_request *c, const struct http_response *r);
/* The request's head, until it is answered. */
const struct http_head *admin_head(const struct admin_request *c);
bool admin_is_local(const struct admin_request *c); /* its client is on this machine */
bool admin_is_ours(const struct admin_request *c);  /* and of the program's user, or root */
/* Gives the bare connection away instead of an answer, with reading off. The caller sets its events
 * at once. */
struct stream *admin_take_stream(struct admin_request *c);

#endif
