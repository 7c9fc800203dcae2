#include "gateway/source/main/config.h"

#include "core/base/log.h"
#include "core/base/secret.h"
#include "core/base/service_id.h"
#include "core/control/control.h"
#include "gateway/common/hub_check.h"
#include "gateway/source/main/command.h"
#include "gateway/source/main/password_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECTIONS 4096

/* ---- tables ---- */

static const struct option endpoint_table[] = {
    {.name = "listen",
     .argument = "WHERE",
     .fallback = GATEWAY_DEFAULT_LISTEN,
     .help = "Where clients find SOCKS5, SOCKS4a and HTTP: ADDRESS:PORT or the path of a unix "
             "socket. May be repeated.",
     .flags = OPTION_MANY | OPTION_EXACT | OPTION_START},
    {.name = "suffix",
     .argument = "NAME",
     .fallback = "tunnel",
     .help = "What host names end in, also a list with commas. May be repeated; the first one is "
             "shown.",
     .flags = OPTION_MANY | OPTION_EXACT},
    {.name = "user",
     .argument = "NAME",
     .help = "Ask clients for this user name and the password of --password-file.",
     .flags = OPTION_EXACT | OPTION_START},
    {.name = "password-file",
     .argument = "FILE",
     .help = "The first line of this file is the password.",
     .flags = OPTION_EXACT},
    {.name = "ask-user",
     .help = "Take a user name from each SOCKS5 client that says it can give one: it picks one of "
             "several tunnels. Some clients (PuTTY) say so of everybody, and then ask the person.",
     .flags = OPTION_EXACT},
    {.name = "open-grace",
     .argument = "TIME",
     .fallback = "auto",
     .help = "How long to wait for a refusal or a first byte before a client is told that its "
             "connection stands; auto: two round trips and 150 ms. Not for services whose client "
             "speaks first.",
     .flags = OPTION_EXACT},
    {.name = "http-services",
     .argument = "ID[,ID...]",
     .help = "Services that are HTTP, besides those whose id begins with HTTP or WEB: only to "
             "these go plain http:// requests; default: the one of a tunnel without ids; *: all. "
             "May be repeated.",
     .flags = OPTION_MANY | OPTION_EXACT},
    {.name = "forward-origins",
     .argument = "LIST",
     .fallback = "any",
     .help = "Which web pages may send plain http:// requests to services: any, or a list of "
             "tunnel (pages below the suffixes), same (of the very host), null, and origins as "
             "https://dash.example. May be repeated.",
     .flags = OPTION_MANY | OPTION_EXACT},
    {.name = "hide-clients",
     .help = "Do not tell devices from which address a client came and which name it asked for.",
     .flags = OPTION_EXACT},
    {.name = "max-clients",
     .argument = "N",
     .fallback = "4096",
     .help = "How many clients at once.",
     .flags = OPTION_EXACT},
    {.name = "memory-budget",
     .argument = "SIZE",
     .fallback = "256M",
     .help = "How much memory all that waits for slow clients and for devices may take; who has "
             "stopped reading is dropped then.",
     .flags = OPTION_EXACT | OPTION_START},
    {.name = "direct",
     .help = "Connect clients that ask for an address, or for a name outside the suffixes, "
             "straight from this machine instead of refusing them.",
     .flags = OPTION_EXACT},
};
static const struct option_group endpoint_group = OPTION_GROUP("Endpoint", endpoint_table);

