/* The hub's main thread: owns the tunnels (registry), the rules (keys, limits), the control API,
 * the audit log, the listening sockets and the workers, and decides who comes in. */
#ifndef GATEWAY_HUB_HUB_H
#define GATEWAY_HUB_HUB_H

#include "core/base/buf.h"
#include "core/net/ip.h"
#include "core/net/loop.h"

#include <stdbool.h>

struct hub_protocol;
struct monitor;
struct hub;

struct hub_options {
    struct loop *loop;
    const char *cert_file, *key_file; /* PEM */
    const char *state_folder;
    const char *keys_file;     /* access keys, or NULL */
    const char *limits_file;   /* or NULL */
    const char *limits_preset; /* or NULL */
    const char *audit_file;    /* or NULL */
    const char *device_ca;     /* authorities of devices' certificates, or NULL */
    const char *region, *account;
    bool allow_unsigned_loopback;
    size_t workers;
    size_t per_address;           /* connections of one address that are on their way in; 0: any */
    const struct ip_list *exempt; /* addresses for which that does not hold, or NULL */
    uint64_t idle_ms; /* a client that is silent for so long is dropped; it may come back */
    size_t memory;    /* bytes for all that waits for clients, of all workers; 0: no limit */
};

/* Whether all files but the state can be read and are good; false: a sentence. Changes nothing. */
bool hub_check(const struct hub_options *o, char *text, size_t size);

/* NULL with *why and a sentence. */
struct hub *hub_new(const struct hub_options *o, enum err *why, char *text, size_t size);
/* Drops every client without a Close frame, so that they come back to the next hub. */
void hub_free(struct hub *o);

/* Tells m from now on what goes on: tunnels with ends here, and refusal_log. NULL: nobody any more;
 * m may go then. Before the first client, and before hub_free. o: NULL is fine. */
void hub_set_monitor(struct hub *o, struct monitor *m);

/* One more address to listen on, for that protocol. NULL: *why; else the address with its real
 * port, for people. */
const char *hub_listen(struct hub *o, const struct hub_protocol *protocol, const char *where,
                       enum err *why);
/* The same for a socket that listens already; it is taken over. */
const char *hub_adopt(struct hub *o, const struct hub_protocol *protocol, int fd, enum err *why);

/* Reads certificate, keys and limits again and opens the audit log anew, from where fresh says, and
 * takes allow_unsigned_loopback from there; NULL: from where they were. Nobody is disconnected.
 * What cannot be read stays as it was, and the log says why: then the result is false. */
bool hub_reload(struct hub *o, const struct hub_options *fresh);

/* Stops accepting; drops clients, without a Close frame, as their tunnels fall silent, and the rest
 * after grace_ms. `done` is called then. */
void hub_drain(struct hub *o, uint64_t grace_ms, void (*done)(void *owner), void *owner);

/* NULL: it can do all that it is there for; else why not, static storage. */
const char *hub_unready(const struct hub *o);
/* Appends metrics in Prometheus' text format. */
void hub_metrics(const struct hub *o, struct buf *out);

#endif
