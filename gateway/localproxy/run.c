#include "gateway/localproxy/run.h"

#include "core/base/budget.h"
#include "core/base/log.h"
#include "core/net/address.h"
#include "gateway/common/program_run.h"
#include "gateway/common/tunnel_end.h"
#include "gateway/destination/destination.h"
#include "gateway/source/mappings.h"

#define MEMORY 67108864 /* bytes for all that waits in queues */

struct app {
    const struct hub_config *hub;
    const struct localproxy_config *config;
    struct program_run *run;
    struct budget budget;
    struct tunnel_end *end;
    /* In destination mode; the members below are for source mode. */
    struct destination *destination;
    struct mappings *mappings;
    struct timer *retry; /* runs while a port is busy, whose last user may just be leaving */
    unsigned tries;
};

/* How the tunnel ended and the exit code for it. Any other end gives 1, and a signal 0. */
static const struct {
    enum err why;
    int code;
} exit_codes[] = {
    {ERR_TUNNEL_CLOSED, 0},  /* a Close frame: the tunnel was closed or its lifetime is over */
    {ERR_TOKEN_REPLACED, 0}, /* also a Close frame */
};

static int exit_code(enum err why)
{
    for (size_t i = 0; i < sizeof exit_codes / sizeof *exit_codes; i++)
        if (exit_codes[i].why == why)
            return exit_codes[i].code;
    return 1;
}

static void on_finished(void *owner, enum err why)
{
    struct app *a = owner;
    program_run_end(a->run, exit_code(why));
}

/* ---- source mode: listening ports for the tunnel's services ---- */

static enum err try_to_listen(struct app *a, const char *const *ids, size_t n)
{
    enum err why = mappings_services(a->mappings, ids, n);
    if (why != ERR_ADDRESS_IN_USE || a->tries >= a->config->connect_retries)
        return why;
    a->tries++;
    timer_start(a->retry, a->config->connect_retry_ms);
    return ERR_OK;
}

static void on_retry(void *owner)
{
    struct app *a = owner;
    const struct session *session = tunnel_end_session(a->end);
    const char *const *ids;
    size_t n = session_services(session, &ids);
    enum err why = session_open(session) ? try_to_listen(a, ids, n) : ERR_OK;
    if (why != ERR_OK)
        on_finished(a, why);
}

static enum err on_source_services(void *owner, const char *const *ids, size_t n)
{
    struct app *a = owner;
    a->tries = 0;
    timer_stop(a->retry);
    if (a->config->services.n == 0 && n == 0)
        log_warning("The tunnel has no services and no port was given: say where to listen with "
                    "-s PORT");
    return try_to_listen(a, ids, n);
}

static const struct tunnel_end_events source_events = {
    .services = on_source_services,
    .finished = on_finished,
};

static bool open_source(struct app *a)
{
    struct loop *loop = program_run_loop(a->run);
    const struct mappings_options o = {
        .session = tunnel_end_session(a->end),
        .map = &a->config->services,
        .bind = a->config->address,
        .exact = true,
        .tells = true,
        .assign = a->config->from_files || a->config->services.n == 0,
    };
    a->retry = timer_new(loop, on_retry, a);
    a->mappings = mappings_new(loop, &o);
    return a->retry != NULL && a->mappings != NULL;
}

/* ---- destination mode ---- */

static enum err on_destination_services(void *owner, const char *const *ids, size_t n)
{
    struct app *a = owner;
    return destination_services(a->destination, ids, n);
}

static void on_incoming(void *owner, struct conn *c)
{
    struct app *a = owner;
    destination_incoming(a->destination, c);
}

static const struct tunnel_end_events destination_events = {
    .services = on_destination_services,
    .incoming = on_incoming,
    .finished = on_finished,
};

static bool open_destination(struct app *a)
{
    const struct localproxy_config *config = a->config;
    bool bound = config->address_given && address_is_ip(config->address);
    const struct destination_options o = {
        .services = &config->services,
        .default_host = config->address,
        .bind = bound ? config->address : NULL,
        .match = config->from_files ? DESTINATION_WHOLE : DESTINATION_EXACT,
        .retries = config->connect_retries,
        .retry_delay_ms = config->connect_retry_ms,
    };
    a->destination = destination_new(program_run_loop(a->run), &o);
    return a->destination != NULL;
}

/* ---- both modes ---- */

static bool open_end(struct app *a)
{
    const struct localproxy_config *config = a->config;
    const struct tunnel_end_options o = {
        .loop = program_run_loop(a->run),
        .memory = &a->budget,
        .role = config->source ? SESSION_SOURCE : SESSION_DESTINATION,
        .version = config->version,
        .user_agent = "localproxy/" TUNNEL_VERSION,
        .once = !config->reconnect,
        .give_up = config->give_up,
        .tries = config->hub_tries,
        .hub = a->hub,
        .max_connections = config->source ? config->max_connections : 0,
    };
    char text[400];
    enum err why;
    a->end = tunnel_end_new(&o, config->source ? &source_events : &destination_events, a, &why,
                            text, sizeof text);
    if (a->end == NULL)
        log_fatal("%s", text);
    return a->end != NULL;
}

static bool start(void *owner, struct program_run *run)
{
    struct app *a = owner;
    a->run = run;
    budget_init(&a->budget, MEMORY);
    if (!open_end(a))
        return false;
    bool opened = a->config->source ? open_source(a) : open_destination(a);
    if (!opened)
        log_fatal("%s", err_text(ERR_NO_MEMORY));
    return opened;
}

static void stop(void *owner)
{
    struct app *a = owner;
    tunnel_end_stop(a->end);
    destination_free(a->destination);
    mappings_free(a->mappings);
    timer_free(a->retry);
    tunnel_end_free(a->end);
    budget_free(&a->budget);
}

static const struct program_run_events events = {
    .start = start,
    .stop = stop,
    .ending = "closing",
    .search = peer_search_start,
};

int localproxy_run(const struct hub_config *hub, const struct localproxy_config *config)
{
    struct app a = {.hub = hub, .config = config};
    log_info("Starting proxy in %s mode", config->source ? "source" : "destination");
    return program_run(&events, &a);
}
