/* tunnel-hub: the service in the middle. */
#include "core/base/log.h"
#include "core/config/program.h"
#include "gateway/hub/front.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

static const struct option hub_table[] = {
    {"listen", 'l', "ADDRESS:PORT", NULL, NULL, "127.0.0.1:8443",
     "Where to wait for clients; may be repeated. Port 0 takes a free one.", OPTION_MANY},
    {"cert", 0, "FILE", NULL, NULL, NULL, "The certificate, PEM, with its chain.", 0},
    {"key", 0, "FILE", NULL, NULL, NULL, "Its private key, PEM.", 0},
    {"tunnels", 0, "FILE", NULL, NULL, NULL,
     "The tunnels that are served; \"tunnelctl new\" adds one. Changes are noticed.", 0},
    {"idle-timeout", 0, "TIME", NULL, NULL, "60s",
     "Drop a client from which nothing came for so long. Clients send a ping every 20 s.", 0},
};
static const struct option_group hub_group = OPTION_GROUP("Hub", hub_table);

static const struct program program = {
    .name = "tunnel-hub",
    .summary = "Joins tunnel-gateway (source) and tunnel-agent (destination) to tunnels.",
    .usage = "  tunnel-hub --cert FILE --key FILE --tunnels FILE [--listen ADDRESS:PORT]...\n",
    .examples = "  tunnel-hub --cert hub.pem --key hub.key --tunnels tunnels.json\n"
                "  tunnelctl new --tunnels tunnels.json --services HTTP1,SSH1\n",
};

struct app {
    struct loop *loop;
    struct hub *hub;
    struct front *front;
    uv_signal_t reload, terminate, interrupt;
};

static void on_reload(uv_signal_t *signal, int number)
{
    struct app *a = signal->data;
    char text[512];
    (void)number;
    if (front_reload(a->front, text, sizeof text) == ERR_OK)
        log_info("certificate and key were read again");
    else
        log_error("%s; going on with the certificate in use", text);
    hub_reload(a->hub);
}

static void on_end(uv_signal_t *signal, int number)
{
    struct app *a = signal->data;
    log_info("ending by signal %d", number);
    loop_stop(a->loop);
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

/* Each client is a descriptor. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static enum err check_options(struct options *o, uint64_t *idle_ms)
{
    static const char *const needed[] = {"cert", "key", "tunnels"};
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (options_get(o, needed[i]) == NULL)
            return options_fail(o, "--%s is missing", needed[i]);
    enum err why = options_duration(o, "idle-timeout", idle_ms);
    if (why == ERR_OK && *idle_ms < 1000)
        why = options_reject(o, "idle-timeout", "must be at least 1s");
    return why;
}

static bool listen_all(struct app *a, struct options *o)
{
    const char *where, *name;
    for (size_t i = 0; (where = options_each(o, "listen", i)) != NULL; i++) {
        enum err why;
        if ((name = front_listen(a->front, where, &why)) == NULL) {
            log_fatal("cannot listen on %s: %s", where, err_text(why));
            return false;
        }
        log_info("Listening on %s", name);
    }
    return true;
}

static bool start(struct app *a, struct options *o, uint64_t idle_ms)
{
    char text[512] = "out of memory";
    enum err why;
    struct hub_options hub = {
        .loop = a->loop, .tunnels_file = options_get(o, "tunnels"), .idle_ms = idle_ms};
    a->hub = hub_new(&hub, &why, text, sizeof text);
    struct front_options front = {.loop = a->loop,
                                  .hub = a->hub,
                                  .cert_file = options_get(o, "cert"),
                                  .key_file = options_get(o, "key")};
    if (a->hub != NULL)
        a->front = front_new(&front, &why, text, sizeof text);
    if (a->front == NULL) {
        log_fatal("%s", text);
        return false;
    }
    return listen_all(a, o);
}

static int run(struct options *o, uint64_t idle_ms)
{
    struct app a = {.loop = loop_new()};
    if (a.loop == NULL) {
        log_fatal("%s", err_text(ERR_NO_MEMORY));
        return EXIT_FAILURE;
    }
    watch(&a, &a.reload, on_reload, SIGHUP);
    watch(&a, &a.terminate, on_end, SIGTERM);
    watch(&a, &a.interrupt, on_end, SIGINT);
    bool started = start(&a, o, idle_ms);
    if (started)
        loop_run(a.loop);
    front_free(a.front);
    hub_free(a.hub);
    unwatch(&a.reload);
    unwatch(&a.terminate);
    unwatch(&a.interrupt);
    loop_free(a.loop);
    return started ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    static const struct option_group *const groups[] = {&hub_group, &program_options};
    struct options *o = options_new(groups, 2);
    uint64_t idle_ms = 0;
    int status = EXIT_FAILURE;
    if (o == NULL)
        return status;
    signal(SIGPIPE, SIG_IGN);
    raise_descriptor_limit();
    enum program_next next = program_read(&program, o, argc, argv);
    if (next == PROGRAM_DONE)
        status = EXIT_SUCCESS;
    else if (next == PROGRAM_GO && check_options(o, &idle_ms) != ERR_OK)
        status = program_fail(&program, o);
    else if (next == PROGRAM_GO)
        status = run(o, idle_ms);
    options_free(o);
    return status;
}
