/* A WebSocket on an opened stream, after the handshake, in either role. Control frames are handled
 * here: pings are answered (the latest one, as RFC 6455 5.5.3 allows), closes are echoed. */
#ifndef CORE_WS_WS_H
#define CORE_WS_WS_H

#include "core/net/loop.h"
#include "core/net/stream.h"
#include "core/ws/frame.h"

#define WS_PARTS 3

struct ws;

struct ws_events {
    /* A piece of a binary message's payload, in place; the owner may overwrite it. Returns how
     * many bytes were taken; fewer than n pauses reading until ws_resume, and then the rest comes
     * again. */
    size_t (*data)(void *owner, uint8_t *p, size_t n);
    /* The bytes that came with `data` are about to go: until now they have stayed where they were.
     * May be NULL. */
    void (*settle)(void *owner);
    /* The message whose pieces came before is complete. May be NULL. */
    void (*message_end)(void *owner);
    /* ws_ready is true again. */
    void (*writable)(void *owner);
    /* A pong came with this payload. May be NULL. */
    void (*pong)(void *owner, const uint8_t *p, size_t n);
    /* It is over; the last event. code: the peer's close code (1005: none given), or 0 when there
     * was no Close frame from it. `text` is the close reason or a description, escaped. Call
     * ws_free (from here or later). `why` is one of these, or the stream's error:
     *
     * - ERR_OK: ws_close was called, and the peer answered.
     *
     * - ERR_EOF: the peer's Close (code > 0; it has been echoed), or an end without one (0).
     *
     * - ERR_TIMEOUT: ws_close was called, and no answer came in time.
     *
     * - ERR_PROTOCOL, ERR_TOO_LARGE: the peer broke RFC 6455 or sent text. It got a Close with
     * 1002, 1003 or 1009, and its end or 2 s were awaited so that it can read it. */
    void (*closed)(void *owner, enum err why, int code, const char *text);
};

/* Takes the stream over, whose next bytes are those after the handshake's head. `client`: we mask
 * and expect unmasked frames. NULL: no memory (the stream is closed). Reading starts at once. */
struct ws *ws_new(struct loop *loop, struct stream *s, bool client, const struct ws_events *events,
                  void *owner);
void ws_free(struct ws *w); /* closes the stream at once; NULL is fine; allowed in any event */

/* Whether ws_send may be called. */
bool ws_ready(const struct ws *w);
/* Sends n bytes at p as one frame and one binary message. WS_HEADER_MAX bytes in front of p are
 * overwritten and, at a client, the payload is masked in place. False: pending; the caller keeps
 * all of it unchanged until `writable`. Only while ws_ready. */
bool ws_send(struct ws *w, uint8_t *p, size_t n);
/* The same for a message in n parts, WS_PARTS at most, which may lie anywhere and are left as they
 * are: they are free again in any case. */
bool ws_send_parts(struct ws *w, const struct span *parts, size_t n);
/* Sends a ping with up to 125 bytes, which replaces one that could not leave yet. Does nothing
 * after ws_close. */
void ws_ping(struct ws *w, const void *p, size_t n);
/* Sends a Close (text up to 123 bytes) after what is pending; `closed` comes when the peer's Close
 * or the transport's end does, at the latest after 2 s (ws_patience). Nothing is sent or delivered
 * afterwards. */
void ws_close(struct ws *w, int code, const char *text);
/* Delivers again after `data` took less than it was given. It is called outside of `data` only;
 * delivery is deferred, never from inside this call. */
void ws_resume(struct ws *w);
/* In an event: nothing is delivered after it until ws_resume. */
void ws_pause(struct ws *w);
/* Gives the stream back, with reading off, and frees w. Outside of events: while paused (ws_pause
 * in message_end) and ws_ready, with the unread bytes after the last message; or after `closed`,
 * while the stream is ready, with its sending side shut down. The caller sets the stream's events
 * at once. */
struct stream *ws_take(struct ws *w);
/* Data frames may have any size, since their payload is delivered in pieces; else it is
 * WS_FRAME_MAX at most. */
void ws_any_size(struct ws *w);
/* Closing may take that long instead of 2 s, but for a peer that broke the rules. */
void ws_patience(struct ws *w, uint64_t ms);
/* As stream_leave and stream_join, with what has arrived of a message: delivery is paused, until
 * ws_resume on the new loop. Not while a Close has come or is to go. */
bool ws_leave(struct ws *w);
bool ws_join(struct ws *w, struct loop *loop);
struct stream *ws_stream(struct ws *w);
uint64_t ws_received_at(const struct ws *w); /* loop_now when the last bytes came */

#endif
