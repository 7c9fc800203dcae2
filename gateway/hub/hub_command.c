#include "gateway/hub/hub_command.h"

#include "core/control/control.h"
#include "core/control/page/live_page.h"
#include "core/net/address.h"
#include "gateway/hub/hooks/hook_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#define MAX_WORKERS 64
#define MEMORY_LEAST 16777216
#define MEMORY_MOST 1099511627776
#define MAX_PER_ADDRESS 65536

/* ---- what may be said ---- */

/* The others' beats come once a second, and one may be late. */
#define LEASE_LEAST_MS 3000
#define LEASE_MOST_MS 60000

static const struct option hub_table[] = {
    {.name = "listen",
     .letter = 'l',
     .argument = "ADDRESS:PORT",
     .fallback = "127.0.0.1:8443",
     .help = "Where to wait for clients and API calls; may be repeated. Port 0 takes a free one.",
     .flags = OPTION_MANY | OPTION_START},
    {.name = "mqtt-listen",
     .argument = "ADDRESS:PORT",
     .help = "Where to wait for devices that speak MQTT; may be repeated. Default: nowhere.",
     .flags = OPTION_MANY | OPTION_START},
    {.name = "listen-plain",
     .argument = "ADDRESS:PORT|PATH",
     .help = "Where to wait, without TLS, for a web server on this machine that ends TLS and says "
             "in X-Forwarded-For or Forwarded who the client is: a loopback address or a unix "
             "socket; may be repeated. Default: nowhere.",
     .flags = OPTION_MANY | OPTION_START},
    {.name = "trust-proxy",
     .argument = "ADDRESS[/BITS]|unix",
     .help = "A balancer or proxy in front of the hub that says who the client is: each of its "
             "connections must begin with a PROXY header, version 1 or 2; unix is whoever comes "
             "by a unix socket. May be repeated, or have several with commas.",
     .flags = OPTION_MANY | OPTION_START},
    {.name = "cert", .argument = "FILE", .help = "The certificate, PEM, with its chain."},
    {.name = "key", .argument = "FILE", .help = "Its private key, PEM."},
    {.name = "front-cert",
     .argument = "FILE",
     .help = "The certificate that the web server in front of --listen-plain shows, PEM, which "
             "devices sign what they say for. Default: that of --cert."},
    {.name = "state",
     .argument = "DIR",
     .env = "STATE_DIRECTORY",
     .help = "Where tunnels are kept; made when it is not there.",
     .flags = OPTION_START},
    {.name = "workers",
     .argument = "N",
     .help = "Threads for clients. Default: one for each core.",
     .flags = OPTION_START},
    {.name = "per-address",
     .argument = "N",
     .fallback = "512",
     .help = "Connections of one address (IPv6: of one /64) that may at once be on their way in, "
             "shaking hands or asking; more are closed. 0: any number.",
     .flags = OPTION_START},
    {.name = "per-address-except",
     .argument = "ADDRESS[/BITS]",
     .help = "An address or network for which that does not hold, such as a proxy's in front of "
             "the hub; may be repeated.",
     .flags = OPTION_MANY | OPTION_START},
    {.name = "idle-timeout",
     .argument = "TIME",
     .fallback = "60s",
     .help = "Drop a client from which nothing came for so long. Clients send a ping every 20 s.",
     .flags = OPTION_START},
    {.name = "memory-budget",
     .argument = "SIZE",
     .fallback = "512M",
     .help = "How much memory all that waits for slow clients may take; who takes nothing is "
             "dropped then, and may come back.",
     .flags = OPTION_START},
    {.name = "grace",
     .argument = "TIME",
     .fallback = "5s",
     .help = "At SIGTERM, let what is being transferred go on for at most so long."},
    CONTROL_OPS_OPTIONS("127.0.0.1:9464"),
};
static const struct option_group hub_group = OPTION_GROUP("Hub", hub_table);

