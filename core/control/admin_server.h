/* A small HTTP server for those who watch a program: GET or HEAD /healthz (200 as long as the
 * process runs), /readyz (200, or 503 with the reason) and /metrics (Prometheus' text format), and
 * pages of the owner's besides. On a TCP address it has no access control: the address is the
 * access control; but a request has to name it as itself (Host), so that no web page can ask by a
 * name of its own that leads here (DNS rebinding): by an IP address, as localhost, as this
 * machine's name, or by a name that is given. On a unix socket only the user who runs the program,
 * and root, are let in. When it is full, who has been silent for longest makes room. */
#ifndef CORE_CONTROL_ADMIN_SERVER_H
#define CORE_CONTROL_ADMIN_SERVER_H

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/http/http.h"
#include "core/net/loop.h"
#include "core/net/stream.h"

#define ADMIN_MAX_CLIENTS 64      /* at once */
#define ADMIN_ANSWER_MAX 33554432 /* bytes; 65,536 streams of a snapshot */

struct admin_server;
struct admin_request;

/* One more page. path: what the request's must be, or, with a '/' at its end, begin with. */
struct admin_page {
    const char *method; /* "GET" (HEAD is answered, too) or another */
    const char *path;
    /* Answers with one of the functions below, at once. rest: the path behind `path`; query:
     * behind '?'. */
    void (*answer)(void *owner, struct admin_request *c, struct span rest, struct span query);
};

struct admin_server_options {
    struct loop *loop;
    const char *where;                             /* as for listener_new */
    const char *(*unready)(void *owner);           /* NULL: ready; else a sentence why not */
    void (*metrics)(void *owner, struct buf *out); /* appends them */
    const struct admin_page *pages;                /* n_pages; must outlive the endpoint */
    size_t n_pages;
    /* Names to be asked by; NULL behind the last one; may be NULL. */
    const char *(*name)(void *owner, size_t i);
    void *owner;
    uint64_t request_ms, idle_ms; /* as in http_conn_options; 0: its defaults */
};

struct admin_server *admin_server_new(const struct admin_server_options *o,
                                      enum err *why); /* NULL: *why, as of listeners */
void admin_server_free(struct admin_server *e);       /* NULL is fine */
/* the address with its real port, or path */
const char *admin_server_name(const struct admin_server *e);

/* ---- answers; the client may be gone afterwards ---- */

void admin_answer_text(struct admin_request *c, int status, const char *text); /* ends in "\n" */
void admin_answer(struct admin_request *c, int status, const char *type, struct span body);
/* Gives the bare connection away instead, reading off. Set its events at once. */
struct stream *admin_take_stream(struct admin_request *c);

#endif
