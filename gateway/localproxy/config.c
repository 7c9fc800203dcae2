#include "gateway/localproxy/config.h"

#include "core/base/log.h"

#include <string.h>

#define DEFAULT_DIRECTORY                                                                          \
    "./config" /* of the current directory, as the reference program has it                        \
                */

static const struct option table[] = {
    {.name = "source-listen-port",
     .letter = 's',
     .argument = "MAP",
     .help = "Listen, for users of the tunnel: SSH1=5555,HTTP1=8080, or 5555 for a tunnel with "
             "one service. ADDRESS:PORT works, too."},
    {.name = "destination-app",
     .letter = 'd',
     .argument = "MAP",
     .help = "Serve the tunnel: SSH1=22,HTTP1=host:80,X=/run/x.sock, or 22 for a tunnel with one "
             "service."},
    {.name = "mode",
     .letter = 'm',
     .argument = "src|dst",
     .help = "The end that this is, when neither -s nor -d tells: src (source) or dst "
             "(destination)."},
    {.name = "destination-client-type",
     .letter = 'y',
     .argument = "V1|V2",
     .help = "Speak an older protocol version, for a destination that knows no other: V1 for AWS "
             "IoT Device Client, Greengrass and old local proxies."},
    {.name = "config-dir",
     .argument = "DIR",
     .help = "Service maps: ini files with \"SERVICE = PORT\" or \"SERVICE = ENDPOINT\" lines. "
             "Without -s and -d, " DEFAULT_DIRECTORY " is read if there is one."},
    {.name = "default-bind-address",
     .argument = "ADDRESS",
     .setting = "tunneling.proxy.default_bind_address",
     .fallback = "localhost",
     .help = "Instead of -b.",
     .flags = OPTION_HIDDEN | OPTION_EXACT},
    {.name = "connect-retries",
     .argument = "N",
     .setting = "tunneling.proxy.tcp.connection_retry_count",
     .fallback = "5",
     .help = "Further tries to reach a service.",
     .flags = OPTION_HIDDEN | OPTION_EXACT},
    {.name = "connect-retry-delay",
     .argument = "TIME",
     .setting = "tunneling.proxy.tcp.connection_retry_delay_ms",
     .fallback = "2500ms",
     .help = "Between them.",
     .flags = OPTION_HIDDEN | OPTION_EXACT},
    {.name = "max-connections",
     .argument = "N",
     .setting = "tunneling.proxy.tcp.max_active_connections",
     .fallback = "128",
     .help = "At once, for each service of a source; more wait.",
     .flags = OPTION_HIDDEN | OPTION_EXACT},
    {.name = "hub-retries",
     .argument = "N",
     .setting = "tunneling.proxy.websocket.connect_retry_count",
     .fallback = "-1",
     .help = "Further tries to reach the hub; -1: for ever.",
     .flags = OPTION_HIDDEN | OPTION_EXACT},
    {.name = "reconnect",
     .argument = "true|false",
     .setting = "tunneling.proxy.websocket.reconnect_on_data_error",
     .fallback = "true",
     .help = "Connect again after the connection to the hub was lost.",
     .flags = OPTION_HIDDEN | OPTION_EXACT},
};
const struct option_group localproxy_options = OPTION_GROUP("Services", table);

/* ---- role ---- */

static bool is_mode(const char *mode, const char *brief, const char *full)
{
    return mode != NULL && (strcmp(mode, brief) == 0 || strcmp(mode, full) == 0);
}

static enum err read_role(struct options *o, struct localproxy_config *out)
{
    const char *listen = options_get(o, "source-listen-port");
    const char *app = options_get(o, "destination-app"), *mode = options_get(o, "mode");
    bool source = is_mode(mode, "src", "source");
    bool destination = is_mode(mode, "dst", "destination");
    if (mode != NULL && !source && !destination)
        return options_reject(o, "mode",
                              "is none of them: Mode value is wrong! Allowed values are: src, dst, "
                              "source, destination");
    if (listen != NULL && app != NULL)
        return options_fail(o, "Must specify one and only one of --source-listen-port/-s or "
                               "--destination-app/-d: this is one end of a tunnel only");
    if (mode == NULL && listen == NULL && app == NULL)
        return options_fail(o, "Must specify one of --source-listen-port/-s or "
                               "--destination-app/-d or --mode: say which end of the tunnel this "
                               "is");
    if (source && app != NULL)
        return options_fail(o, "-d and --mode have mismatched mode. Mode is set to source! Use -s "
                               "here, or --mode dst");
    if (destination && listen != NULL)
        return options_fail(o, "-s and --mode have mismatched mode. Mode is set to destination! "
                               "Use -d here, or --mode src");
    out->source = source || listen != NULL;
    return ERR_OK;
}

