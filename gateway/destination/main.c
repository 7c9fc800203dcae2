/* tunnel-agent: the program on the device. */
#include "core/base/log.h"
#include "core/base/process.h"
#include "core/config/program.h"
#include "core/control/control.h"
#include "gateway/common/hub_check.h"
#include "gateway/destination/accept_command.h"
#include "gateway/destination/agent_role.h"

#include <stdlib.h>
#include <string.h>

static const struct option_group *const groups[] = {
    &hub_options,           &agent_standby_options, &agent_device_options,
    &agent_service_options, &control_options,       &control_ops_options,
    &program_check_options, &program_options,       NULL};

static const struct program *const commands[] = {&accept_program, NULL};

static const struct program program = {
    .name = "tunnel-agent",
    .summary = "Makes local services reachable through secure tunnels (their destination end).",
    .groups = groups,
    .usage =
        "  tunnel-agent -e HUB[:PORT] --device NAME --join-token-file FILE -d SSH1=22,HTTP1=80\n"
        "  tunnel-agent -e HUB[:PORT] --token-file FILE -d SSH1=22,HTTP1=80\n"
        "  tunnel-agent accept always|never\n",
    .examples = "  tunnel-agent -e hub.example:8443 --device @hostname --join-token-file join \\\n"
                "      -d SSH1=22\n"
                "  tunnel-agent -r eu-central-1 --token-file /run/token -d 22\n"
                "  AWSIOT_TUNNEL_ACCESS_TOKEN=... tunnel-agent -e hub.example:8443 --ca ca.pem \\\n"
                "      -d SSH1=22,DOOR=192.168.7.20:8080,DB=/run/db.sock\n",
    .commands = commands,
};

struct app {
    struct options *options;
    struct agent_config *now;
    struct agent agent;
    struct budget budget;
    const struct agent_role *role;
    void *parts; /* the role's; NULL: it has not started */
};

/* Ready is an agent that may try to reach its hub: a hub that is away is a reason to wait, and none
 * for systemd to start the agent anew. Whether it is connected is asked at /readyz. */
static bool start(void *owner, struct program_run *run)
{
    struct app *a = owner;
    budget_init(&a->budget, a->now->memory);
    a->agent = (struct agent){.run = run, .memory = &a->budget, .config = a->now};
    if (!program_run_open_control(run, program.name, "destination", a->options))
        return false;
    a->parts = a->role->start(&a->agent);
    return a->parts != NULL;
}

static void stop(void *owner)
{
    struct app *a = owner;
    a->role->stop(a->parts);
    budget_free(&a->budget);
}

static const char *unready(void *owner)
{
    const struct app *a = owner;
    return a->role->unready(a->parts);
}

static bool accept_or_not(void *owner, bool never)
{
    struct app *a = owner;
    bool stands_by = a->role->accept != NULL;
    if (stands_by)
        a->role->accept(a->parts, never);
    return stands_by;
}

/* ---- SIGHUP ---- */

/* What is the same file each time is read again; standard input is not. */
static const char *read_from_input(const struct options *o)
{
    static const char *const files[] = {"token-file", "join-token-file"};
    for (size_t i = 0; i < 2; i++) {
        const char *file = options_get(o, files[i]);
        if (file != NULL && strcmp(file, "-") == 0)
            return files[i];
    }
    return NULL;
}

/* NULL: the reason is in the log. */
static struct agent_config *read_again(const struct app *a)
{
    struct options *o = a->options;
    struct agent_config *fresh = NULL;
    const char *input = read_from_input(o);
    if (input != NULL)
        options_fail(o, "--%s -: standard input is not read twice", input);
    else if (program_read_again(&program, o) == ERR_OK)
        fresh = agent_config_read(o);
    if (fresh != NULL && fresh->stands_by != a->now->stands_by) {
        options_fail(o, "whether it stands by as a device is decided at the start");
        agent_config_free(fresh);
        fresh = NULL;
    }
    if (fresh == NULL)
        log_error("SIGHUP: %s; going on with the configuration in use", options_problem(o));
    return fresh;
}

/* What is wrong, or cannot be had, leaves everything as it is. */
static void reload(void *owner)
{
    struct app *a = owner;
    struct agent_config *fresh = read_again(a);
    if (fresh == NULL)
        return;
    if (!a->role->apply(a->parts, fresh)) {
        agent_config_free(fresh);
        return;
    }
    agent_config_free(a->now);
    a->agent.config = a->now = fresh;
    if (a->role->applied != NULL)
        a->role->applied(a->parts);
    log_info("SIGHUP: token, mappings, certificates, limits and times were read again");
}

static const struct program_run_events events = {
    .start = start,
    .stop = stop,
    .reload = reload,
    .ending = "closing",
    .unready = unready,
    .accept = accept_or_not,
};

static int go(struct options *o)
{
    struct app a = {.options = o, .now = agent_config_read(o)};
    if (a.now == NULL)
        return program_fail(&program, o);
    a.role = a.now->stands_by ? &agent_device : &agent_tunnel;
    int code = options_flag(o, "check-config") ? check_program(&program, o, &a.now->hub)
                                               : program_run(&events, &a);
    agent_config_free(a.now);
    return code;
}

int main(int argc, char **argv)
{
    process_begin();
    if (argc > 1 && strcmp(argv[1], program_word(&accept_program)) == 0)
        loop_exit(accept_command(argc - 1, argv + 1));
    loop_exit(program_main(&program, argc, argv, go));
}