/* Also valid in a [tunnel NAME] section. */
static const struct option tunnel_table[] = {
    {.name = "source-listen-port",
     .letter = 's',
     .argument = "MAP",
     .help = "Listening ports of single services besides the endpoint: HTTP1=5555,SSH1=3333, or a "
             "single 5555. May be repeated.",
     .flags = OPTION_MANY},
    {.name = "config-dir",
     .argument = "DIR",
     .help = "Read more of these from the ini files below a directory, one \"SERVICE = PORT\" a "
             "line; services without one get a free port.",
     .flags = OPTION_EXACT},
    {.name = "mode",
     .letter = 'm',
     .argument = "src",
     .help = "Given without -s: every service gets a listening port of the system's choice."},
    {.name = "destination-client-type",
     .letter = 'y',
     .argument = "V1|V2",
     .help = "The protocol version of the destination, when it is an old one (AWS IoT Device "
             "Client, Greengrass: V1)."},
    {.name = "linger",
     .argument = "TIME",
     .fallback = "30s",
     .help = "How long a service may be silent after its client has finished sending.",
     .flags = OPTION_EXACT},
    {.name = "stall-timeout",
     .argument = "TIME",
     .fallback = "30s",
     .help = "How long a client may read nothing while other connections wait behind it.",
     .flags = OPTION_EXACT},
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
    {.name = "max-connections",
     .argument = "N",
     .help = "At once, for each service (default: 4096).",
     .flags = OPTION_EXACT},
};
static const struct option_group tunnel_group = OPTION_GROUP("Services", tunnel_table);

static const struct program *const commands[] = {&program_connect, &program_print,
                                                 &program_services, &program_devices, NULL};

static enum err on_section(void *owner, struct options *o, const struct ini_entry *entry);

static struct program program = {
    .name = "tunnel-gateway",
    .summary =
        "Reaches the services of devices by name: a SOCKS and HTTP proxy into secure tunnels.",
    .usage =
        "  tunnel-gateway -e HUB[:PORT] [options]                      by an access key\n"
        "  tunnel-gateway -e HUB[:PORT] --token-file FILE [options]    one tunnel\n"
        "  tunnel-gateway connect HOST PORT      stdin and stdout to a service (ProxyCommand)\n"
        "  tunnel-gateway services               what there is, from the running gateway\n"
        "  tunnel-gateway devices                what else its access key may reach\n"
        "  tunnel-gateway print ssh-config|pac|unit\n",
    .examples =
        "  tunnel-gateway -e hub.example --profile work\n"
        "  ssh -o ProxyCommand='tunnel-gateway connect %h %p' user@ssh1.pump-07.tunnel\n"
        "  tunnel-gateway -e hub.example --token-file /run/token\n"
        "  curl --proxy socks5h://127.0.0.1:1080 http://http1.tunnel/\n"
        "  ssh -o ProxyCommand='tunnel-gateway connect %h %p' user@ssh1.tunnel\n"
        "\nFile (--config): besides the options above,\n"
        "  [tunnel NAME]     endpoint, token-file, ca, ...: another tunnel; its services are\n"
        "                    SERVICE.NAME.tunnel\n"
        "  [alias]           plc = plc:modbus_2, or plc = SERVICE.NAME\n"
        "  [service ID]      client-speaks-first = yes: connections are answered at once;\n"
        "                    http = yes|no: whether plain http:// requests go there\n",
    .section = on_section,
    .commands = commands,
};

/* ---- sections ---- */

static struct config_tunnel *find_tunnel(struct config *c, struct span name)
{
    for (size_t i = 0; i < c->n_tunnels; i++)
        if (span_is_nocase(name, c->tunnels[i].name))
            return &c->tunnels[i];
    return NULL;
}

static enum err add_tunnel(struct config *c, struct options *o, struct span name)
{
    static const struct option_group *const groups[] = {&hub_options, &tunnel_group};
    char safe[80];
    str_escape(name, safe, sizeof safe);
    if (c->n_tunnels == CONFIG_TUNNELS_MAX)
        return options_fail(o, "more than %d tunnels", CONFIG_TUNNELS_MAX);
    if (find_tunnel(c, name) != NULL)
        return options_fail(o, "there are two sections [tunnel %s]", safe);
    struct config_tunnel *t = &c->tunnels[c->n_tunnels];
    t->name = span_dup(name);
    t->options = options_new(groups, sizeof groups / sizeof *groups);
    c->n_tunnels++;
    if (t->name == NULL || t->options == NULL)
        return options_fail(o, "out of memory");
    if (!service_id_is(span_of(t->name)))
        return options_fail(o, "\"%s\" is no tunnel name: letters, digits, ':', '_' and '-' only",
                            safe);
    return ERR_OK;
}

