/* Asks devices for streams, as Azure's service programs want them: waits for a device that is not
 * there, tells it, waits for its answer, and gives the asker the path and the token of a bridge
 * (bridge_desk.h). A device that speaks Azure's wire is told of the bridge and comes to it; for any
 * other a tunnel on demand is opened, as by ConnectDevice, of which the hub is the source, with the
 * stream's name as the service.
 *
 * The other way round, too: who comes by a tunnel to a device that speaks Azure's wire only has the
 * device asked for a stream (bridge_desk_on_wanted).
 *
 * Main thread only. What waits is bounded by STREAMS_WAITING_MAX. */
#ifndef GATEWAY_HUB_STREAMS_H
#define GATEWAY_HUB_STREAMS_H

#include "gateway/hub/accounts.h"
#include "gateway/hub/bridge_desk.h"
#include "gateway/hub/devices/notices.h"
#include "gateway/hub/registry/device_record.h"
#include "gateway/hub/registry/registry.h"

#define STREAMS_WAITING_MAX 2000     /* requests that are not answered; more are refused */
#define STREAM_HANDSHAKE_MS 60000    /* from a request to its answer, at most */
#define STREAM_TUNNEL_IDLE_MS 600000 /* of the tunnel that is opened for a stream */

struct streams;

struct streams_options {
    struct registry *registry; /* outlives this */
    struct notices *notices;   /* the same */
    struct bridge_desk *bridges;
    struct accounts *accounts;
    /* Makes an access token, terminated, of at most size - 1 bytes. */
    void (*token_new)(char *out, size_t size);
    uint64_t (*now)(void *owner); /* ms, monotonic */
    /* What devices call the hub, "wss://hub.example:443", for streams that no request is behind. */
    const char *(*base)(void *owner);
    void *owner;
};
struct streams *streams_new(const struct streams_options *o); /* NULL: no memory */
/* Ends all requests: who waits is answered STREAM_BUSY. Must precede notices_free and
 * bridge_desk_end; what is still to be answered by others is answered until streams_free, which
 * must follow registry_free. NULL is fine for both. */
void streams_end(struct streams *s);
void streams_free(struct streams *s);
/* The limits to apply from now on; they outlive this, or are replaced. */
void streams_rules(struct streams *s, const struct limit_book *limits);

/* X(name, text): what becomes of a request, for audit log and metrics. */
#define STREAM_RESULT_TABLE(X)                                                                     \
    X(ACCEPTED, "accepted")                                                                        \
    X(REJECTED, "rejected")   /* by the device, or it does not serve such a thing */               \
    X(OFFLINE, "offline")     /* the device did not come in time, or left; or may not come */      \
    X(SILENT, "silent")       /* it is there, and did not answer in time */                        \
    X(QUOTA, "quota")         /* the policy has as many streams, or bytes, as it may */            \
    X(THROTTLED, "throttled") /* too many new ones in a second */                                  \
    X(BUSY, "busy")           /* too many wait, for this device or in all; or the hub ends */      \
    X(FAILED, "failed")       /* not stored, no memory, or the like */                             \
    X(LEFT, "left")           /* the asker waits no more */
enum stream_result {
#define X(name, text) STREAM_##name,
    STREAM_RESULT_TABLE(X)
#undef X
        STREAM_RESULTS
};
const char *stream_result_name(enum stream_result r);

struct stream_spec {
    const struct device_record *device; /* a view, during the call only, like the texts */
    const char *stream;                 /* a valid name (azure_topics.h) */
    const char *policy;                 /* its name */
    const char *base;                   /* what the asker calls the hub, "wss://hub.example:443" */
    uint64_t connect_ms, response_ms;
};
struct stream_answer {
    enum stream_result result;
    const char *words; /* the device's own words or a sentence, unchecked; "" when there are none */
    const char *url, *token; /* STREAM_ACCEPTED: where the asker is to come, and with what */
    uint64_t bridge;         /* the same: its serial */
};
/* Calls done once, perhaps from inside. */
void streams_ask(struct streams *s, const struct stream_spec *q,
                 void (*done)(void *ctx, const struct stream_answer *a), void *ctx);
/* Who asked with that ctx does not wait any more. `done` comes all the same. Unknown ones are fine.
 */
void streams_left(struct streams *s, const void *ctx);

/* The receiver of bridge_desk_on_wanted; owner: the streams. */
void streams_wanted(void *owner, const struct bridge_spec *spec);

struct streams_counts {
    uint64_t results[STREAM_RESULTS];
    size_t waiting; /* now */
};
struct streams_counts streams_counts(const struct streams *s);

#endif
