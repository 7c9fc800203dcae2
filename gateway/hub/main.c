/* tunnel-hub: the service in the middle. */
#include "core/base/log.h"
#include "core/base/process.h"
#include "core/config/program.h"
#include "core/control/control.h"
#include "core/net/listener.h"
#include "core/net/systemd.h"
#include "gateway/hub/hub.h"
#include "gateway/hub/hub_protocol.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_SOCKETS 16 /* of systemd's */
#define MAX_WORKERS 64
#define MEMORY_LEAST 16777216
#define MEMORY_MOST 1099511627776
#define MAX_PER_ADDRESS 65536

static const struct option hub_table[] = {
    {.name = "listen",
     .letter = 'l',
     .argument = "ADDRESS:PORT",
     .fallback = "127.0.0.1:8443",
     .help = "Where to wait for clients and API calls; may be repeated. Port 0 takes a free one.",
     .flags = OPTION_MANY | OPTION_START},
    {.name = "cert", .argument = "FILE", .help = "The certificate, PEM, with its chain."},
    {.name = "key", .argument = "FILE", .help = "Its private key, PEM."},
    {.name = "state",
     .argument = "DIR",
     .env = "STATE_DIRECTORY",
     .help = "Where tunnels are kept; made when it is not there.",
     .flags = OPTION_START},
    {.name = "workers",
     .argument = "N",
     .help = "Threads for clients. Default: one for each core.",
     .flags = OPTION_START},
    {.name = "per-address",
     .argument = "N",
     .fallback = "512",
     .help = "Connections of one address (IPv6: of one /64) that may at once be on their way in, "
             "shaking hands or asking; more are closed. 0: any number.",
     .flags = OPTION_START},
    {.name = "per-address-except",
     .argument = "ADDRESS[/BITS]",
     .help = "An address or network for which that does not hold, such as a proxy's in front of "
             "the hub; may be repeated.",
     .flags = OPTION_MANY | OPTION_START},
    {.name = "idle-timeout",
     .argument = "TIME",
     .fallback = "60s",
     .help = "Drop a client from which nothing came for so long. Clients send a ping every 20 s.",
     .flags = OPTION_START},
    {.name = "memory-budget",
     .argument = "SIZE",
     .fallback = "512M",
     .help = "How much memory all that waits for slow clients may take; who takes nothing is "
             "dropped then, and may come back.",
     .flags = OPTION_START},
    {.name = "grace",
     .argument = "TIME",
     .fallback = "5s",
     .help = "At SIGTERM, let what is being transferred go on for at most so long."},
    CONTROL_OPS_OPTIONS("127.0.0.1:9464"),
};
static const struct option_group hub_group = OPTION_GROUP("Hub", hub_table);

static const struct option access_table[] = {
    {.name = "keys",
     .argument = "FILE",
     .help = "The access keys that may call the control API (mode 0600)."},
    {.name = "allow-unsigned-loopback",
     .help = "Calls from this machine need no signature: for trying out."},
    {.name = "limits-preset",
     .argument = "generous|aws",
     .help = "Which limits hold. Default: generous."},
    {.name = "limits", .argument = "FILE", .help = "Other limits, for all keys or single ones."},
    {.name = "device-ca",
     .argument = "FILE",
     .help = "Destinations must show a certificate of these authorities whose CN is the tunnel's "
             "thing.",
     .flags = OPTION_START},
    {.name = "audit-log",
     .argument = "FILE",
     .help = "One JSON line for each call, connection, disconnection and refusal."},
    {.name = "region",
     .argument = "NAME",
     .fallback = "us-east-1",
     .help = "The region in ARNs.",
     .flags = OPTION_START},
    {.name = "account",
     .argument = "NUMBER",
     .fallback = "000000000000",
     .help = "The account in ARNs.",
     .flags = OPTION_START},
};
static const struct option_group access_group = OPTION_GROUP("Access", access_table);

static const struct program program = {
    .name = "tunnel-hub",
    .summary = "Joins tunnel-gateway (source) and tunnel-agent (destination) to tunnels.",
    .usage = "  tunnel-hub --cert FILE --key FILE --state DIR [--keys FILE]\n"
             "             [--listen ADDRESS:PORT]...\n",
    .examples = "  tunnel-hub --cert hub.pem --key hub.key --state state "
                "--allow-unsigned-loopback\n"
                "  tunnelctl open --ca ca.pem --services HTTP1,SSH1\n",
};

struct app {
    struct loop *loop;
    struct hub *hub;
    struct control *control;
    struct options *options;
    uint64_t idle_ms, grace_ms, workers, memory, per_address;
    struct ip_list exempt;
    bool ending;
    uv_signal_t reload, terminate, interrupt;
};

/* ---- signals ---- */

