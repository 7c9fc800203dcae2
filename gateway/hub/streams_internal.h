/* Private to streams.h: streams.c asks a device, streams_request.c is one request from beginning to
 * end, streams_azure.c and streams_tunnel.c are how devices of either wire are told, and
 * streams_wanted.c is for those who come by a tunnel. */
#ifndef GATEWAY_HUB_STREAMS_INTERNAL_H
#define GATEWAY_HUB_STREAMS_INTERNAL_H

#include "core/base/list.h"
#include "gateway/hub/api/api.h"
#include "gateway/hub/streams.h"

#define STREAM_BASE_SIZE 280 /* "wss://", a host name, a port */
#define STREAM_URL_SIZE (STREAM_BASE_SIZE + BRIDGE_PATH_MAX)

struct streams {
    struct streams_options o;
    const struct limit_book *limits;
    struct list waiting; /* struct stream_request */
    size_t n_waiting;
    bool ended;
    struct streams_counts counts;
};

/* One on its way to its answer. It is freed once it is answered and nobody is to call back. */
struct stream_request {
    struct list node; /* in streams.waiting, until it is answered */
    struct streams *streams;
    char *device, *azure_id, *stream, *policy;
    struct tags labels;    /* the device's */
    struct texts services; /* the stream's name, as notices want it */
    uint64_t until;        /* as `now` has it */
    uint64_t response_ms;
    bool left, answered;
    unsigned asked;  /* calls that are still to come back */
    uint64_t bridge; /* serial; 0: there is none */
    char base[STREAM_BASE_SIZE], url[STREAM_URL_SIZE];
    char token[BRIDGE_TOKEN_SIZE];              /* the service's; wiped */
    char tunnel[64];                            /* id; "": there is none */
    char tokens[SIDE_COUNT][ACCESS_TOKEN_SIZE]; /* of that tunnel; wiped */
    struct bridge_inner inner;                  /* end 0: both sides are WebSockets */
    void (*done)(void *ctx, const struct stream_answer *a);
    void *ctx;
};

/* ---- streams.c ---- */

/* streams_ask, perhaps for a connection of an inner end. */
void stream_ask_for(struct streams *s, const struct stream_spec *q,
                    const struct bridge_inner *inner,
                    void (*done)(void *ctx, const struct stream_answer *a), void *ctx);

/* ---- streams_request.c ---- */

/* NULL: no memory. It is in no list yet, and freed by its answer. */
struct stream_request *stream_request_new(struct streams *s, const struct stream_spec *q);

/* Answers, and frees r when nothing is to call back. */
void stream_answer(struct stream_request *r, enum stream_result result, const char *words);
/* A call that comes back to r is made; it has come back. False: r is answered already, and gone. */
void stream_asks(struct stream_request *r);
bool stream_back(struct stream_request *r);
/* What is left of the time for all of it, ms; `most` at most. */
uint64_t stream_left_ms(const struct stream_request *r, uint64_t most);
/* The bridge is there: url and token are its. False: answered. */
bool stream_take_bridge(struct stream_request *r, struct bridge *b, enum err why);

/* ---- streams_azure.c, streams_tunnel.c: the device is there, by a wire of that kind ---- */

void stream_by_azure(struct stream_request *r);
void stream_by_tunnel(struct stream_request *r);
/* What a notice's answer means. *words: a sentence, unless the device has its own. */
enum stream_result stream_result_of(const struct notice_answer *a, const char **words);

#endif