static const struct option access_table[] = {
    {.name = "keys",
     .argument = "FILE",
     .help = "The access keys that may call the control API (mode 0600)."},
    {.name = "allow-unsigned-loopback",
     .help = "Calls from this machine need no signature: for trying out."},
    {.name = "limits-preset",
     .argument = "generous|aws|azure",
     .help = "Which limits hold. Default: generous."},
    {.name = "limits", .argument = "FILE", .help = "Other limits, for all keys or single ones."},
    {.name = "device-ca",
     .argument = "FILE",
     .help = "Destinations must show a certificate of these authorities whose CN is the tunnel's "
             "thing.",
     .flags = OPTION_START},
    {.name = "device-approve",
     .help = "A new device is not told of any tunnel before it is approved (tunnelctl devices "
             "approve), whatever its invitation says."},
    {.name = "secrets-key",
     .argument = "FILE",
     .help = "The key that seals the symmetric keys of Azure's devices: 32 bytes in base64 (mode "
             "0600). Default: systemd's credential secrets-key, if there is one.",
     .flags = OPTION_START},
    {.name = "audit-log",
     .argument = "FILE",
     .help = "One JSON line for each call, connection, disconnection and refusal."},
    {.name = "audit-format",
     .argument = "plain|azure",
     .fallback = "plain",
     .help = "azure: the audit log's lines about streams are records as Azure Monitor has them.",
     .flags = OPTION_START},
    {.name = "public-name",
     .argument = "HOST[:PORT]",
     .help = "What devices call this hub, for streams that tunnels lead to; without a port it is "
             "443. Default: the first address of --listen.",
     .flags = OPTION_START},
    {.name = "region",
     .argument = "NAME",
     .fallback = "us-east-1",
     .help = "The region in ARNs.",
     .flags = OPTION_START},
    {.name = "account",
     .argument = "NUMBER",
     .fallback = "000000000000",
     .help = "The account in ARNs.",
     .flags = OPTION_START},
};
static const struct option_group access_group = OPTION_GROUP("Access", access_table);

static const struct option cluster_table[] = {
    {.name = "cluster",
     .argument = "URL",
     .help =
         "Be a node of the cluster that shares this Redis: redis://[USER:PASSWORD@]HOST[:PORT], "
         "unix:/PATH, redis+cluster://HOST[:PORT],... or redis+sentinel://HOST[:PORT],.../NAME. "
         "Tunnels and devices are kept there instead of in --state.",
     .flags = OPTION_START},
    {.name = "cluster-password-file",
     .argument = "FILE",
     .help = "The password for Redis, instead of one in the URL (mode 0600).",
     .flags = OPTION_START},
    {.name = "cluster-sentinel-password-file",
     .argument = "FILE",
     .help = "The password for the Sentinels, instead of ?sentinel_password= in the URL (mode "
             "0600).",
     .flags = OPTION_START},
    {.name = "node",
     .argument = "NAME",
     .help = "This node's name: letters, digits, - and dots; no two of a cluster have the same.",
     .flags = OPTION_START},
    {.name = "cluster-listen",
     .argument = "ADDRESS:PORT",
     .help = "Where the other nodes reach this one; they are told it as it is given here.",
     .flags = OPTION_START},
    {.name = "cluster-cert",
     .argument = "FILE",
     .help =
         "The certificate that nodes show each other, PEM: for the host of --cluster-listen, as "
         "that of a server and of a client."},
    {.name = "cluster-key", .argument = "FILE", .help = "Its private key, PEM."},
    {.name = "cluster-ca",
     .argument = "FILE",
     .help = "The authority of all nodes' certificates, PEM, and of nobody else's."},
    {.name = "announce",
     .argument = "HOST[:PORT]",
     .help = "Where clients reach this node alone: those of this software are sent there by the "
             "others, within the names of --cert. Default: the others pass their bytes on.",
     .flags = OPTION_START},
    {.name = "cluster-lease",
     .argument = "TIME",
     .fallback = "5s",
     .help = "How long a node may be silent before the others take it for dead (3s to 60s); the "
             "same for all nodes.",
     .flags = OPTION_START},
};
static const struct option_group cluster_group = OPTION_GROUP("Cluster", cluster_table);

static const struct option_group *const groups[] = {
    &hub_group,         &access_group,          &cluster_group,   &hook_options, &control_options,
    &live_page_options, &program_check_options, &program_options, NULL};

const struct program hub_program = {
    .name = "tunnel-hub",
    .summary = "Joins tunnel-gateway (source) and tunnel-agent (destination) to tunnels.",
    .groups = groups,
    .usage = "  tunnel-hub --cert FILE --key FILE --state DIR [--keys FILE]\n"
             "             [--listen ADDRESS:PORT]...\n",
    .examples = "  tunnel-hub --cert hub.pem --key hub.key --state state "
                "--allow-unsigned-loopback\n"
                "  tunnelctl open --ca ca.pem --services HTTP1,SSH1\n",
};

