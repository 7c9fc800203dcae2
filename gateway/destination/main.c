/* tunnel-agent: the program on the device. */
#include "core/base/budget.h"
#include "core/base/log.h"
#include "core/base/process.h"
#include "core/config/program.h"
#include "core/control/control.h"
#include "gateway/common/hub_check.h"
#include "gateway/common/program_run.h"
#include "gateway/destination/agent_config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct option_group *const groups[] = {
    &hub_options,         &agent_device_options,  &agent_service_options, &control_options,
    &control_ops_options, &program_check_options, &program_options,       NULL};

static const struct program program = {
    .name = "tunnel-agent",
    .summary = "Makes local services reachable through a secure tunnel (its destination end).",
    .groups = groups,
    .usage = "  tunnel-agent -e HUB[:PORT] --token-file FILE -d SSH1=22,HTTP1=80\n",
    .examples = "  tunnel-agent -r eu-central-1 --token-file /run/token -d 22\n"
                "  AWSIOT_TUNNEL_ACCESS_TOKEN=... tunnel-agent -e hub.example:8443 --ca ca.pem \\\n"
                "      -d SSH1=22,DOOR=192.168.7.20:8080,DB=/run/db.sock\n",
};

struct app {
    struct options *options;
    struct agent_config *now;
    struct program_run *run;
    struct budget budget;
    struct tunnel_end *end;
    struct destination *destination;
};

static enum err on_services(void *owner, const char *const *ids, size_t n)
{
    struct app *a = owner;
    char text[80];
    enum err why = destination_services(a->destination, ids, n);
    snprintf(text, sizeof text, "the tunnel is up, with %zu service%s", n, n == 1 ? "" : "s");
    if (why == ERR_OK)
        monitor_tunnel_event(tunnel_end_watched(a->end), MONITOR_UP, ERR_OK, text);
    return why;
}

static void on_incoming(void *owner, struct conn *c)
{
    struct app *a = owner;
    destination_incoming(a->destination, c);
}

static void on_finished(void *owner, enum err why)
{
    struct app *a = owner;
    program_run_end(a->run, why == ERR_TUNNEL_CLOSED ? EXIT_SUCCESS : EXIT_FAILURE);
}

static const struct tunnel_end_events end_events = {
    .services = on_services,
    .incoming = on_incoming,
    .finished = on_finished,
};

static bool open_end(struct app *a)
{
    struct tunnel_end_options o = a->now->end;
    char text[400];
    enum err why;
    o.loop = program_run_loop(a->run);
    o.monitor = program_run_monitor(a->run);
    o.memory = &a->budget;
    a->end = tunnel_end_new(&o, &end_events, a, &why, text, sizeof text);
    if (a->end == NULL)
        log_fatal("%s", text);
    return a->end != NULL;
}

static bool open_destination(struct app *a)
{
    struct destination_options o = a->now->destination;
    o.monitor = program_run_monitor(a->run);
    o.watched = tunnel_end_watched(a->end);
    a->destination = destination_new(program_run_loop(a->run), &o);
    if (a->destination == NULL)
        log_fatal("%s", err_text(ERR_NO_MEMORY));
    return a->destination != NULL;
}

/* Ready is an agent that may try to reach its hub: a hub that is away is a reason to wait, and none
 * for systemd to start the agent anew. Whether it is connected is asked at /readyz. */
static bool start(void *owner, struct program_run *run)
{
    struct app *a = owner;
    a->run = run;
    budget_init(&a->budget, a->now->memory);
    return program_run_open_control(run, program.name, "destination", a->options) && open_end(a) &&
           open_destination(a);
}

static void stop(void *owner)
{
    struct app *a = owner;
    tunnel_end_stop(a->end);
    destination_free(a->destination);
    tunnel_end_free(a->end);
    budget_free(&a->budget);
}

static const char *unready(void *owner)
{
    const struct app *a = owner;
    if (!session_open(tunnel_end_session(a->end)))
        return "The tunnel is not connected to its hub.";
    return destination_unready(a->destination);
}

/* ---- SIGHUP ---- */

/* NULL: the reason is in the log. */
static struct agent_config *read_again(struct options *o)
{
    struct agent_config *fresh = NULL;
    const char *file = options_get(o, "token-file");
    if (file != NULL && strcmp(file, "-") == 0)
        options_fail(o, "--token-file -: standard input is not read twice");
    else if (program_read_again(&program, o) == ERR_OK)
        fresh = agent_config_read(o);
    if (fresh == NULL)
        log_error("SIGHUP: %s; going on with the configuration in use", options_problem(o));
    return fresh;
}

static bool apply(struct app *a, const struct agent_config *fresh)
{
    const struct session *session = tunnel_end_session(a->end);
    const char *const *ids;
    char text[400];
    if (tunnel_end_change(a->end, &fresh->end, text, sizeof text) != ERR_OK) {
        log_error("SIGHUP: %s; going on with the configuration in use", text);
        return false;
    }
    if (destination_change(a->destination, &fresh->destination) != ERR_OK) {
        log_error("%s; going on with the mappings in use", err_text(ERR_NO_MEMORY));
        return false;
    }
    if (session_open(session)) {
        size_t n = session_services(session, &ids);
        destination_services(a->destination, ids, n);
    }
    return true;
}

/* What is wrong, or cannot be had, leaves everything as it is. */
static void reload(void *owner)
{
    struct app *a = owner;
    struct agent_config *fresh = read_again(a->options);
    if (fresh == NULL)
        return;
    if (!apply(a, fresh)) {
        agent_config_free(fresh);
        return;
    }
    agent_config_free(a->now);
    a->now = fresh;
    log_info("SIGHUP: token, mappings, certificates, limits and times were read again");
}

static const struct program_run_events events = {
    .start = start,
    .stop = stop,
    .reload = reload,
    .ending = "closing",
    .unready = unready,
};

static int go(struct options *o)
{
    struct app a = {.options = o, .now = agent_config_read(o)};
    if (a.now == NULL)
        return program_fail(&program, o);
    int code = options_flag(o, "check-config") ? check_program(&program, o, &a.now->hub)
                                               : program_run(&events, &a);
    agent_config_free(a.now);
    return code;
}

int main(int argc, char **argv)
{
    process_begin();
    loop_exit(program_main(&program, argc, argv, go));
}