/* sd_notify(3): a reload's begin carries the time, so that its end can be told from it. */
static void notify_reloading(void)
{
    char text[80];
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%llu",
             (unsigned long long)now.tv_sec * 1000000 + (unsigned long long)now.tv_nsec / 1000);
    systemd_notify(text);
}

static struct hub_options hub_options(const struct app *a);
static enum err check_files(struct options *o);

/* What is wrong in the configuration file keeps nobody from a new certificate. */
static void on_reload(uv_signal_t *signal, int number)
{
    struct app *a = signal->data;
    (void)number;
    notify_reloading();
    enum err why = program_read_again(&program, a->options);
    if (why == ERR_OK)
        why = check_files(a->options);
    if (why == ERR_OK)
        why = options_duration(a->options, "grace", &a->grace_ms);
    const struct hub_options fresh = hub_options(a);
    if (why != ERR_OK)
        log_error("SIGHUP: %s; going on with the configuration in use",
                  options_problem(a->options));
    hub_reload(a->hub, why == ERR_OK ? &fresh : NULL);
    systemd_notify("READY=1");
}

static void on_drained(void *owner)
{
    struct app *a = owner;
    loop_stop(a->loop);
}

/* The first one ends it gracefully, another one at once. */
static void on_end(uv_signal_t *signal, int number)
{
    struct app *a = signal->data;
    if (a->ending) {
        loop_stop(a->loop);
        return;
    }
    a->ending = true;
    log_info("ending by signal %d", number);
    systemd_notify("STOPPING=1");
    hub_drain(a->hub, a->grace_ms, on_drained, a);
}

static void watch(struct app *a, uv_signal_t *signal, uv_signal_cb f, int number)
{
    uv_signal_init(loop_uv(a->loop), signal);
    signal->data = a;
    uv_signal_start(signal, f, number);
}

static void unwatch(uv_signal_t *signal)
{
    uv_close((uv_handle_t *)signal, NULL);
}

/* ---- start ---- */

static enum err check_exempt(struct app *a)
{
    const char *net;
    for (size_t i = 0; (net = options_each(a->options, "per-address-except", i)) != NULL; i++) {
        enum err why = ip_list_add(&a->exempt, net);
        if (why == ERR_LIMIT)
            return options_fail(a->options, "more than %d times --per-address-except", IP_LIST_MAX);
        if (why != ERR_OK)
            return options_fail(a->options,
                                "--per-address-except=%s: want an address or network such as "
                                "192.0.2.7, 10.0.0.0/8 or 2001:db8::/32",
                                net);
    }
    return ERR_OK;
}

static enum err check_files(struct options *o)
{
    static const char *const needed[] = {"cert", "key", "state"};
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (options_get(o, needed[i]) == NULL)
            return options_fail(o,
                                "--%s is missing: a hub needs --cert FILE, --key FILE and "
                                "--state DIR",
                                needed[i]);
    return ERR_OK;
}

static enum err check_options(struct app *a)
{
    struct options *o = a->options;
    enum err why = check_files(o);
    if (why == ERR_OK)
        why = options_duration(o, "idle-timeout", &a->idle_ms);
    if (why == ERR_OK && a->idle_ms < 1000)
        why = options_reject(o, "idle-timeout", "must be at least 1s");
    if (why == ERR_OK)
        why = options_duration(o, "grace", &a->grace_ms);
    a->workers = uv_available_parallelism();
    if (a->workers > MAX_WORKERS)
        a->workers = MAX_WORKERS;
    if (why == ERR_OK)
        why = options_number(o, "workers", 1, MAX_WORKERS, &a->workers);
    if (why == ERR_OK)
        why = options_size(o, "memory-budget", MEMORY_LEAST, MEMORY_MOST, &a->memory);
    if (why == ERR_OK)
        why = options_number(o, "per-address", 0, MAX_PER_ADDRESS, &a->per_address);
    return why == ERR_OK ? check_exempt(a) : why;
}

static bool listening(struct app *a, const char *name, const char *where, enum err why)
{
    if (name == NULL) {
        log_fatal("cannot listen on %s: %s", where, listener_problem(where, why));
        return false;
    }
    log_info("Listening on %s", name);
    monitor_listening(control_monitor(a->control), name);
    return true;
}

/* Which options say where to listen, and what is spoken there. */
static const struct {
    const char *option;
    const struct hub_protocol *protocol;
} listeners[] = {
    {"listen", &https_protocol},
};

static bool listen_at(struct app *a, const char *option, const struct hub_protocol *protocol)
{
    const char *where;
    enum err why;
    for (size_t i = 0; (where = options_each(a->options, option, i)) != NULL; i++) {
        const char *name = hub_listen(a->hub, protocol, where, &why);
        if (!listening(a, name, where, why))
            return false;
    }
    return true;
}

