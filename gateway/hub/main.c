/* tunnel-hub, the relay between gateways and agents. */
#include "core/base/log.h"
#include "core/base/process.h"
#include "core/control/page/live_page.h"
#include "core/net/listener.h"
#include "core/net/systemd.h"
#include "gateway/common/program_run.h"
#include "gateway/hub/hub.h"
#include "gateway/hub/hub_command.h"
#include "gateway/hub/hub_protocol.h"

#include <signal.h>
#include <stdlib.h>

#define MAX_SOCKETS 16 /* sockets that systemd may pass */

struct app {
    struct program_run *run;
    struct hub *hub;
    struct hub_command command;
};

/* ---- start ---- */

static bool listening(struct app *a, const char *what, const char *name, const char *where,
                      enum err why)
{
    if (name == NULL && why == ERR_FORBIDDEN) {
        log_fatal("cannot listen on %s without TLS: others than this machine would reach it; give "
                  "a loopback address or a unix socket",
                  where);
        return false;
    }
    if (name == NULL) {
        log_fatal("cannot listen on %s: %s", where, listener_problem(where, why));
        return false;
    }
    log_info("Listening%s on %s", what, name);
    monitor_listening(program_run_monitor(a->run), name);
    return true;
}

/* The options that name addresses to listen on, and the protocol of each. */
struct listen_option {
    const char *option;
    const struct hub_protocol *protocol;
    const char *what; /* for the log, behind "Listening" */
};
static const struct listen_option listen_options[] = {
    {"listen", &https_protocol, ""},
    {"mqtt-listen", &mqtt_protocol, " for MQTT"},
    {"listen-plain", &plain_protocol, " without TLS"},
};

static bool listen_at(struct app *a, const struct listen_option *d)
{
    const char *where;
    enum err why;
    for (size_t i = 0; (where = options_each(a->command.options, d->option, i)) != NULL; i++) {
        const char *name = hub_listen(a->hub, d->protocol, where, &why);
        if (!listening(a, d->what, name, where, why))
            return false;
    }
    return true;
}

/* Sockets that systemd opened replace all of these options, and speak HTTPS. */
static bool listen_all(struct app *a)
{
    int fds[MAX_SOCKETS];
    enum err why;
    size_t n = systemd_sockets(fds, MAX_SOCKETS);
    for (size_t i = 0; i < n; i++) {
        const char *name = hub_adopt(a->hub, &https_protocol, fds[i], &why);
        if (!listening(a, "", name, "a socket that was passed in", why))
            return false;
    }
    for (size_t i = 0; n == 0 && i < sizeof listen_options / sizeof *listen_options; i++)
        if (!listen_at(a, &listen_options[i]))
            return false;
    return true;
}

/* Another process is this node now. */
static void on_taken(void *owner)
{
    struct app *a = owner;
    program_run_end(a->run, EXIT_FAILURE);
}

/* Runs --check-config. */
static int check(struct app *a)
{
    const struct hub_options hub = hub_command_options(&a->command);
    char text[512];
    if (!hub_check(&hub, text, sizeof text)) {
        log_fatal("%s", text);
        return EXIT_FAILURE;
    }
    return program_checked(&hub_program, a->command.options) ? EXIT_SUCCESS : EXIT_FAILURE;
}

static bool open_hub(struct app *a)
{
    struct hub_options hub = hub_command_options(&a->command);
    char text[512];
    enum err why;
    hub.loop = program_run_loop(a->run);
    hub.cluster.taken = on_taken;
    hub.cluster.owner = a;
    a->hub = hub_new(&hub, &why, text, sizeof text);
    if (a->hub == NULL)
        log_fatal("%s", text);
    else if (hub.allow_unsigned_loopback)
        log_warning("calls of the control API from this machine need no signature "
                    "(--allow-unsigned-loopback)");
    else if (hub.keys_file == NULL)
        log_warning("nobody can call the control API: give access keys (--keys)");
    return a->hub != NULL;
}

/* Opens the control socket for tunnel-tui and the metrics listener for operators. */
static bool open_control(struct app *a)
{
    if (!program_run_open_control(a->run, hub_program.name, "hub", a->command.options))
        return false;
    hub_set_monitor(a->hub, program_run_monitor(a->run));
    return true;
}

static bool start(void *owner, struct program_run *run)
{
    struct app *a = owner;
    a->run = run;
    return open_hub(a) && open_control(a) && listen_all(a);
}

static void stop(void *owner)
{
    struct app *a = owner;
    hub_set_monitor(a->hub, NULL);
    hub_free(a->hub);
}

/* ---- operation ---- */

/* A mistake in the configuration file does not prevent a new certificate from being loaded. */
static void reload(void *owner)
{
    struct app *a = owner;
    enum err why = hub_command_read_again(&a->command);
    const struct hub_options fresh = hub_command_options(&a->command);
    if (why != ERR_OK)
        log_error("SIGHUP: %s; going on with the configuration in use",
                  options_problem(a->command.options));
    hub_reload(a->hub, why == ERR_OK ? &fresh : NULL);
}

static void on_left(void *owner)
{
    struct app *a = owner;
    program_run_end(a->run, EXIT_SUCCESS);
}

static void on_drained(void *owner)
{
    struct app *a = owner;
    hub_leave(a->hub, on_left, a);
}

static void terminate(void *owner, int number)
{
    struct app *a = owner;
    log_info("ending by signal %d", number);
    hub_drain(a->hub, a->command.grace_ms, on_drained, a);
}

static const char *unready(void *owner)
{
    return hub_unready(((struct app *)owner)->hub);
}

static void metrics(void *owner, struct buf *out)
{
    hub_metrics(((struct app *)owner)->hub, out);
}

static const struct program_run_events events = {
    .start = start,
    .stop = stop,
    .reload = reload,
    .terminate = terminate,
    .unready = unready,
    .metrics = metrics,
    .ops_pages = live_pages,
    .n_ops_pages = LIVE_PAGES,
};

static int run(struct app *a)
{
    int code = program_run(&events, a);
    if (code == EXIT_SUCCESS)
        log_info("ended");
    return code;
}

static int go(struct options *o)
{
    struct app a = {.command = {.options = o}};
    if (hub_command_check(&a.command) != ERR_OK)
        return program_fail(&hub_program, o);
    return options_flag(o, "check-config") ? check(&a) : run(&a);
}

/* What a handshake needs (41 KB) lives among what its connection keeps for long, and would leave
 * holes in the heap that a crowd has made for ever: 10 KB for each of its devices. So it gets pages
 * of its own, which are given back. */
#define MMAP_LEAST 32768

int main(int argc, char **argv)
{
    process_begin();
    process_keep_descriptors(); /* those of the sockets that systemd passes are used all the same */
    process_memory(MMAP_LEAST, 0);
    signal(SIGPIPE, SIG_IGN);
    log_limit(1000, 600); /* a fleet reconnects all at once, and the hub's machine has the space */
    loop_exit(program_main(&hub_program, argc, argv, go));
}
