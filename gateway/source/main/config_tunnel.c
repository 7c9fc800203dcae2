#include "gateway/source/main/config_tunnel.h"

#include "core/base/log.h"
#include "core/base/service_id.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECTIONS 4096 /* at once in a service, unless told otherwise */

static const struct option table[] = {
    {.name = "source-listen-port",
     .letter = 's',
     .argument = "MAP",
     .help = "Listening ports of single services besides the endpoint: HTTP1=5555,SSH1=3333, or a "
             "single 5555; for a host behind the device PLC=5501:10.0.7.20:502. May be repeated.",
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
const struct option_group config_tunnel_group = OPTION_GROUP("Services", table);

/* ---- sections ---- */

static struct config_tunnel *find_tunnel(struct config_tunnels *c, struct span name)
{
    for (size_t i = 0; i < c->n; i++)
        if (span_is_nocase(name, c->all[i].name))
            return &c->all[i];
    return NULL;
}

static enum err add_tunnel(struct config_tunnels *c, struct options *o, struct span name)
{
    static const struct option_group *const groups[] = {&hub_options, &config_tunnel_group};
    char safe[80];
    str_escape(name, safe, sizeof safe);
    if (c->n == CONFIG_TUNNELS_MAX)
        return options_fail(o, "more than %d tunnels", CONFIG_TUNNELS_MAX);
    if (find_tunnel(c, name) != NULL)
        return options_fail(o, "there are two sections [tunnel %s]", safe);
    struct config_tunnel *t = &c->all[c->n];
    t->name = span_dup(name);
    t->options = options_new(groups, sizeof groups / sizeof *groups);
    c->n++;
    if (t->name == NULL || t->options == NULL)
        return options_fail(o, "out of memory");
    if (!service_id_is(span_of(t->name)))
        return options_fail(o, "\"%s\" is no tunnel name: letters, digits, ':', '_' and '-' only",
                            safe);
    return ERR_OK;
}

enum err config_tunnels_key(struct config_tunnels *c, struct options *o, struct span name,
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

/* ---- what they come to ---- */

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
        if (services_parse(&t->map, text, SERVICES_FORWARD, problem, sizeof problem) != ERR_OK)
            return options_fail(o, "--source-listen-port: %s", problem);
    t->tunnel.assign = dir != NULL || (source && t->map.n == 0);
    if (dir != NULL &&
        services_load(&t->map, dir, SERVICES_FORWARD, problem, sizeof problem) != ERR_OK)
        return options_fail(o, "--config-dir: %s", problem);
    if (t->map.warning[0] != '\0')
        log_warning("%s", t->map.warning);
    t->tunnel.map = t->map.n > 0 ? &t->map : NULL;
    return ERR_OK;
}

/* Amazon's protocol has no place for a target. */
static enum err check_targets(struct options *o, const struct config_tunnel *t)
{
    char target[TARGETS_HOST + 10];
    for (size_t i = 0; !t->tunnel.end.native && i < t->map.n; i++)
        if (t->map.items[i].target != NULL)
            return options_fail(o,
                                "a port cannot lead to %s behind the device: with "
                                "--destination-client-type, --subprotocol or Amazon's hub the "
                                "device cannot be told",
                                service_target(&t->map.items[i], target, sizeof target));
    return ERR_OK;
}

enum err config_session_read(struct options *o, struct tunnel_end_options *out)
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

enum err config_tunnel_read(struct options *o, struct config_tunnel *t)
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
    if (why == ERR_OK)
        why = check_targets(o, t);
    return why == ERR_OK ? config_session_read(o, end) : why;
}

enum err config_tunnels_read(struct config_tunnels *c, struct options *o)
{
    for (size_t i = 0; i < c->n; i++) {
        struct config_tunnel *t = &c->all[i];
        if (config_tunnel_read(t->options, t) != ERR_OK)
            return options_fail(o, "[tunnel %s]: %s", t->name, options_problem(t->options));
    }
    return ERR_OK;
}

struct config_tunnel *config_tunnels_nameless(struct config_tunnels *c, struct options *o)
{
    if (c->n == CONFIG_TUNNELS_MAX) {
        options_fail(o, "more than %d tunnels", CONFIG_TUNNELS_MAX);
        return NULL;
    }
    struct config_tunnel *t = &c->all[c->n++];
    t->name = span_dup(span_of(""));
    if (t->name == NULL)
        options_fail(o, "out of memory");
    return t->name != NULL ? t : NULL;
}

void config_tunnels_free(struct config_tunnels *c)
{
    for (size_t i = 0; i < c->n; i++) {
        struct config_tunnel *t = &c->all[i];
        services_free(&t->map);
        hub_config_free(&t->hub);
        options_free(t->options);
        free(t->name);
    }
}
