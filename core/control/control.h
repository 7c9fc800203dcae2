/* The control endpoint of a program: HTTP/1.1 with JSON on a unix socket, for tunnel-tui, curl and
 * Prometheus (share/doc/control.md). It owns the program's monitor and ticks it. Only the user who
 * runs the program, and root, are let in. A reader that is slow or stuck loses events and is
 * dropped in the end; it never makes the program wait. */
#ifndef CORE_CONTROL_CONTROL_H
#define CORE_CONTROL_CONTROL_H

#include "core/base/buf.h"
#include "core/config/options.h"
#include "core/control/monitor.h"
#include "core/net/loop.h"
#include "core/net/peer.h"

/* --control PATH|off, --control-readonly. */
extern const struct option_group control_options;
/* Rows of a table: --ops-listen, whose default is `fallback`, and --ops-host. */
#define CONTROL_OPS_OPTIONS(fallback)                                                              \
    {"ops-listen",                                                                                 \
     0,                                                                                            \
     "ADDRESS:PORT",                                                                               \
     NULL,                                                                                         \
     NULL,                                                                                         \
     fallback,                                                                                     \
     "Where /healthz, /readyz and /metrics are answered, without TLS; \"off\": nowhere.",          \
     OPTION_EXACT | OPTION_START},                                                                 \
    {                                                                                              \
        "ops-host", 0, "NAME", NULL, NULL, NULL,                                                   \
            "A host name to be asked by there, besides localhost, this machine's and IP "          \
            "addresses; may be repeated.",                                                         \
            OPTION_MANY | OPTION_EXACT | OPTION_START                                              \
    }
/* --ops-listen (off), --ops-host. */
extern const struct option_group control_ops_options;

struct control;
struct admin_page; /* admin_server.h */

struct control_setup {
    struct loop *loop;
    const char *program,
        *role; /* as in struct monitor_options; program names the socket's folder */
    /* The socket's path; NULL: control_path's; "off": there is no socket and only a monitor is
     * kept. */
    const char *path;
    bool readonly; /* nothing can be closed or switched through it */
    /* With --ops-listen and --ops-host: serves health, metrics and the pages below on a TCP
     * address, too. NULL: it does not. Must outlive the control. */
    const struct options *ops;
    /* Further pages there, n_ops_pages of them, whose owner is the control. */
    const struct admin_page *ops_pages;
    size_t n_ops_pages;
    /* For /readyz. It returns NULL when the program is ready, else a static sentence why not. NULL:
     * always ready. */
    const char *(*unready)(void *owner);
    /* peer_search_start, for a program whose streams may begin with clients on this machine; NULL:
     * it has none. */
    peer_searcher *search;
    /* For POST /v1/accept/always and /never: lets those in who want something of this device, or
     * nobody. False: this program does not stand by as a device. NULL: none of its kind does. */
    bool (*accept)(void *owner, bool never);
    /* For /metrics; NULL: report_metrics. */
    void (*metrics)(void *owner, struct buf *out);
    void *owner;
};

/* Returns a control unless memory is short (NULL). When the socket cannot be opened at a path or
 * address that was given explicitly, that is an error: NULL, *why and a sentence in text. At the
 * default path it is only a line in the log, since a second gateway on the same machine is no
 * mistake. */
struct control *control_new(const struct control_setup *s, enum err *why, char *text, size_t size);
void control_free(struct control *c); /* frees its monitor and its readers, too; NULL is fine */
struct monitor *control_monitor(struct control *c);
const struct options *control_ops(const struct control *c); /* as in its setup */
const char *control_where(const struct control *c);         /* the path in use, or NULL */

/* Writes where a program's control socket is by default: $XDG_RUNTIME_DIR/PROGRAM/admin.sock, or
 * without that variable /run/PROGRAM/admin.sock. `get` is getenv or a test's. False: it does not
 * fit. Creates nothing. */
bool control_path(const char *program, const char *(*get)(const char *name), char *out,
                  size_t size);

#endif
