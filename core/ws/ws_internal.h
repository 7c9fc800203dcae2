/* Private to core/ws: the WebSocket's state, between its sending half (ws.c), its receiving half
 * (ws_receive.c) and its end (ws_close.c). */
#ifndef CORE_WS_WS_INTERNAL_H
#define CORE_WS_WS_INTERNAL_H

#include "core/ws/ws.h"

enum ws_state {
    OPEN,
    CLOSING, /* our Close is leaving or has left; the peer's has not come */
    ECHOING, /* the peer's Close came; ours is leaving */
    FAILING, /* the peer broke the rules: our Close is leaving, what comes is thrown away */
    OVER     /* `closed` was told */
};

struct ws_control {
    bool wanted; /* to be sent as soon as the stream can take it */
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
    int depth; /* of our callbacks on the stack; ws_free then leaves the memory to the last */
    bool dead;
    bool shut; /* the stream's sending side */

    struct ws_parser parser;
    bool paused;
    uint64_t received_at;
    struct ws_control incoming; /* the control frame that is arriving */

    struct ws_control pong, ping, close;         /* waiting, in this order */
    uint8_t out[WS_HEADER_MAX + WS_CONTROL_MAX]; /* the one that the stream has */
    uint8_t masks[256];                          /* random bytes, fetched by the lot */
    size_t masks_used;

    struct timer *timer; /* for the end of closing */
    enum err why;        /* what `closed` will be told */
    int code;
    char text[4 * WS_REASON_MAX + 1];
};

/* The closing handshake (ws_close.c). */
void ws_over(struct ws *w, enum err why, int code, const char *text); /* tells `closed`, once */
void ws_want_close(struct ws *w, enum ws_state state, int code, const char *text);
/* After anything that may have let the last Close leave: that was all from this side. */
void ws_close_settle(struct ws *w);

/* Delivers what the stream has (ws_receive.c). The WebSocket may be dead afterwards (w->dead). */
void ws_read(struct ws *w);

#endif
