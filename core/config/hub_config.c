#include "core/config/hub_config_internal.h"

#include "core/base/file.h"
#include "core/base/log.h"
#include "core/base/secret.h"
#include "core/base/str.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { DEFAULT_PORT = 443, REGION_MAX = 64, HOST_MAX = 253 };

static const struct option table[] = {
    {.name = "proxy-endpoint",
     .letter = 'e',
     .argument = "HOST[:PORT]",
     .env = "AWSIOT_TUNNEL_ENDPOINT",
     .help = "The hub to connect to, port 443 if none is given; IPv6 addresses in brackets."},
    {.name = "region",
     .letter = 'r',
     .argument = "REGION",
     .env = "AWSIOT_TUNNEL_REGION",
     .help = "Instead of an endpoint: the AWS region of the tunnel, such as eu-central-1."},
    {.name = "access-token",
     .letter = 't',
     .argument = "TOKEN",
     .env = "AWSIOT_TUNNEL_ACCESS_TOKEN",
     .help = "The tunnel's access token for this side. Better in the environment or in a file: "
             "command lines end up in histories.",
     .flags = OPTION_SECRET},
    {.name = "token-file",
     .argument = "FILE",
     .help = "Read the access token from a file (\"-\": standard input).",
     .flags = OPTION_EXACT},
    {.name = "client-token",
     .letter = 'i',
     .argument = "TOKEN",
     .env = "AWSIOT_TUNNEL_CLIENT_TOKEN",
     .help = "32 to 128 characters that let this client use its single-use access token again "
             "after a lost connection.",
     .flags = OPTION_SECRET},
    {.name = "ca",
     .argument = "FILE",
     .help = "Only these certificate authorities (PEM) may sign the hub's certificate, not the "
             "system's.",
     .flags = OPTION_EXACT},
    {.name = "capath",
     .letter = 'c',
     .argument = "DIR",
     .help = "These may, too: all PEM files of a directory, with or without hash links. Adds to "
             "--ca or else to the system's."},
    {.name = "no-ssl-host-verify",
     .letter = 'k',
     .help = "Do not verify the hub's certificate at all. Anyone on the way can then read and "
             "change what passes."},
    {.name = "web-proxy",
     .argument = "URL",
     .help = "Reach the hub through this proxy: http[s]://[user:password@]host[:port], or "
             "socks5h:// (socks5://: the hub's name is looked up here). Without it the "
             "environment counts: https_proxy, http_proxy, all_proxy, no_proxy, in either case.",
     .flags = OPTION_EXACT | OPTION_SECRET},
    {.name = "local-bind-address",
     .letter = 'b',
     .argument = "ADDRESS",
     .help = "The local address of listening ports (source), or of connections to services "
             "(destination)."},
    {.name = "ping-period",
     .argument = "TIME",
     .setting = "tunneling.proxy.websocket.ping_period_ms",
     .fallback = "20s",
     .help = "How often to ping the hub.",
     .flags = OPTION_EXACT},
    {.name = "retry-delay",
     .argument = "TIME",
     .setting = "tunneling.proxy.websocket.retry_delay_ms",
     .help = "Delay before the first try to reconnect.",
     .flags = OPTION_HIDDEN | OPTION_EXACT},
    {.name = "subprotocol",
     .argument = "NAME",
     .setting = "tunneling.proxy.websocket.subprotocol",
     .help = "WebSocket subprotocol to ask for.",
     .flags = OPTION_HIDDEN | OPTION_EXACT},
    {.name = "endpoint-format",
     .argument = "FORMAT",
     .setting = "tunneling.proxy.endpoint_format",
     .fallback = "data.tunneling.iot.%s.amazonaws.com",
     .help = "Host name for a region (%s).",
     .flags = OPTION_HIDDEN | OPTION_EXACT},
    {.name = "region-endpoint",
     .argument = "REGION=HOST",
     .setting = "tunneling.proxy.region_endpoint_overrides.*",
     .help = "Host name for one region.",
     .flags = OPTION_HIDDEN | OPTION_EXACT | OPTION_MANY},
};
const struct option_group hub_options = OPTION_GROUP("Connection to the hub", table);

static const struct {
    const char *region, *host;
} exceptions[] = {
    {"cn-north-1", "data.tunneling.iot.cn-north-1.amazonaws.com.cn"},
    {"cn-northwest-1", "data.tunneling.iot.cn-northwest-1.amazonaws.com.cn"},
};

/* ---- endpoint ---- */

static bool all_in(const char *text, const char *allowed)
{
    return text[strspn(text, allowed)] == '\0';
}

static const char endpoint_characters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.:[]-_";