static enum err tunnel_key(struct config *c, struct options *o, struct span name,
                           const struct ini_entry *e)
{
    static const struct {
        const char *written, *meant;
    } shorts[] = {{"endpoint", "proxy-endpoint"}, {"token", "access-token"}};
    if (e->key.p == NULL)
        return add_tunnel(c, o, name);
    struct config_tunnel *t = find_tunnel(c, name);
    struct span key = e->key;
    char where[300];
    for (size_t i = 0; i < sizeof shorts / sizeof *shorts; i++)
        if (span_is(key, shorts[i].written))
            key = span_of(shorts[i].meant);
    snprintf(where, sizeof where, "%s:%d", e->file, e->line);
    if (options_set(t->options, key, e->value, OPTION_FILE, where) == ERR_OK)
        return ERR_OK;
    return options_fail(o, "%s", options_problem(t->options));
}

static enum err alias_key(struct config *c, struct options *o, const struct ini_entry *e)
{
    if (e->key.p == NULL)
        return ERR_OK;
    char *label = span_dup(e->key), *target = span_dup(e->value);
    enum err why = ERR_NO_MEMORY;
    if (label != NULL && target != NULL)
        why = names_add_alias(c->names, label, target);
    free(label);
    free(target);
    return why == ERR_OK ? ERR_OK
                         : options_fail(o, "an alias needs a new name without dots, and a service "
                                           "it stands for");
}

static enum err set_trait(struct config *c, struct options *o, struct span id, enum trait trait,
                          bool yes)
{
    enum err why = service_traits_set(&c->traits, id, trait, yes);
    if (why == ERR_LIMIT)
        return options_fail(o, "more than %d services", SERVICE_TRAITS_MAX);
    return why == ERR_OK ? ERR_OK : options_fail(o, "out of memory");
}

static enum err service_key(struct config *c, struct options *o, struct span id,
                            const struct ini_entry *e)
{
    if (e->key.p == NULL)
        return ERR_OK;
    static const struct {
        const char *key;
        enum trait trait;
    } keys[] = {{"client-speaks-first", TRAIT_CLIENT_FIRST}, {"http", TRAIT_HTTP}};
    bool yes = span_is(e->value, "yes");
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (!span_is(e->key, keys[i].key))
            continue;
        if (!yes && !span_is(e->value, "no"))
            return options_fail(o, "%s is yes or no", keys[i].key);
        return set_trait(c, o, id, keys[i].trait, yes);
    }
    return options_fail(o, "a [service] section has client-speaks-first and http = yes|no only");
}

/* "tunnel plant7" gives "tunnel", and "plant7" in *name. Quotes around the name are taken off. */
static struct span section_kind(struct span section, struct span *name)
{
    *name = section;
    struct span kind = span_cut(name, ' ');
    *name = span_trim(*name);
    if (name->n >= 2 && name->p[0] == '"' && name->p[name->n - 1] == '"')
        *name = (struct span){name->p + 1, name->n - 2};
    return kind;
}

static enum err on_section(void *owner, struct options *o, const struct ini_entry *e)
{
    struct config *c = owner;
    struct span name, kind = section_kind(e->section, &name);
    if (span_is(kind, "tunnel") && name.n > 0)
        return tunnel_key(c, o, name, e);
    if (span_is(kind, "alias") && name.n == 0)
        return alias_key(c, o, e);
    if (span_is(kind, "service") && name.n > 0)
        return service_key(c, o, name, e);
    char safe[80];
    return options_fail(o, "[%s]: sections are [tunnel NAME], [alias] and [service ID]",
                        str_escape(e->section, safe, sizeof safe));
}

/* ---- one tunnel ---- */

static enum err read_version(struct options *o, int *version)
{
    const char *text = options_get(o, "destination-client-type");
    *version = 3;
    if (text == NULL || span_is_nocase(span_of(text), "V3"))
        return ERR_OK;
    if (!span_is_nocase(span_of(text), "V1") && !span_is_nocase(span_of(text), "V2"))
        return options_fail(o, "--destination-client-type is V1 or V2");
    *version = text[1] - '0';
    return ERR_OK;
}

static enum err read_mode(struct options *o, bool *source)
{
    const char *mode = options_get(o, "mode");
    *source = mode != NULL;
    if (mode == NULL || strcmp(mode, "src") == 0 || strcmp(mode, "source") == 0)
        return ERR_OK;
    return options_fail(o, "--mode can only be src here: the other side is tunnel-agent");
}