/* Sockets that systemd opened count in place of all of these options, and speak HTTPS. */
static bool listen_all(struct app *a)
{
    int fds[MAX_SOCKETS];
    enum err why;
    size_t n = systemd_sockets(fds, MAX_SOCKETS);
    for (size_t i = 0; i < n; i++) {
        const char *name = hub_adopt(a->hub, &https_protocol, fds[i], &why);
        if (!listening(a, name, "a socket that was passed in", why))
            return false;
    }
    for (size_t i = 0; n == 0 && i < sizeof listeners / sizeof *listeners; i++)
        if (!listen_at(a, listeners[i].option, listeners[i].protocol))
            return false;
    return true;
}

static const char *unready(void *owner)
{
    return hub_unready(((struct app *)owner)->hub);
}

static void metrics(void *owner, struct buf *out)
{
    hub_metrics(((struct app *)owner)->hub, out);
}

/* How tunnel-tui and those who operate the hub see it. */
static bool open_control(struct app *a)
{
    const struct control_setup s = {.loop = a->loop,
                                    .program = program.name,
                                    .role = "hub",
                                    .path = options_get(a->options, "control"),
                                    .readonly = options_flag(a->options, "control-readonly"),
                                    .ops = a->options,
                                    .unready = unready,
                                    .metrics = metrics,
                                    .owner = a};
    char text[512];
    enum err why;
    a->control = control_new(&s, &why, text, sizeof text);
    if (a->control != NULL)
        hub_set_monitor(a->hub, control_monitor(a->control));
    else
        log_fatal("%s", text);
    return a->control != NULL;
}

static struct hub_options hub_options(const struct app *a)
{
    const struct options *o = a->options;
    return (struct hub_options){
        .loop = a->loop,
        .cert_file = options_get(o, "cert"),
        .key_file = options_get(o, "key"),
        .state_folder = options_get(o, "state"),
        .keys_file = options_get(o, "keys"),
        .limits_file = options_get(o, "limits"),
        .limits_preset = options_get(o, "limits-preset"),
        .audit_file = options_get(o, "audit-log"),
        .device_ca = options_get(o, "device-ca"),
        .region = options_get(o, "region"),
        .account = options_get(o, "account"),
        .allow_unsigned_loopback = options_flag(o, "allow-unsigned-loopback"),
        .workers = (size_t)a->workers,
        .per_address = (size_t)a->per_address,
        .exempt = &a->exempt,
        .idle_ms = a->idle_ms,
        .memory = (size_t)a->memory,
    };
}

/* What --check-config tells. */
static int check(const struct app *a)
{
    const struct hub_options hub = hub_options(a);
    char text[512];
    if (!hub_check(&hub, text, sizeof text)) {
        log_fatal("%s", text);
        return EXIT_FAILURE;
    }
    return program_checked(&program, a->options) ? EXIT_SUCCESS : EXIT_FAILURE;
}

static bool open_hub(struct app *a)
{
    const struct hub_options hub = hub_options(a);
    char text[512];
    enum err why;
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

static int run(struct app *a)
{
    a->loop = loop_new();
    if (a->loop == NULL) {
        log_fatal("%s", err_text(ERR_NO_MEMORY));
        return EXIT_FAILURE;
    }
    watch(a, &a->reload, on_reload, SIGHUP);
    watch(a, &a->terminate, on_end, SIGTERM);
    watch(a, &a->interrupt, on_end, SIGINT);
    bool started = open_hub(a) && open_control(a) && listen_all(a);
    if (started) {
        systemd_notify("READY=1");
        loop_run(a->loop);
    }
    loop_block_signals();
    hub_set_monitor(a->hub, NULL);
    control_free(a->control);
    hub_free(a->hub);
    if (started)
        log_info("ended");
    unwatch(&a->reload);
    unwatch(&a->terminate);
    unwatch(&a->interrupt);
    loop_free(a->loop);
    return started ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    static const struct option_group *const groups[] = {&hub_group, &access_group, &control_options,
                                                        &program_check_options, &program_options};
    struct app a = {.options = options_new(groups, sizeof groups / sizeof *groups)};
    int status = EXIT_FAILURE;
    process_begin();
    signal(SIGPIPE, SIG_IGN);
    if (a.options == NULL)
        return status;
    log_limit(1000, 600); /* a fleet comes back in one go, to a machine that has room */
    enum program_next next = program_read(&program, a.options, argc, argv);
    if (next == PROGRAM_DONE)
        status = EXIT_SUCCESS;
    else if (next == PROGRAM_GO && check_options(&a) != ERR_OK)
        status = program_fail(&program, a.options);
    else if (next == PROGRAM_GO)
        status = options_flag(a.options, "check-config") ? check(&a) : run(&a);
    options_free(a.options);
    return status;
}
