#include "gateway/destination/agent_config.h"

#include "core/base/log.h"
#include "core/device/device_link.h"
#include "core/net/address.h"
#include "gateway/common/hub_check.h"

#include <stdlib.h>
#include <time.h>

static const struct option table[] = {
    {.name = "destination-app",
     .letter = 'd',
     .argument = "MAP",
     .help =
         "What to reach for which service: SSH1=22,HTTP1=host:80,X=/run/x.sock, or a single "
         "22 for a tunnel with one service. PLC=10.0.7.0/24:102,502 lets the client name a host "
         "of the list; WEB=80,proxy=v2 tells the service who the client is (PROXY protocol). "
         "May be repeated.",
     .flags = OPTION_MANY},
    {.name = "config-dir",
     .argument = "DIR",
     .help = "Read mappings from the ini files below a directory, one \"SERVICE = ENDPOINT\" a "
             "line. What -d says comes first.",
     .flags = OPTION_EXACT},
    {.name = "connect-retries",
     .argument = "N",
     .fallback = "0",
     .help = "Further tries when a service cannot be reached.",
     .flags = OPTION_EXACT},
    {.name = "connect-retry-delay",
     .argument = "TIME",
     .fallback = "1s",
     .help = "Time between them.",
     .flags = OPTION_EXACT},
    {.name = "connect-timeout",
     .argument = "TIME",
     .fallback = "10s",
     .help = "How long one address of a service may take to answer.",
     .flags = OPTION_EXACT},
    {.name = "max-connections",
     .argument = "N",
     .fallback = "4096",
     .help = "At once, for each service.",
     .flags = OPTION_EXACT},
    {.name = "stall-timeout",
     .argument = "TIME",
     .fallback = "30s",
     .help = "How long a service may read nothing while other connections wait behind it.",
     .flags = OPTION_EXACT},
    {.name = "memory-budget",
     .argument = "SIZE",
     .fallback = "64M",
     .help = "How much memory all that waits for slow services and for the gateway may take; who "
             "has stopped reading is dropped then.",
     .flags = OPTION_EXACT | OPTION_START},
    {.name = "resume-timeout",
     .argument = "TIME",
     .fallback = "2m",
     .help = "How long connections of a native session outlive a lost hub or far end.",
     .flags = OPTION_EXACT},
    {.name = "stream-idle",
     .argument = "TIME",
     .help = "End a connection in which no byte has moved for so long, in either direction. "
             "Default: no limit but the hub's.",
     .flags = OPTION_EXACT},
    {.name = "destination-client-type",
     .letter = 'y',
     .argument = "V1",
     .help = "Serve the first service only, as protocol version 1 has it. Needed for sources that "
             "speak V1 on a tunnel with service ids.",
     .flags = OPTION_START},
};
const struct option_group agent_service_options = OPTION_GROUP("Services", table);

static const struct option device_table[] = {
    {.name = "cert",
     .argument = "FILE",
     .help = "The device's certificate (PEM, with what leads to its authority), for a hub that "
             "wants one.",
     .flags = OPTION_EXACT},
    {.name = "key",
     .argument = "FILE",
     .help = "Its private key (PEM, RSA or EC).",
     .flags = OPTION_EXACT},
};
const struct option_group agent_device_options =
    OPTION_GROUP("The device's identity", device_table);

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

static enum err read_end(struct options *o, struct agent_config *c)
{
    struct tunnel_end_options *out = &c->end;
    uint64_t connections = 0;
    enum err why = device_config_wanted(o, &c->stands_by);
    const struct hub_rules rules = {
        .make_client_token = true,
        .tokenless = c->stands_by,
        .otherwise = "; or, to stand by as a device, --device NAME and a join token, "
                     "--join-token-file FILE"};
    if (why == ERR_OK)
        why = hub_config_read(o, &rules, &c->hub);
    if (why != ERR_OK)
        return why;
    c->fixed_pings = options_source(o, "ping-period") != OPTION_DEFAULT;
    *out = (struct tunnel_end_options){
        .role = SESSION_DESTINATION, .hub = &c->hub, .user_agent = "tunnel-agent/" TUNNEL_VERSION};
    why = read_version(o, &out->version);
    out->native = c->hub.native && out->version == 0;
    if (why == ERR_OK)
        why = options_number(o, "max-connections", 1, 65535, &connections);
    out->max_connections = (size_t)connections;
    if (why == ERR_OK)
        why = options_duration(o, "stall-timeout", &out->stall_ms);
    if (why == ERR_OK)
        why = options_duration(o, "resume-timeout", &out->resume_ms);
    if (why == ERR_OK)
        why = options_duration(o, "stream-idle", &out->idle_ms);
    if (why == ERR_OK)
        why = check_memory(o, &c->memory);
    if (why == ERR_OK)
        why = read_identity(o, &out->identity);
    return why;
}

static enum err read_destination(struct options *o, struct agent_config *c)
{
    struct destination_options *out = &c->destination;
    uint64_t retries = 0;
    enum err why = read_services(o, &c->services);
    if (why == ERR_OK)
        why = options_number(o, "connect-retries", 0, 1000, &retries);
    if (why == ERR_OK)
        why = options_duration(o, "connect-retry-delay", &out->retry_delay_ms);
    if (why == ERR_OK)
        why = options_duration(o, "connect-timeout", &out->dial_timeout_ms);
    if (why == ERR_OK && c->hub.bind != NULL && !address_is_ip(c->hub.bind))
        why = options_reject(o, "local-bind-address", "is not an IP address of this machine");
    out->match = c->stands_by ? DESTINATION_SUBSET : DESTINATION_ANY;
    out->retries = (unsigned)retries;
    out->services = &c->services;
    out->bind = c->hub.bind;
    return why;
}

/* What the hub is told of a device's services are their ids. */
static enum err check_services(struct options *o, const struct services *map)
{
    if (services_unnamed(map))
        return options_fail(o, "the services of a device have names: -d SERVICE=PORT, such as "
                               "SSH1=22");
    if (map->n > DEVICE_LINK_SERVICES_MAX)
        return options_fail(o, "a device has at most %d services, and %zu are mapped",
                            DEVICE_LINK_SERVICES_MAX, map->n);
    return ERR_OK;
}

static enum err read_device(struct options *o, struct agent_config *c)
{
    if (!c->stands_by)
        return ERR_OK;
    if (c->end.version != 0)
        return options_fail(o, "--destination-client-type is for one tunnel, not for a device");
    if (!c->hub.native && options_get(o, "subprotocol") == NULL)
        return options_fail(o,
                            "devices stand by at tunnel-hub only: AWS tells a device of its "
                            "tunnels over MQTT, and what is told starts an agent with the token");
    enum err why = check_services(o, &c->services);
    return why == ERR_OK ? device_config_read(o, c->end.identity, &c->device) : why;
}

void agent_config_free(struct agent_config *c)
{
    if (c == NULL)
        return;
    device_config_free(&c->device);
    identity_free(c->end.identity);
    services_free(&c->services);
    hub_config_free(&c->hub);
    free(c);
}

struct agent_config *agent_config_read(struct options *o)
{
    struct agent_config *c = calloc(1, sizeof *c);
    if (c == NULL) {
        options_fail(o, "out of memory");
        return NULL;
    }
    if (read_end(o, c) == ERR_OK && read_destination(o, c) == ERR_OK && read_device(o, c) == ERR_OK)
        return c;
    agent_config_free(c);
    return NULL;
}
