/* The gateway's own pages: / (for people on other machines: what the gateway is, and the
 * services; those on this one see core/control/page there), /services (the
 * same for programs), /devices (what the hub has behind them), /proxy.pac and /healthz. Pure. */
#ifndef GATEWAY_SOURCE_PAGES_H
#define GATEWAY_SOURCE_PAGES_H

#include "core/base/buf.h"
#include "core/http/http.h"
#include "gateway/source/names.h"

struct pages_tunnel {
    bool up;
    bool no_device; /* The tunnel is up, but its device is not connected. */
    size_t connections;
};

enum pages_devices { PAGES_DEVICES_NONE, PAGES_DEVICES_READY, PAGES_DEVICES_UNREACHED };

struct pages_view {
    const struct names *names;
    const struct names_tunnel *tunnels;
    const struct pages_tunnel *states; /* one for each tunnel */
    size_t n_tunnels;
    /* Tunnels to devices are opened on demand, by a hub that was reached last time, or was not. */
    enum pages_devices devices;
    struct span device_rows; /* of /devices: as device_list.h writes them; p NULL: none */
};

struct pages_question {
    const struct http_head *head;
    struct span path;
    const char *listener; /* where the client came in: "127.0.0.1:1080" */
    bool trusted; /* The client may see what there is; else / and /services ask for a password. */
};

/* Appends the whole answer. A Host other than an address, localhost or the listener's own name is
 * refused, since a web page elsewhere can make its name point here (DNS rebinding). False: no
 * memory. */
bool pages_answer(const struct pages_view *v, const struct pages_question *q, struct buf *out);

/* Whether q may see what there is, and asks under a name that is ours. */
bool pages_grants(const struct pages_question *q);

/* Takes `where` apart and writes it as "host:port" again. False: `where` is no such thing, or has
 * characters that hosts do not have. */
#define PAGES_ENDPOINT 280
bool pages_endpoint(const char *where, char out[PAGES_ENDPOINT]);

/* Appends the PAC file for an endpoint at "host:port". With another endpoint (a unix socket's path)
 * the file says DIRECT to everything. */
bool pages_pac(const struct names *names, const char *endpoint, struct buf *out);

#endif