static enum err read_map(struct options *o, struct config_tunnel *t)
{
    char problem[400];
    const char *text, *dir = options_get(o, "config-dir");
    bool source;
    enum err why = read_mode(o, &source);
    if (why != ERR_OK)
        return why;
    for (size_t i = 0; (text = options_each(o, "source-listen-port", i)) != NULL; i++)
        if (services_parse(&t->map, text, SERVICES_LISTEN, problem, sizeof problem) != ERR_OK)
            return options_fail(o, "--source-listen-port: %s", problem);
    t->tunnel.assign = dir != NULL || (source && t->map.n == 0);
    if (dir != NULL &&
        services_load(&t->map, dir, SERVICES_LISTEN, problem, sizeof problem) != ERR_OK)
        return options_fail(o, "--config-dir: %s", problem);
    if (t->map.warning[0] != '\0')
        log_warning("%s", t->map.warning);
    t->tunnel.map = t->map.n > 0 ? &t->map : NULL;
    return ERR_OK;
}

static enum err read_session(struct options *o, struct tunnel_end_options *out)
{
    uint64_t connections = CONNECTIONS;
    enum err why = options_duration(o, "linger", &out->linger_ms);
    if (why == ERR_OK)
        why = options_duration(o, "stall-timeout", &out->stall_ms);
    if (why == ERR_OK)
        why = options_duration(o, "resume-timeout", &out->resume_ms);
    if (why == ERR_OK)
        why = options_duration(o, "stream-idle", &out->idle_ms);
    if (why == ERR_OK)
        why = options_number(o, "max-connections", 1, 65535, &connections);
    out->max_connections = (size_t)connections;
    return why;
}

static enum err read_tunnel(struct options *o, struct config_tunnel *t)
{
    struct tunnel_end_options *end = &t->tunnel.end;
    enum err why = hub_config_read(o, &(struct hub_rules){.make_client_token = true}, &t->hub);
    t->tunnel.name = t->name;
    *end = (struct tunnel_end_options){
        .role = SESSION_SOURCE, .user_agent = "tunnel-gateway/" TUNNEL_VERSION, .hub = &t->hub};
    if (why == ERR_OK)
        why = read_version(o, &end->version);
    end->native = t->hub.native && options_get(o, "destination-client-type") == NULL;
    if (why == ERR_OK)
        why = read_map(o, t);
    return why == ERR_OK ? read_session(o, end) : why;
}

static bool any_given(const struct config *c, const char *const *names)
{
    for (size_t i = 0; names[i] != NULL; i++)
        if (options_get(c->options, names[i]) != NULL)
            return true;
    return false;
}

static bool has_token(const struct config *c)
{
    static const char *const names[] = {"region", "access-token", "token-file", NULL};
    return any_given(c, names);
}

static bool nameless_wanted(const struct config *c)
{
    if (has_token(c))
        return true;
    return !c->devices.on &&
           (options_get(c->options, "proxy-endpoint") != NULL || c->n_tunnels == 0);
}

/* Ports belong to a tunnel's services, which are not known before there is a tunnel. */
static enum err refuse_ports(struct config *c)
{
    static const char *const names[] = {"source-listen-port", "config-dir", "mode", NULL};
    if (!any_given(c, names))
        return ERR_OK;
    return options_fail(c->options, "-s, -m and --config-dir need a tunnel with a token: ports are "
                                    "not for devices");
}

static enum err read_devices(struct config *c)
{
    enum err why = config_devices_read(c->options, has_token(c), &c->devices);
    if (why == ERR_OK && c->devices.on)
        why = read_session(c->options, &c->devices.tunnel.end);
    if (why == ERR_OK && c->devices.on && !has_token(c))
        why = refuse_ports(c);
    return why;
}

/* Without a token an access key would do. */
static enum err refuse_nameless(struct config *c)
{
    char problem[600];
    snprintf(problem, sizeof problem, "%s", options_problem(c->options));
    if (has_token(c) || c->devices.has_key)
        return options_fail(c->options, "%s", problem);
    return options_fail(c->options,
                        "%s; or, for devices, an access key: AWS_ACCESS_KEY_ID and "
                        "AWS_SECRET_ACCESS_KEY, or --profile NAME",
                        problem);
}