/* ---- what is checked ---- */

static enum err check_exempt(struct hub_command *c)
{
    const char *net;
    for (size_t i = 0; (net = options_each(c->options, "per-address-except", i)) != NULL; i++) {
        enum err why = ip_list_add(&c->exempt, net);
        if (why == ERR_LIMIT)
            return options_fail(c->options, "more than %d times --per-address-except", IP_LIST_MAX);
        if (why != ERR_OK)
            return options_fail(c->options,
                                "--per-address-except=%s: want an address or network such as "
                                "192.0.2.7, 10.0.0.0/8 or 2001:db8::/32",
                                net);
    }
    return ERR_OK;
}

static enum err check_fronts(struct hub_command *c)
{
    const char *text;
    for (size_t i = 0; (text = options_each(c->options, "trust-proxy", i)) != NULL; i++) {
        enum err why = fronts_add(&c->fronts, text);
        if (why == ERR_LIMIT)
            return options_fail(c->options, "more than %d addresses with --trust-proxy",
                                IP_LIST_MAX);
        if (why != ERR_OK)
            return options_fail(c->options,
                                "--trust-proxy=%s: want addresses or networks such as 192.0.2.7, "
                                "10.0.0.0/8 or 2001:db8::/32, with commas between, or unix",
                                text);
    }
    return ERR_OK;
}

static enum err check_files(struct options *o)
{
    static const char *const needed[] = {"cert", "key", "state"};
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (options_get(o, needed[i]) == NULL)
            return options_fail(o,
                                "--%s is missing: a hub needs --cert FILE, --key FILE and "
                                "--state DIR",
                                needed[i]);
    return ERR_OK;
}

/* "hub.example:8443" for URLs: no characters that end the host. */
static enum err check_announce(struct options *o)
{
    const char *where = options_get(o, "announce");
    char *host = NULL;
    int port;
    bool good = where == NULL || (address_split(where, &host, &port) && host != NULL &&
                                  strpbrk(where, "/@ \r\n?#") == NULL && strlen(where) < 280);
    free(host);
    return good ? ERR_OK : options_reject(o, "announce", "wants HOST[:PORT]");
}

static enum err check_cluster_listen(struct options *o)
{
    const char *where = options_get(o, "cluster-listen");
    char *host = NULL;
    int port;
    bool good = where == NULL || (address_split(where, &host, &port) && host != NULL &&
                                  strcmp(host, "0.0.0.0") != 0 && strcmp(host, "::") != 0);
    free(host);
    return good ? ERR_OK
                : options_reject(o, "cluster-listen",
                                 "is what the other nodes dial: it wants a name or an address of "
                                 "this machine, and a port");
}

static enum err check_lease(struct hub_command *c)
{
    enum err why = options_duration(c->options, "cluster-lease", &c->lease_ms);
    if (why == ERR_OK && (c->lease_ms < LEASE_LEAST_MS || c->lease_ms > LEASE_MOST_MS))
        why = options_reject(c->options, "cluster-lease", "must be from 3s to 60s");
    return why;
}

static enum err check_cluster(struct hub_command *c)
{
    struct options *o = c->options;
    static const char *const needed[] = {"node", "cluster-listen", "cluster-cert", "cluster-key",
                                         "cluster-ca"};
    bool cluster = options_get(o, "cluster") != NULL;
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        if (cluster && options_get(o, needed[i]) == NULL)
            return options_fail(o,
                                "--%s is missing: a node of a cluster needs --cluster URL, --node "
                                "NAME, --cluster-listen ADDRESS:PORT, --cluster-cert FILE, "
                                "--cluster-key FILE and --cluster-ca FILE",
                                needed[i]);
        if (!cluster && options_get(o, needed[i]) != NULL)
            return options_fail(o, "--%s is for a node of a cluster: give --cluster URL, too",
                                needed[i]);
    }
    enum err why = check_cluster_listen(o);
    if (why == ERR_OK)
        why = check_lease(c);
    return why == ERR_OK ? check_announce(o) : why;
}

static enum err check_audit_format(struct options *o)
{
    const char *format = options_get(o, "audit-format");
    if (strcmp(format, "plain") == 0 || strcmp(format, "azure") == 0)
        return ERR_OK;
    return options_reject(o, "audit-format", "is neither plain nor azure");
}

