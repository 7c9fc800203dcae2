/* How tunnel-hub, tunnel-gateway, tunnel-agent and localproxy run: one loop, the signals, the
 * control endpoint, and what a service manager is told of them (sd_notify(3)). Limits on files and
 * core files are set by process_begin, before options are read. */
#ifndef GATEWAY_COMMON_PROGRAM_RUN_H
#define GATEWAY_COMMON_PROGRAM_RUN_H

#include "core/base/buf.h"
#include "core/config/options.h"
#include "core/control/monitor.h"
#include "core/net/loop.h"
#include "core/net/peer.h"

struct program_run;
struct admin_page; /* core/control/admin_server.h */

struct program_run_events {
    /* Makes the parts of the program on program_run_loop. True: the program is ready, and systemd
     * is told so. False: the reason is in the log, and the program ends with 1. */
    bool (*start)(void *owner, struct program_run *p);
    /* Frees the parts, before the control endpoint and the loop go; also those of a `start` that
     * failed. */
    void (*stop)(void *owner);
    /* SIGHUP asks for the configuration to be read again. NULL: SIGHUP kills the program. */
    void (*reload)(void *owner);
    /* The first signal that ends the program: logs it, and calls program_run_end when what goes on
     * is finished. The next signal ends the program at once, with 0. NULL: so does the first, and
     * the log says "SIGTERM: " and `ending`. */
    void (*terminate)(void *owner, int number);
    const char *ending;
    /* These as in struct control_setup; each may be NULL. */
    const struct admin_page *ops_pages;
    size_t n_ops_pages;
    const char *(*unready)(void *owner);
    peer_searcher *search;
    void (*metrics)(void *owner, struct buf *out);
    bool (*accept)(void *owner, bool never);
};

/* Runs until program_run_end, and returns its code. End main with loop_exit. */
int program_run(const struct program_run_events *events, void *owner);

struct loop *program_run_loop(const struct program_run *p);

/* Opens the control endpoint where the options (control_options, control_ops_options) say; `role`
 * as in struct monitor_options. Once, from inside `start`. False: the reason is in the log. */
bool program_run_open_control(struct program_run *p, const char *program, const char *role,
                              const struct options *o);
/* What the program's parts are to be told to. NULL: it has no control endpoint. */
struct monitor *program_run_monitor(const struct program_run *p);

/* Ends program_run soon, with the code of the first call; from inside its events and whatever else
 * runs on its loop. */
void program_run_end(struct program_run *p, int code);

#endif
