/* Private to core/ws: the WebSocket's state, between its sending half (ws.c), its receiving half
 * (ws_receive.c) and its end (ws_close.c). */
#ifndef CORE_WS_WS_INTERNAL_H
#define CORE_WS_WS_INTERNAL_H

#include "core/ws/ws.h"

enum ws_state {
    OPEN,
    CLOSING, /* our Close is leaving or has left; the peer's has not come */
    ECHOING, /* the peer's Close came; ours is leaving */
    FAILING, /* the peer broke the rules: our Close is leaving, further bytes are thrown away */
    OVER     /* `closed` was told */
};

struct ws_control {
    bool wanted; /* waits to be sent as soon as the stream is ready */
    size_t n;
    uint8_t payload[WS_CONTROL_MAX];
};

struct ws {
    struct loop *loop;
    struct stream *stream;
    const struct ws_events *events;
    void *owner;
    bool client;
    enum ws_state state;
    int depth; /* callbacks on the stack; ws_free leaves freeing to the outermost */
    bool dead;
    bool shut; /* the stream's sending side is shut down */

    struct ws_parser parser;
    bool paused;
    uint64_t received_at;
    struct ws_control incoming; /* the control frame that is arriving */

    struct ws_control pong, ping, close;         /* those that wait, sent in this order */
    uint8_t out[WS_HEADER_MAX + WS_CONTROL_MAX]; /* the control frame that the stream is writing */
    uint8_t *copy;                               /* a block with a message that the stream writes */
    struct deferred broken;                      /* there was no memory for it */
    size_t masks_used;

    struct timer *timer; /* limits the closing; NULL while it is on no loop */
    uint64_t patience_ms;
    enum err why; /* the reason for `closed` */
    int code;
    char text[4 * WS_REASON_MAX + 1];

    uint8_t masks[]; /* a client's: WS_MASKS random bytes, fetched in bulk */
};
#define WS_MASKS 256
#define WS_PATIENCE_MS 2000 /* for a closing, unless ws_patience says more */

/* The closing handshake (ws_close.c). */
void ws_over(struct ws *w, enum err why, int code, const char *text); /* tells `closed`, once */
void ws_want_close(struct ws *w, enum ws_state state, int code, const char *text);
/* Called after anything that may have let the last Close leave, after which this side sends no
 * more. */
void ws_close_settle(struct ws *w);

/* Takes and delivers the stream's bytes (ws_receive.c). The WebSocket may be dead afterwards
 * (w->dead). */
void ws_read(struct ws *w);

#endif
