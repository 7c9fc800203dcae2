#include "gateway/common/program_run.h"

#include "core/base/log.h"
#include "core/base/process.h"
#include "core/control/control.h"
#include "core/net/systemd.h"
#include "core/tls/tls.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* What a signal is called in the log when it ends the program. SIGHUP comes last: a program that
 * reads nothing again does not catch it. */
static const struct {
    int number;
    const char *cause;
} signals[] = {
    {SIGTERM, "SIGTERM"},
    {SIGINT, "SIGINT"},
    {SIGHUP, "SIGHUP: the terminal is gone"},
};
#define SIGNALS (sizeof signals / sizeof *signals)

struct program_run {
    const struct program_run_events *events;
    void *owner;
    struct loop *loop;
    struct control *control; /* NULL: none was opened */
    uv_signal_t handles[SIGNALS];
    size_t n_handles;
    bool ending; /* systemd has been told */
    bool ended;  /* code is decided */
    int code;
};

/* ---- the end ---- */

static void begin_end(struct program_run *p)
{
    if (!p->ending)
        systemd_notify("STOPPING=1");
    p->ending = true;
}

void program_run_end(struct program_run *p, int code)
{
    begin_end(p);
    if (!p->ended)
        p->code = code;
    p->ended = true;
    loop_stop(p->loop);
}

/* ---- signals ---- */

/* The time lets systemd tell the end of this reload from that of another (sd_notify(3)). */
static void notify_reloading(void)
{
    char text[80];
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%llu",
             (unsigned long long)now.tv_sec * 1000000 + (unsigned long long)now.tv_nsec / 1000);
    systemd_notify(text);
}

static void reload(struct program_run *p)
{
    if (p->ending) { /* READY=1 would take the STOPPING=1 back */
        log_info("SIGHUP: ending, nothing is read again");
        return;
    }
    notify_reloading();
    p->events->reload(p->owner);
    systemd_notify("READY=1");
}

static void terminate(struct program_run *p, int number)
{
    size_t i = 0;
    while (signals[i].number != number)
        i++;
    begin_end(p);
    if (p->events->terminate != NULL) {
        p->events->terminate(p->owner, number);
        return;
    }
    log_info("%s: %s", signals[i].cause, p->events->ending);
    program_run_end(p, EXIT_SUCCESS);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct program_run *p = handle->data;
    if (number == SIGHUP && !process_terminal_gone())
        reload(p);
    else if (p->ending)
        program_run_end(p, EXIT_SUCCESS);
    else
        terminate(p, number);
}

static bool catch_signals(struct program_run *p)
{
    size_t n = p->events->reload != NULL ? SIGNALS : SIGNALS - 1;
    for (size_t i = 0; i < n; i++) {
        uv_signal_t *handle = &p->handles[i];
        if (uv_signal_init(loop_uv(p->loop), handle) != 0)
            return false;
        p->n_handles++;
        handle->data = p;
        if (uv_signal_start(handle, on_signal, signals[i].number) != 0)
            return false;
    }
    return true;
}

/* ---- the control endpoint ---- */

bool program_run_open_control(struct program_run *p, const char *program, const char *role,
                              const struct options *o)
{
    const struct control_setup setup = {
        .loop = p->loop,
        .program = program,
        .role = role,
        .path = options_get(o, "control"),
        .readonly = options_flag(o, "control-readonly"),
        .ops = o,
        .ops_pages = p->events->ops_pages,
        .n_ops_pages = p->events->n_ops_pages,
        .unready = p->events->unready,
        .search = p->events->search,
        .metrics = p->events->metrics,
        .accept = p->events->accept,
        .owner = p->owner,
    };
    char text[512];
    enum err why;
    p->control = control_new(&setup, &why, text, sizeof text);
    if (p->control == NULL)
        log_fatal("%s", text);
    return p->control != NULL;
}

struct monitor *program_run_monitor(const struct program_run *p)
{
    return p->control != NULL ? control_monitor(p->control) : NULL;
}

/* ---- life ---- */

struct loop *program_run_loop(const struct program_run *p)
{
    return p->loop;
}

static void run_parts(struct program_run *p)
{
    if (p->events->start(p->owner, p)) {
        systemd_notify("READY=1");
        loop_run(p->loop);
    }
    loop_block_signals();
    p->events->stop(p->owner);
    control_free(p->control); /* what the parts told it is told by now */
}

int program_run(const struct program_run_events *events, void *owner)
{
    char problem[256];
    if (!tls_cpu_valid(problem, sizeof problem)) {
        log_fatal("%s", problem);
        return EXIT_FAILURE;
    }
    struct program_run p = {
        .events = events, .owner = owner, .loop = loop_new(), .code = EXIT_FAILURE};
    if (p.loop != NULL && catch_signals(&p))
        run_parts(&p);
    else
        log_fatal("No event loop: out of memory or file descriptors");
    for (size_t i = 0; i < p.n_handles; i++)
        uv_close((uv_handle_t *)&p.handles[i], NULL);
    if (p.loop != NULL)
        loop_leave(p.loop);
    return p.code;
}
