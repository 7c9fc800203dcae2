#include "gateway/source/main/config.h"

#include "core/base/log.h"
#include "core/base/service_id.h"
#include "core/control/control.h"
#include "core/control/page/live_page.h"
#include "gateway/common/hub_check.h"
#include "gateway/source/main/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the program ---- */

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
        return config_tunnels_key(&c->tunnels, o, name, e);
    if (span_is(kind, "alias") && name.n == 0)
        return alias_key(c, o, e);
    if (span_is(kind, "service") && name.n > 0)
        return service_key(c, o, name, e);
    char safe[80];
    return options_fail(o, "[%s]: sections are [tunnel NAME], [alias] and [service ID]",
                        str_escape(e->section, safe, sizeof safe));
}

/* ---- devices and tunnels ---- */

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
           (options_get(c->options, "proxy-endpoint") != NULL || c->tunnels.n == 0);
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
        why = config_session_read(c->options, &c->devices.tunnel.end);
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
    enum err why = config_tunnels_read(&c->tunnels, c->options);
    if (why != ERR_OK || !nameless)
        return why;
    struct config_tunnel *t = config_tunnels_nameless(&c->tunnels, c->options);
    if (t == NULL)
        return ERR_USAGE;
    return config_tunnel_read(c->options, t) == ERR_OK ? ERR_OK : refuse_nameless(c);
}

static enum err read_endpoint(struct config *c)
{
    return config_endpoint_read(c->options, &c->endpoint);
}

/* ---- names ---- */

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

const char *config_listen(const struct config *c, size_t i)
{
    return options_each(c->options, "listen", i);
}

/* What --check-config tells: all that is wrong with the files of the tunnels. */
static enum program_next check(const struct config *c)
{
    char text[400];
    bool good = true;
    for (size_t i = 0; i < c->tunnels.n; i++) {
        const struct config_tunnel *t = &c->tunnels.all[i];
        if (hub_check_options(&t->hub, text, sizeof text) == ERR_OK)
            continue;
        log_error("tunnel%s%s: %s", t->name[0] != '\0' ? " " : "", t->name, text);
        good = false;
    }
    return good && program_checked(&program, c->options) ? PROGRAM_DONE : PROGRAM_FAILED;
}

static enum err read_page(struct config *c)
{
    return live_page_check(c->options);
}

/* What options and files come to. */
static enum err read_all(struct config *c)
{
    static enum err (*const parts[])(struct config * c) = {
        read_suffixes, read_http_services, read_endpoint, read_devices, read_page, read_tunnels,
    };
    enum err why = ERR_OK;
    for (size_t i = 0; why == ERR_OK && i < sizeof parts / sizeof *parts; i++)
        why = parts[i](c);
    return why;
}

enum program_next config_read(struct config *c, int argc, char **argv)
{
    static const struct option_group *const groups[] = {
        &config_endpoint_group, &hub_options,           &config_devices_group,
        &config_tunnel_group,   &control_options,       &control_ops_options,
        &live_page_options,     &program_check_options, &program_options};
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
    for (size_t i = 0; why == ERR_OK && i < fresh->tunnels.n; i++)
        why = refuse_stdin(fresh->options, fresh->tunnels.all[i].options);
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
    config_tunnels_free(&c->tunnels);
    config_devices_free(&c->devices);
    service_traits_free(&c->traits);
    config_endpoint_free(&c->endpoint);
    names_free(c->names);
    options_free(c->options);
}