/* Sets host and port (empty: not given). Returns what is wrong with the text, or NULL. */
static const char *cut_endpoint(struct span text, struct span *host, struct span *port)
{
    struct span rest = text;
    *port = (struct span){NULL, 0};
    if (rest.n > 0 && rest.p[0] == '[') {
        rest.p++, rest.n--;
        *host = span_cut(&rest, ']');
        if (rest.n == 0 && host->p + host->n == text.p + text.n)
            return "has an opening bracket only";
        if (rest.n == 1 || (rest.n > 1 && rest.p[0] != ':'))
            return "should have :PORT behind the bracket";
        *port = rest.n > 0 ? (struct span){rest.p + 1, rest.n - 1} : rest;
        return NULL;
    }
    *host = span_cut(&rest, ':');
    if (rest.n > 0 && memchr(rest.p, ':', rest.n) != NULL)
        *host = text; /* a bare IPv6 address */
    else if (host->n < text.n && rest.n == 0)
        return "ends in ':' without a port";
    else
        *port = rest;
    return NULL;
}

enum err endpoint_parse(const char *text, char **host, int *port, char *problem, size_t size)
{
    struct span name, digits;
    uint64_t number;
    const char *wrong = NULL;
    *host = NULL;
    if (strncmp(text, "http", 4) == 0 && strstr(text, "://") != NULL)
        wrong = "is a URL: give HOST or HOST:PORT only (a web proxy belongs to --web-proxy)";
    else if (strchr(text, '/') != NULL)
        wrong = "is a URL: give HOST or HOST:PORT only";
    else if (!all_in(text, endpoint_characters))
        wrong = "has a character that is in no host name";
    else
        wrong = cut_endpoint(span_of(text), &name, &digits);
    if (wrong == NULL && (name.n == 0 || name.n > HOST_MAX))
        wrong = "has no host name of 1 to 253 characters: give HOST or HOST:PORT";
    if (wrong == NULL && memchr(name.p, ']', name.n) != NULL)
        wrong = "has a stray bracket";
    if (wrong == NULL && digits.n > 0 && (!str_number(digits, 65535, &number) || number == 0))
        wrong = "has a port that is not a number from 1 to 65535";
    if (wrong != NULL) {
        snprintf(problem, size, "%s", wrong);
        return ERR_USAGE;
    }
    if (digits.n > 0)
        *port = (int)number;
    *host = span_dup(name);
    if (*host == NULL) {
        snprintf(problem, size, "out of memory");
        return ERR_NO_MEMORY;
    }
    for (char *p = *host; *p != '\0'; p++)
        *p = *p >= 'A' && *p <= 'Z' ? (char)(*p + 32) : *p;
    return ERR_OK;
}

/* The host for a region comes from settings, then from the built-in exceptions, then from the
 * format. NULL: no memory. */
static char *region_host(const struct options *o, const char *region)
{
    const char *entry, *format = options_get(o, "endpoint-format"), *at = strstr(format, "%s");
    size_t n = strlen(region), size = strlen(format) + n + 1;
    for (size_t i = 0; (entry = options_each(o, "region-endpoint", i)) != NULL; i++)
        if (strncmp(entry, region, n) == 0 && entry[n] == '=')
            return span_dup(span_of(entry + n + 1));
    for (size_t i = 0; i < sizeof exceptions / sizeof *exceptions; i++)
        if (strcmp(exceptions[i].region, region) == 0)
            return span_dup(span_of(exceptions[i].host));
    char *host = malloc(size);
    if (host != NULL && at != NULL)
        snprintf(host, size, "%.*s%s%s", (int)(at - format), format, region, at + 2);
    else if (host != NULL)
        snprintf(host, size, "%s", format);
    return host;
}

static enum err read_endpoint(struct options *o, const char *name, const char *text,
                              struct hub_config *out)
{
    char problem[160];
    out->port = DEFAULT_PORT;
    enum err why = endpoint_parse(text, &out->host, &out->port, problem, sizeof problem);
    return why == ERR_OK ? ERR_OK : options_reject(o, name, "%s", problem);
}

static enum err read_region(struct options *o, const char *region, struct hub_config *out)
{
    if (strlen(region) > REGION_MAX || !all_in(region, "abcdefghijklmnopqrstuvwxyz0123456789-"))
        return options_reject(o, "region",
                              "is not a region: it has 1 to 64 lower-case letters, digits and '-', "
                              "as in eu-central-1");
    char *host = region_host(o, region);
    if (host == NULL) {
        options_fail(o, "out of memory");
        return ERR_NO_MEMORY;
    }
    enum err why = read_endpoint(o, "region", host, out);
    free(host);
    return why;
}

#define ONE_OF_THEM "Must specify one and only one of --region/-r or --proxy-endpoint/-e: "