enum err hub_command_check(struct hub_command *c)
{
    struct options *o = c->options;
    enum err why = check_files(o);
    if (why == ERR_OK)
        why = options_duration(o, "idle-timeout", &c->idle_ms);
    if (why == ERR_OK && c->idle_ms < 1000)
        why = options_reject(o, "idle-timeout", "must be at least 1s");
    if (why == ERR_OK)
        why = options_duration(o, "grace", &c->grace_ms);
    c->workers = uv_available_parallelism();
    if (c->workers > MAX_WORKERS)
        c->workers = MAX_WORKERS;
    if (why == ERR_OK)
        why = options_number(o, "workers", 1, MAX_WORKERS, &c->workers);
    if (why == ERR_OK)
        why = options_size(o, "memory-budget", MEMORY_LEAST, MEMORY_MOST, &c->memory);
    if (why == ERR_OK)
        why = check_audit_format(o);
    if (why == ERR_OK)
        why = check_cluster(c);
    if (why == ERR_OK)
        why = options_number(o, "per-address", 0, MAX_PER_ADDRESS, &c->per_address);
    if (why == ERR_OK)
        why = live_page_check(o);
    if (why == ERR_OK)
        why = hook_options_read(c->options, &c->hook, &c->hook_refusals);
    if (why == ERR_OK)
        why = check_exempt(c);
    return why == ERR_OK ? check_fronts(c) : why;
}

enum err hub_command_read_again(struct hub_command *c)
{
    enum err why = program_read_again(&hub_program, c->options);
    if (why == ERR_OK)
        why = check_files(c->options);
    if (why == ERR_OK)
        why = options_duration(c->options, "grace", &c->grace_ms);
    if (why == ERR_OK)
        why = hook_options_read(c->options, &c->hook, &c->hook_refusals);
    return why;
}

/* ---- what the hub gets ---- */

/* With LoadCredential=secrets-key:FILE systemd puts it there. */
static const char *credential(struct hub_command *c, const char *name)
{
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    int n =
        folder != NULL ? snprintf(c->credential, sizeof c->credential, "%s/%s", folder, name) : -1;
    bool here = n > 0 && (size_t)n < sizeof c->credential && access(c->credential, F_OK) == 0;
    return here ? c->credential : NULL;
}

struct hub_options hub_command_options(struct hub_command *c)
{
    const struct options *o = c->options;
    const char *secrets = options_get(o, "secrets-key");
    return (struct hub_options){
        .cert_file = options_get(o, "cert"),
        .key_file = options_get(o, "key"),
        .state_folder = options_get(o, "state"),
        .keys_file = options_get(o, "keys"),
        .limits_file = options_get(o, "limits"),
        .limits_preset = options_get(o, "limits-preset"),
        .audit_file = options_get(o, "audit-log"),
        .secrets_file = secrets != NULL ? secrets : credential(c, "secrets-key"),
        .device_ca = options_get(o, "device-ca"),
        .audit_azure = strcmp(options_get(o, "audit-format"), "azure") == 0,
        .public_name = options_get(o, "public-name"),
        .region = options_get(o, "region"),
        .account = options_get(o, "account"),
        .allow_unsigned_loopback = options_flag(o, "allow-unsigned-loopback"),
        .device_approve = options_flag(o, "device-approve"),
        .workers = (size_t)c->workers,
        .per_address = (size_t)c->per_address,
        .exempt = &c->exempt,
        .fronts = &c->fronts,
        .front_cert = options_get(o, "front-cert"),
        .idle_ms = c->idle_ms,
        .hook = c->hook,
        .hook_refusals = c->hook_refusals,
        .memory = (size_t)c->memory,
        .cluster = {.url = options_get(o, "cluster"),
                    .password_file = options_get(o, "cluster-password-file"),
                    .sentinel_password_file = options_get(o, "cluster-sentinel-password-file"),
                    .node = options_get(o, "node"),
                    .listen = options_get(o, "cluster-listen"),
                    .announce = options_get(o, "announce"),
                    .keys = {.cert = options_get(o, "cluster-cert"),
                             .key = options_get(o, "cluster-key"),
                             .ca = options_get(o, "cluster-ca")},
                    .lease_ms = c->lease_ms},
    };
}
