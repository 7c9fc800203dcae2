/* tunnel-agent: the program on the device. */
#include "core/base/log.h"
#include "core/base/process.h"
#include "core/config/program.h"
#include "core/control/control.h"
#include "core/http/upstream.h"
#include "core/net/address.h"
#include "core/net/loop.h"
#include "gateway/common/hub_check.h"
#include "gateway/destination/agent.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct option table[] = {
    {"destination-app", 'd', "MAP", NULL, NULL, NULL,
     "What to reach for which service: SSH1=22,HTTP1=host:80,X=/run/x.sock, or a single 22 for a "
     "tunnel with one service. May be repeated.",
     OPTION_MANY},
    {"config-dir", 0, "DIR", NULL, NULL, NULL,
     "Read mappings from the ini files below a directory, one \"SERVICE = ENDPOINT\" a line. What "
     "-d says comes first.",
     OPTION_EXACT},
    {"connect-retries", 0, "N", NULL, NULL, "0", "Further tries when a service cannot be reached.",
     OPTION_EXACT},
    {"connect-retry-delay", 0, "TIME", NULL, NULL, "1s", "Time between them.", OPTION_EXACT},
    {"connect-timeout", 0, "TIME", NULL, NULL, "10s",
     "How long one address of a service may take to answer.", OPTION_EXACT},
    {"max-connections", 0, "N", NULL, NULL, "4096", "At once, for each service.", OPTION_EXACT},
    {"stall-timeout", 0, "TIME", NULL, NULL, "30s",
     "How long a service may read nothing while other connections wait behind it.", OPTION_EXACT},
    {"memory-budget", 0, "SIZE", NULL, NULL, "64M",
     "How much memory all that waits for slow services and for the gateway may take; who has "
     "stopped reading is dropped then.",
     OPTION_EXACT | OPTION_START},
    {"resume-timeout", 0, "TIME", NULL, NULL, "2m",
     "How long connections of a native session outlive a lost hub or far end.", OPTION_EXACT},
    {"destination-client-type", 'y', "V1", NULL, NULL, NULL,
     "Serve the first service only, as protocol version 1 has it. Needed for sources that speak V1 "
     "on a tunnel with service ids.",
     OPTION_START},
};
static const struct option_group group = OPTION_GROUP("Services", table);

static const struct option device_table[] = {
    {"cert", 0, "FILE", NULL, NULL, NULL,
     "The device's certificate (PEM, with what leads to its authority), for a hub that wants one.",
     OPTION_EXACT},
    {"key", 0, "FILE", NULL, NULL, NULL, "Its private key (PEM, RSA or EC).", OPTION_EXACT},
};
static const struct option_group device_group = OPTION_GROUP("The device's identity", device_table);

static const struct program program = {
    .name = "tunnel-agent",
    .summary = "Makes local services reachable through a secure tunnel (its destination end).",
    .usage = "  tunnel-agent -e HUB[:PORT] --token-file FILE -d SSH1=22,HTTP1=80\n",
    .examples = "  tunnel-agent -r eu-central-1 --token-file /run/token -d 22\n"
                "  AWSIOT_TUNNEL_ACCESS_TOKEN=... tunnel-agent -e hub.example:8443 --ca ca.pem \\\n"
                "      -d SSH1=22,DOOR=192.168.7.20:8080,DB=/run/db.sock\n",
};

static enum err read_services(struct options *o, struct services *out)
{
    char problem[400];
    const char *text, *dir = options_get(o, "config-dir");
    enum err why = ERR_OK;
    for (size_t i = 0; why == ERR_OK && (text = options_each(o, "destination-app", i)) != NULL; i++)
        why = services_parse(out, text, SERVICES_DIAL, problem, sizeof problem);
    if (why != ERR_OK)
        return options_fail(o, "--destination-app: %s", problem);
    if (dir != NULL)
        why = services_load(out, dir, SERVICES_DIAL, problem, sizeof problem);
    if (why != ERR_OK)
        return options_fail(o, "--config-dir: %s", problem);
    if (out->n == 0)
        return options_fail(o, "say what the tunnel leads to: -d SERVICE=PORT, or -d PORT for a "
                               "tunnel with one service");
    if (out->warning[0] != '\0')
        log_warning("%s", out->warning);
    return ERR_OK;
}

static enum err read_version(struct options *o, int *version)
{
    const char *text = options_get(o, "destination-client-type");
    if (text == NULL)
        return ERR_OK;
    if (!span_is_nocase(span_of(text), "V1"))
        return options_reject(o, "destination-client-type",
                              "is not V1; other versions need no option here");
    *version = 1;
    return ERR_OK;
}

/* Both or neither. */
static enum err read_identity(struct options *o, struct identity **out)
{
    const char *cert = options_get(o, "cert"), *key = options_get(o, "key");
    char problem[400];
    enum err why;
    if (cert == NULL && key == NULL)
        return ERR_OK;
    if (cert == NULL || key == NULL)
        return options_fail(o, "--%s needs --%s as well: a certificate and its key belong together",
                            cert != NULL ? "cert" : "key", cert != NULL ? "key" : "cert");
    *out = identity_new(cert, key, &why, problem, sizeof problem);
    if (*out == NULL)
        return options_fail(o, "--cert and --key: %s", problem);
    if (identity_problem(*out, IDENTITY_CLIENT, (int64_t)time(NULL), problem, sizeof problem))
        log_warning("--cert %s: %s", cert, problem);
    return ERR_OK;
}

