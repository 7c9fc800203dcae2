/* How a client reaches its hub: the options that tunnel-agent, tunnel-gateway and localproxy share,
 * and the configuration that they yield. */
#ifndef CORE_CONFIG_HUB_CONFIG_H
#define CORE_CONFIG_HUB_CONFIG_H

#include "core/base/err.h"
#include "core/config/options.h"

#include <stdbool.h>
#include <stdint.h>

#define ACCESS_TOKEN_MAX 4096
#define CLIENT_TOKEN_MIN 32
#define CLIENT_TOKEN_MAX 128

/* -e --proxy-endpoint, -r --region, -t --access-token, --token-file, -i --client-token, --ca,
 * -c --capath, -k --no-ssl-host-verify, --web-proxy, -b --local-bind-address, --ping-period, and
 * hidden ones for the settings JSON (endpoint-format, region-endpoint, subprotocol, retry-delay).
 *
 * Named --web-proxy because --proxy is a valid abbreviation of --proxy-endpoint. */
extern const struct option_group hub_options;

/* All strings are malloc'd; struct link_options and struct trust_sources take them as they are. */
struct hub_config {
    char *host; /* lower case, without brackets */
    int port;
    char *access_token;
    char *client_token; /* NULL: not given */
    char *ca;           /* PEM file, or NULL */
    char *capath;       /* directory, or NULL */
    bool system_ca;     /* trust the system's authorities, too: unless --ca or -k is given */
    bool insecure;
    char *web_proxy; /* URL from --web-proxy, or NULL: upstream_from_env(host, port) decides */
    char *bind;      /* local address, or NULL */
    uint64_t ping_ms;
    uint64_t retry_ms; /* milliseconds before the first reconnect; 0: the link's default */
    char *subprotocol; /* NULL: the standard one */
    /* Whether native sessions may be offered: the hub is not Amazon's, and no subprotocol was
     * given. */
    bool native;
};

struct hub_rules {
    /* Make a client token when none is given, the same one for this token on this machine, so that
     * a single-use token works again after a lost connection or a restart (localproxy must not). */
    bool make_client_token;
    /* Check in the order and with the sentences of the reference program, which scripts look for;
     * and a missing directory of authorities is ignored with a warning. */
    bool reference;
    /* Read no tokens: devices, and gateways with an access key, get one for each tunnel. */
    bool tokenless;
    /* What else may be given where there is no token, as the rest of a sentence; or NULL. */
    const char *otherwise;
};

/* Validates the options (share/doc/localproxy.md): exactly one of endpoint and region over all
 * sources, a token of 1..4096 characters, a client token of 32..128. ERR_USAGE with a sentence in
 * options_problem that says what to give; ERR_NOT_FOUND and the like for the token file. Warns in
 * the log about a token on the command line, a token file that others can read, and -k. out is
 * zeroed first, and the caller frees it with hub_config_free whatever the result. */
enum err hub_config_read(struct options *o, const struct hub_rules *rules, struct hub_config *out);
void hub_config_free(struct hub_config *c); /* wipes the tokens */
/* Gives c, which has none yet, an access token, and the client token that goes with it on this
 * machine. ERR_NO_MEMORY: it may have one of them. */
enum err hub_config_set_token(struct hub_config *c, const char *access_token);
/* Writes "wss://hub.example:443" or "wss://[::1]:443". Returns out. */
const char *hub_config_url(const struct hub_config *c, char *out, size_t size);

/* Parses "host", "host:port", "[v6]:port", "[v6]" or a bare v6 address; *port is unchanged when
 * the text has none. host is malloc'd, lower case, without brackets. ERR_USAGE with a sentence.
 * Pure. */
enum err endpoint_parse(const char *text, char **host, int *port, char *problem, size_t size);

#endif