static enum err read_host(struct options *o, const char *first, struct hub_config *out)
{
    const char *endpoint = options_get(o, "proxy-endpoint"), *region = options_get(o, "region");
    char there[160], here[160];
    if (endpoint != NULL && region != NULL)
        return options_fail(o,
                            "%s--proxy-endpoint (%s) and --region (%s) are both given: give one of "
                            "them",
                            first, options_where(o, "proxy-endpoint", here, sizeof here),
                            options_where(o, "region", there, sizeof there));
    if (endpoint == NULL && region == NULL)
        return options_fail(o,
                            "%sgive the hub to connect to: --proxy-endpoint HOST[:PORT], or "
                            "--region for AWS",
                            first);
    return endpoint != NULL ? read_endpoint(o, "proxy-endpoint", endpoint, out)
                            : read_region(o, region, out);
}

/* Whether the hub is Amazon's, by its region or its name. */
static bool is_amazons(const struct options *o, const char *host)
{
    static const char *const ends[] = {".amazonaws.com", ".amazonaws.com.cn"};
    size_t n = strlen(host);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (n > strlen(ends[i]) && strcmp(host + n - strlen(ends[i]), ends[i]) == 0)
            return true;
    return options_get(o, "region") != NULL;
}

/* ---- the rest ---- */

/* --ca is also a valid abbreviation of the reference program's --capath, so either takes both. */
static enum err read_trust(struct options *o, const struct hub_rules *rules, struct hub_config *out)
{
    enum { CA, CAPATH };
    const char *names[] = {[CA] = "ca", [CAPATH] = "capath"};
    for (size_t i = 0; i < 2; i++) {
        const char *path = options_get(o, names[i]);
        struct stat st;
        if (path == NULL)
            continue;
        bool there = stat(path, &st) == 0;
        if (!there && rules->reference && i == CAPATH) {
            char text[200];
            log_warning("--capath \"%s\" cannot be found, and is left out",
                        str_escape(span_of(path), text, sizeof text));
            continue;
        }
        if (!there)
            return options_reject(o, names[i], "cannot be found");
        char **to = file_is_directory(path) ? &out->capath : &out->ca;
        if (*to != NULL)
            return options_reject(o, names[i],
                                  "is one too many: --ca takes a file, --capath a directory");
        enum err why = options_copy(o, to, path);
        if (why != ERR_OK)
            return why;
    }
    out->insecure = options_flag(o, "no-ssl-host-verify");
    out->system_ca = out->ca == NULL && !out->insecure;
    if (out->insecure)
        log_warning("The hub's certificate is NOT verified (--no-ssl-host-verify): anyone on the "
                    "way can read and change what passes");
    return ERR_OK;
}

static enum err read_rest(struct options *o, struct hub_config *out)
{
    enum err why = options_copy(o, &out->web_proxy, options_get(o, "web-proxy"));
    if (why == ERR_OK)
        why = options_copy(o, &out->bind, options_get(o, "local-bind-address"));
    if (why == ERR_OK)
        why = options_copy(o, &out->subprotocol, options_get(o, "subprotocol"));
    if (why == ERR_OK)
        why = options_duration(o, "ping-period", &out->ping_ms);
    if (why == ERR_OK)
        why = options_duration(o, "retry-delay", &out->retry_ms);
    if (why == ERR_OK && out->ping_ms < 1000)
        why = options_reject(o, "ping-period", "is too short: at least 1s");
    out->native = out->subprotocol == NULL && !is_amazons(o, out->host);
    return why;
}

enum err hub_config_read(struct options *o, const struct hub_rules *rules, struct hub_config *out)
{
    *out = (struct hub_config){.port = DEFAULT_PORT};
    bool first = rules->reference && !rules->tokenless,
         later = !rules->reference && !rules->tokenless;
    enum err why = first ? hub_access_token(o, rules, out) : ERR_OK;
    if (why == ERR_OK)
        why = read_host(o, rules->reference ? ONE_OF_THEM : "", out);
    if (why == ERR_OK && later)
        why = hub_access_token(o, rules, out);
    if (why == ERR_OK && !rules->tokenless)
        why = hub_client_token(o, rules, out);
    if (why == ERR_OK)
        why = read_trust(o, rules, out);
    if (why == ERR_OK)
        why = read_rest(o, out);
    return why;
}

const char *hub_config_url(const struct hub_config *c, char *out, size_t size)
{
    bool v6 = strchr(c->host, ':') != NULL;
    snprintf(out, size, v6 ? "wss://[%s]:%d" : "wss://%s:%d", c->host, c->port);
    return out;
}

void hub_config_free(struct hub_config *c)
{
    free(c->host);
    secret_free(c->access_token);
    secret_free(c->client_token);
    free(c->ca);
    free(c->capath);
    secret_free(c->web_proxy);
    free(c->bind);
    free(c->subprotocol);
    *c = (struct hub_config){.port = DEFAULT_PORT};
}