static void read_version(const struct options *o, struct localproxy_config *out)
{
    const char *type = options_get(o, "destination-client-type");
    char text[60];
    out->version = out->source ? 3 : 0;
    if (type == NULL)
        return;
    if (strcmp(type, "V1") == 0)
        out->version = 1;
    else if (strcmp(type, "V2") == 0)
        out->version = out->source ? 2 : 0;
    else
        log_warning("--destination-client-type \"%s\" is neither V1 nor V2: speaking V3",
                    str_escape(span_of(type), text, sizeof text));
}

/* ---- services ---- */

static enum err read_mapping(struct options *o, const char *name, enum services_use use,
                             struct services *out)
{
    char problem[400];
    enum err why = services_parse(out, options_get(o, name), use, problem, sizeof problem);
    if (why != ERR_OK)
        return options_fail(o, "--%s: %s", name, problem);
    if (out->warning[0] != '\0')
        log_warning("%s", out->warning);
    return ERR_OK;
}

/* A directory that was asked for must exist and have a mapping, even when mappings on the command
 * line override it. */
static enum err read_files(struct options *o, enum services_use use, struct services *out)
{
    const char *given = options_get(o, "config-dir");
    char problem[400];
    enum err why =
        services_load(out, given != NULL ? given : DEFAULT_DIRECTORY, use, problem, sizeof problem);
    if (why == ERR_NOT_FOUND && given == NULL)
        return ERR_OK;
    if (why != ERR_OK && given == NULL) { /* ./config may belong to another program */
        log_warning("%s; %s holds no service maps", problem, DEFAULT_DIRECTORY);
        services_free(out);
        return ERR_OK;
    }
    if (why != ERR_OK)
        return options_fail(o, "--config-dir: %s", problem);
    if (given != NULL && out->n == 0)
        return options_reject(o, "config-dir",
                              "holds no mappings: put a file with lines like SSH1 = 22 there");
    if (out->warning[0] != '\0')
        log_warning("%s", out->warning);
    return ERR_OK;
}

static enum err read_services(struct options *o, struct localproxy_config *out)
{
    const char *name = out->source ? "source-listen-port" : "destination-app";
    enum services_use use = out->source ? SERVICES_LISTEN : SERVICES_DIAL_ONE;
    bool mapped = options_get(o, name) != NULL;
    struct services files = {.n = 0};
    enum err why = ERR_OK;
    if (!mapped || options_get(o, "config-dir") != NULL)
        why = read_files(o, use, &files);
    if (why == ERR_OK && mapped)
        why = read_mapping(o, name, use, &out->services);
    if (mapped || why != ERR_OK) {
        services_free(&files);
        return why;
    }
    out->services = files;
    out->from_files = files.n > 0;
    if (!out->source && files.n == 0)
        return options_fail(o, "No port mapping exists: say what the tunnel leads to, with -d "
                               "SERVICE=PORT or files in --config-dir");
    return ERR_OK;
}

/* ---- numbers ---- */

static enum err read_hub_tries(struct options *o, struct localproxy_config *out)
{
    const char *text = options_get(o, "hub-retries");
    uint64_t tries = 0;
    out->give_up = strcmp(text, "-1") != 0;
    enum err why = out->give_up ? options_number(o, "hub-retries", 0, 1000000, &tries) : ERR_OK;
    out->hub_tries = (unsigned)tries;
    return why;
}

static enum err read_numbers(struct options *o, struct localproxy_config *out)
{
    uint64_t retries = 0, connections = 0;
    const char *reconnect = options_get(o, "reconnect");
    enum err why = options_number(o, "connect-retries", 0, 1000000, &retries);
    if (why == ERR_OK)
        why = options_duration(o, "connect-retry-delay", &out->connect_retry_ms);
    if (why == ERR_OK)
        why = options_number(o, "max-connections", 1, 65535, &connections);
    if (why == ERR_OK)
        why = read_hub_tries(o, out);
    out->connect_retries = (unsigned)retries;
    out->max_connections = (size_t)connections;
    out->reconnect = strcmp(reconnect, "true") == 0 || strcmp(reconnect, "1") == 0;
    if (why == ERR_OK && !out->reconnect && strcmp(reconnect, "false") != 0 &&
        strcmp(reconnect, "0") != 0)
        why = options_reject(o, "reconnect", "is neither true nor false");
    return why;
}

enum err localproxy_config_read(struct options *o, struct localproxy_config *out)
{
    *out = (struct localproxy_config){.source = false};
    out->address_given = options_get(o, "local-bind-address") != NULL;
    out->address =
        options_get(o, out->address_given ? "local-bind-address" : "default-bind-address");
    enum err why = read_role(o, out);
    if (why != ERR_OK)
        return why;
    read_version(o, out);
    why = read_numbers(o, out);
    return why == ERR_OK ? read_services(o, out) : why;
}

void localproxy_config_free(struct localproxy_config *p)
{
    services_free(&p->services);
}
