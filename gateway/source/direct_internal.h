/* Private to direct.h: direct.c dials for a client, direct_relay.c relays from then to the end. */
#ifndef GATEWAY_SOURCE_DIRECT_INTERNAL_H
#define GATEWAY_SOURCE_DIRECT_INTERNAL_H

#include "core/base/list.h"
#include "core/net/dial.h"
#include "gateway/source/direct.h"

_Static_assert(DIRECT_BLOCK <= LOOP_BLOCK, "a direction's bytes lie in one block of the loop");

struct directs {
    struct loop *loop;
    struct access_log *access_log;
    struct lingering_closes *lingering_closes;
    struct list all;
    size_t n;
};

enum { DIRECT_CLIENT, DIRECT_FAR };

/* One of the two streams, and what has been read from it. */
struct direct_side {
    struct direct *direct;
    struct stream *stream; /* NULL: there is none yet, or none any more */
    uint8_t *block;        /* read here, and being written to the other side; NULL: no bytes are */
    uint64_t bytes;        /* read, and allowed to pass */
    bool ended;            /* No more comes from the stream. */
};

enum direct_state {
    DIRECT_DIALLING,
    DIRECT_ANSWERING,
    DIRECT_RELAYING,
    DIRECT_LEAVING /* the last bytes for the client are being written */
};

struct direct {
    struct list node;
    struct directs *set;
    enum direct_state state;
    struct direct_side sides[2];
    struct dial *dial; /* NULL: none is running */
    const struct reply_format *format;
    struct access_log_entry who; /* `asked` is the host */
    int port;
    uint64_t started_ms, first_byte_ms; /* first_byte_ms: of the far side's; 0: none has come */
    enum err why;                       /* the reason of the first side's end */
    struct buf early, out;
    struct conn_tap tap;
    void (*tap_free)(void *ctx);
    bool up_done; /* No more goes up: the tap says so, or the far side takes nothing. */
};

/* The events of both streams; their owner is the struct direct_side. */
extern const struct stream_events direct_events;

/* Begins to relay: both sides are there, and the client has its answer. */
void direct_relay(struct direct *d);
/* Ends d; the client gets `words` and a FIN. */
void direct_part(struct direct *d, struct buf *words);
/* Ends d at once, in any state; bytes that the client has not got are lost. Unless `why` is an end
 * (err_is_end), both sides get a reset. */
void direct_drop(struct direct *d, enum err why);

#endif