static enum err read_tunnels(struct config *c)
{
    bool nameless = nameless_wanted(c);
    for (size_t i = 0; i < c->n_tunnels; i++) {
        struct config_tunnel *t = &c->tunnels[i];
        if (read_tunnel(t->options, t) != ERR_OK)
            return options_fail(c->options, "[tunnel %s]: %s", t->name,
                                options_problem(t->options));
    }
    if (!nameless)
        return ERR_OK;
    if (c->n_tunnels == CONFIG_TUNNELS_MAX)
        return options_fail(c->options, "more than %d tunnels", CONFIG_TUNNELS_MAX);
    struct config_tunnel *t = &c->tunnels[c->n_tunnels++];
    t->name = span_dup(span_of(""));
    if (t->name == NULL)
        return options_fail(c->options, "out of memory");
    return read_tunnel(c->options, t) == ERR_OK ? ERR_OK : refuse_nameless(c);
}

/* ---- the endpoint ---- */

static enum err read_suffixes(struct config *c)
{
    const char *text;
    for (size_t i = 0; (text = options_each(c->options, "suffix", i)) != NULL; i++) {
        struct span rest = span_of(text);
        while (rest.n > 0) {
            struct span one = span_trim(span_cut(&rest, ','));
            char copy[NAMES_HOST], safe[80];
            snprintf(copy, sizeof copy, "%.*s", (int)one.n, one.p);
            if (one.n >= sizeof copy || names_add_suffix(c->names, copy) != ERR_OK)
                return options_fail(c->options, "--suffix: \"%s\" is no end of a host name",
                                    str_escape(one, safe, sizeof safe));
        }
    }
    return ERR_OK;
}

static enum err read_http_services(struct config *c)
{
    const char *text;
    for (size_t i = 0; (text = options_each(c->options, "http-services", i)) != NULL; i++) {
        struct span rest = span_of(text);
        while (rest.n > 0) {
            struct span id = span_trim(span_cut(&rest, ','));
            char safe[80];
            if (!service_id_is(id) && !span_is(id, SERVICE_TRAITS_ANY))
                return options_fail(c->options, "--http-services: \"%s\" is no service id",
                                    str_escape(id, safe, sizeof safe));
            enum err why = set_trait(c, c->options, id, TRAIT_HTTP, true);
            if (why != ERR_OK)
                return why;
        }
    }
    return ERR_OK;
}

static enum err read_origins(struct config *c)
{
    const char *text;
    for (size_t i = 0; (text = options_each(c->options, "forward-origins", i)) != NULL; i++)
        if (origins_add(&c->origins, text) != ERR_OK)
            return options_reject(c->options, "forward-origins",
                                  "is not any, or a list of tunnel, same, null and origins as "
                                  "https://dash.example");
    return ERR_OK;
}

static enum err read_grace(struct config *c)
{
    c->grace_ms = TUNNELS_GRACE_AUTO;
    if (strcmp(options_get(c->options, "open-grace"), "auto") == 0)
        return ERR_OK;
    return options_duration(c->options, "open-grace", &c->grace_ms);
}

static enum err read_limits(struct config *c)
{
    enum err why = options_number(c->options, "max-clients", 1, 1000000, &c->max_clients);
    if (why == ERR_OK)
        why = check_memory(c->options, &c->memory);
    return why;
}

static enum err read_password(struct config *c)
{
    char problem[400];
    if (password_file_read(options_get(c->options, "password-file"), &c->password, problem,
                           sizeof problem) != ERR_OK)
        return options_fail(c->options, "--password-file: %s", problem);
    return ERR_OK;
}

static enum err read_auth(struct config *c)
{
    const char *user = options_get(c->options, "user"),
               *file = options_get(c->options, "password-file");
    if (user == NULL && file == NULL)
        return ERR_OK;
    if (user == NULL || file == NULL)
        return options_fail(c->options, "--user and --password-file belong together");
    if (user[0] == '\0' || strlen(user) > 255 || strchr(user, ':') != NULL)
        return options_fail(c->options, "--user has 1 to 255 characters and no ':'");
    c->user = span_dup(span_of(user));
    if (c->user == NULL)
        return options_fail(c->options, "out of memory");
    return read_password(c);
}

