#include "gateway/source/main/config_endpoint.h"

#include "core/base/secret.h"
#include "gateway/common/hub_check.h"
#include "gateway/source/main/command.h"
#include "gateway/source/main/password_file.h"
#include "gateway/source/tunnels.h"

#include <stdlib.h>
#include <string.h>

static const struct option table[] = {
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
const struct option_group config_endpoint_group = OPTION_GROUP("Endpoint", table);

static enum err read_origins(struct options *o, struct config_endpoint *out)
{
    const char *text;
    for (size_t i = 0; (text = options_each(o, "forward-origins", i)) != NULL; i++)
        if (origins_add(&out->origins, text) != ERR_OK)
            return options_reject(o, "forward-origins",
                                  "is not any, or a list of tunnel, same, null and origins as "
                                  "https://dash.example");
    return ERR_OK;
}

static enum err read_grace(struct options *o, struct config_endpoint *out)
{
    out->grace_ms = TUNNELS_GRACE_AUTO;
    if (strcmp(options_get(o, "open-grace"), "auto") == 0)
        return ERR_OK;
    return options_duration(o, "open-grace", &out->grace_ms);
}

static enum err read_limits(struct options *o, struct config_endpoint *out)
{
    enum err why = options_number(o, "max-clients", 1, 1000000, &out->max_clients);
    if (why == ERR_OK)
        why = check_memory(o, &out->memory);
    return why;
}

static enum err read_password(struct options *o, struct config_endpoint *out)
{
    char problem[400];
    if (password_file_read(options_get(o, "password-file"), &out->password, problem,
                           sizeof problem) != ERR_OK)
        return options_fail(o, "--password-file: %s", problem);
    return ERR_OK;
}

static enum err read_auth(struct options *o, struct config_endpoint *out)
{
    const char *user = options_get(o, "user"), *file = options_get(o, "password-file");
    if (user == NULL && file == NULL)
        return ERR_OK;
    if (user == NULL || file == NULL)
        return options_fail(o, "--user and --password-file belong together");
    if (user[0] == '\0' || strlen(user) > 255 || strchr(user, ':') != NULL)
        return options_fail(o, "--user has 1 to 255 characters and no ':'");
    out->user = span_dup(span_of(user));
    if (out->user == NULL)
        return options_fail(o, "out of memory");
    return read_password(o, out);
}

enum err config_endpoint_read(struct options *o, struct config_endpoint *out)
{
    static enum err (*const parts[])(struct options * o, struct config_endpoint * out) = {
        read_origins, read_grace, read_limits, read_auth};
    enum err why = ERR_OK;
    for (size_t i = 0; why == ERR_OK && i < sizeof parts / sizeof *parts; i++)
        why = parts[i](o, out);
    out->direct = options_flag(o, "direct");
    out->ask_user = options_flag(o, "ask-user");
    out->hide_clients = options_flag(o, "hide-clients");
    return why;
}

void config_endpoint_free(struct config_endpoint *c)
{
    origins_free(&c->origins);
    secret_free(c->password);
    free(c->user);
}