static enum err read_client(struct options *o, struct hub_config *hub,
                            struct tunnel_program_options *out)
{
    uint64_t connections = 0;
    enum err why = hub_config_read(o, &(struct hub_rules){.make_client_token = true}, hub);
    if (why != ERR_OK)
        return why;
    out->hub = hub;
    out->web_proxy = hub->web_proxy != NULL
                         ? hub->web_proxy
                         : upstream_from_env(hub->host, hub->port, process_environment);
    why = read_version(o, &out->version);
    out->native = hub->native && out->version == 0;
    if (why == ERR_OK)
        why = options_number(o, "max-connections", 1, 65535, &connections);
    out->max_connections = connections;
    out->control = (struct tunnel_program_control){.program = "tunnel-agent",
                                                   .path = options_get(o, "control"),
                                                   .readonly = options_flag(o, "control-readonly"),
                                                   .ops = o};
    if (why == ERR_OK)
        why = options_duration(o, "stall-timeout", &out->stall_ms);
    if (why == ERR_OK)
        why = options_duration(o, "resume-timeout", &out->resume_ms);
    if (why == ERR_OK)
        why = check_memory(o, &out->memory);
    if (why == ERR_OK)
        why = read_identity(o, &out->identity);
    return why;
}

static enum err read_destination(struct options *o, const struct hub_config *hub,
                                 struct services *services, struct destination_options *out)
{
    uint64_t retries = 0;
    enum err why = read_services(o, services);
    if (why == ERR_OK)
        why = options_number(o, "connect-retries", 0, 1000, &retries);
    if (why == ERR_OK)
        why = options_duration(o, "connect-retry-delay", &out->retry_delay_ms);
    if (why == ERR_OK)
        why = options_duration(o, "connect-timeout", &out->dial_timeout_ms);
    if (why == ERR_OK && hub->bind != NULL && !address_is_ip(hub->bind))
        why = options_reject(o, "local-bind-address", "is not an IP address of this machine");
    out->retries = (unsigned)retries;
    out->services = services;
    out->bind = hub->bind;
    return why;
}

/* What the options come to. */
struct settings {
    struct hub_config hub;
    struct services services;
    struct tunnel_program_options client;
    struct destination_options destination;
};

struct app {
    struct options *options;
    struct settings *now;
};

static void settings_free(struct settings *s)
{
    if (s == NULL)
        return;
    identity_free(s->client.identity);
    services_free(&s->services);
    hub_config_free(&s->hub);
    free(s);
}

/* NULL: options_problem says why. */
static struct settings *settings_read(struct options *o)
{
    struct settings *s = calloc(1, sizeof *s);
    if (s == NULL) {
        options_fail(o, "out of memory");
        return NULL;
    }
    s->client.user_agent = "tunnel-agent/" TUNNEL_VERSION;
    s->destination.match = DESTINATION_ANY;
    if (read_client(o, &s->hub, &s->client) == ERR_OK &&
        read_destination(o, &s->hub, &s->services, &s->destination) == ERR_OK)
        return s;
    settings_free(s);
    return NULL;
}

/* SIGHUP: what is wrong, or cannot be had, leaves everything as it is. */
static void read_again(void *owner, struct agent *agent)
{
    struct app *a = owner;
    struct settings *fresh = NULL;
    const char *file = options_get(a->options, "token-file");
    if (file != NULL && strcmp(file, "-") == 0)
        options_fail(a->options, "--token-file -: standard input is not read twice");
    else if (program_read_again(&program, a->options) == ERR_OK)
        fresh = settings_read(a->options);
    if (fresh == NULL) {
        log_error("SIGHUP: %s; going on with the configuration in use",
                  options_problem(a->options));
        return;
    }
    if (agent_change(agent, &fresh->client, &fresh->destination) != ERR_OK) {
        settings_free(fresh);
        return;
    }
    settings_free(a->now);
    a->now = fresh;
    log_info("SIGHUP: token, mappings, certificates, limits and times were read again");
}

static int run(struct app *a)
{
    const struct agent_reload reload = {read_again, a};
    a->now = settings_read(a->options);
    if (a->now == NULL)
        return program_fail(&program, a->options);
    if (options_flag(a->options, "check-config"))
        return check_program(&program, a->options, &a->now->hub);
    const struct settings first = *a->now; /* its pointers are good until the first change */
    enum err why = agent_run(&first.client, &first.destination, &reload);
    return why == ERR_SHUTDOWN || why == ERR_TUNNEL_CLOSED ? 0 : 1;
}

int main(int argc, char **argv)
{
    const struct option_group *groups[] = {
        &hub_options,         &device_group,          &group,          &control_options,
        &control_ops_options, &program_check_options, &program_options};
    struct app a = {.options = options_new(groups, sizeof groups / sizeof *groups)};
    int code = 1;
    process_begin();
    if (a.options == NULL)
        return 1;
    switch (program_read(&program, a.options, argc, argv)) {
    case PROGRAM_GO:
        code = run(&a);
        break;
    case PROGRAM_DONE:
        code = 0;
        break;
    case PROGRAM_FAILED:
        break;
    }
    settings_free(a.now);
    options_free(a.options);
    loop_exit(code);
}