const char *config_listen(const struct config *c, size_t i)
{
    return options_each(c->options, "listen", i);
}

/* What --check-config tells: all that is wrong with the files of the tunnels. */
static enum program_next check(const struct config *c)
{
    char text[400];
    bool good = true;
    for (size_t i = 0; i < c->n_tunnels; i++) {
        const struct config_tunnel *t = &c->tunnels[i];
        if (hub_check_options(&t->hub, text, sizeof text) == ERR_OK)
            continue;
        log_error("tunnel%s%s: %s", t->name[0] != '\0' ? " " : "", t->name, text);
        good = false;
    }
    return good && program_checked(&program, c->options) ? PROGRAM_DONE : PROGRAM_FAILED;
}

/* What options and files come to. */
static enum err read_all(struct config *c)
{
    static enum err (*const parts[])(struct config * c) = {
        read_suffixes, read_http_services, read_origins, read_grace,
        read_limits,   read_auth,          read_devices, read_tunnels,
    };
    enum err why = ERR_OK;
    for (size_t i = 0; why == ERR_OK && i < sizeof parts / sizeof *parts; i++)
        why = parts[i](c);
    c->direct = options_flag(c->options, "direct");
    c->ask_user = options_flag(c->options, "ask-user");
    c->hide_clients = options_flag(c->options, "hide-clients");
    return why;
}

enum program_next config_read(struct config *c, int argc, char **argv)
{
    static const struct option_group *const groups[] = {
        &endpoint_group,  &hub_options,         &config_devices_group,  &tunnel_group,
        &control_options, &control_ops_options, &program_check_options, &program_options};
    *c = (struct config){.options = options_new(groups, sizeof groups / sizeof *groups),
                         .names = names_new()};
    if (c->options == NULL || c->names == NULL)
        return PROGRAM_FAILED;
    program.owner = c;
    enum program_next next = program_read(&program, c->options, argc, argv);
    if (next != PROGRAM_GO)
        return next;
    enum err why = read_all(c);
    if (why == ERR_OK && options_flag(c->options, "check-config"))
        return check(c);
    if (why == ERR_OK)
        return PROGRAM_GO;
    program_fail(&program, c->options);
    return PROGRAM_FAILED;
}

/* ---- once more ---- */

static enum err refuse_stdin(struct options *o, const struct options *asked)
{
    const char *file = asked != NULL ? options_get(asked, "token-file") : NULL;
    if (file == NULL || strcmp(file, "-") != 0)
        return ERR_OK;
    return options_fail(o, "--token-file -: standard input is not read twice");
}

static enum err read_again(struct config *fresh)
{
    program.owner = fresh;
    enum err why = program_read_again(&program, fresh->options);
    if (why == ERR_OK)
        why = refuse_stdin(fresh->options, fresh->options);
    for (size_t i = 0; why == ERR_OK && i < fresh->n_tunnels; i++)
        why = refuse_stdin(fresh->options, fresh->tunnels[i].options);
    return why == ERR_OK ? read_all(fresh) : why;
}

enum err config_read_again(const struct config *c, struct config *fresh)
{
    *fresh = (struct config){.options = c->options, .names = names_new()};
    enum err why =
        fresh->names != NULL ? read_again(fresh) : options_fail(c->options, "out of memory");
    fresh->options = NULL;
    return why;
}

struct config *config_replace(struct config *c, struct config *fresh)
{
    fresh->options = c->options;
    c->options = NULL;
    return c;
}

void config_free(struct config *c)
{
    for (size_t i = 0; i < c->n_tunnels; i++) {
        struct config_tunnel *t = &c->tunnels[i];
        services_free(&t->map);
        hub_config_free(&t->hub);
        options_free(t->options);
        free(t->name);
    }
    config_devices_free(&c->devices);
    service_traits_free(&c->traits);
    origins_free(&c->origins);
    secret_free(c->password);
    free(c->user);
    names_free(c->names);
    options_free(c->options);
}
