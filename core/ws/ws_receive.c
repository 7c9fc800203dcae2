#include "core/ws/ws_internal.h"

#include <assert.h>
#include <string.h>

#define NO_TEXT "text messages are not taken here"

/* Closes because the peer broke the rules, or sent something unsupported. Reading goes on to the
 * end, since closing with unread bytes would reset the connection and our Close would be lost with
 * it. */
static void fail(struct ws *w, int close_code, enum err why, const char *text)
{
    if (w->state == CLOSING) { /* there is only one Close, and it is on its way */
        ws_over(w, why, 0, text);
        return;
    }
    w->why = why;
    w->code = 0;
    str_escape(span_of(text), w->text, sizeof w->text);
    ws_want_close(w, FAILING, close_code, text);
}

static void close_came(struct ws *w)
{
    struct span text;
    int code;
    if (!ws_close_parse(w->incoming.payload, w->incoming.n, &code, &text)) {
        fail(w, 1002, ERR_PROTOCOL, "a Close that is not right");
        return;
    }
    str_escape(text, w->text, sizeof w->text);
    w->code = code;
    if (w->state == CLOSING) {
        ws_over(w, ERR_OK, code, w->text);
        return;
    }
    w->why = ERR_EOF;
    ws_want_close(w, ECHOING, code, NULL);
    stream_read_on(w->stream, false);
}

static void control_came(struct ws *w, enum ws_opcode op)
{
    if (op == WS_CLOSE)
        close_came(w);
    else if (op == WS_PONG && w->events->pong != NULL && w->state == OPEN)
        w->events->pong(w->owner, w->incoming.payload, w->incoming.n);
    else if (op == WS_PING && w->state == OPEN) {
        memcpy(w->pong.payload, w->incoming.payload, w->incoming.n);
        w->pong.n = w->incoming.n;
        w->pong.wanted = true;
    }
    w->incoming.n = 0;
}

static void frame_came(struct ws *w)
{
    if (w->parser.op >= WS_CLOSE)
        control_came(w, w->parser.op);
    else if (w->state != OPEN)
        return;
    else if (w->parser.op == WS_TEXT)
        fail(w, 1003, ERR_PROTOCOL, NO_TEXT);
    else if (w->parser.fin && w->events->message_end != NULL)
        w->events->message_end(w->owner);
}

/* Returns how many bytes were taken. */
static size_t payload_came(struct ws *w, uint8_t *p, size_t n)
{
    if (w->parser.op >= WS_CLOSE) {
        memcpy(w->incoming.payload + w->incoming.n, p, n);
        w->incoming.n += n;
        return n;
    }
    if (w->state != OPEN)
        return n;
    if (w->parser.op == WS_BINARY)
        return w->events->data(w->owner, p, n);
    fail(w, 1003, ERR_PROTOCOL, NO_TEXT);
    return n;
}

static bool listening(const struct ws *w)
{
    return !w->dead && !w->paused && (w->state == OPEN || w->state == CLOSING);
}

/* Works through n bytes as far as the owner takes them; returns how many are done with. */
static size_t deliver(struct ws *w, uint8_t *p, size_t n)
{
    size_t used = 0;
    while (listening(w)) {
        struct ws_event event = ws_parse(&w->parser, p + used, n - used);
        used += event.used;
        if (event.type == WS_NEED_MORE)
            return used;
        if (event.type == WS_ERROR) {
            fail(w, w->parser.close_code, event.why, event.text);
        } else if (event.type == WS_FRAME_END) {
            frame_came(w);
        } else {
            size_t took = payload_came(w, event.payload, event.n);
            if (w->dead)
                return used;
            assert(took <= event.n);
            ws_parser_took(&w->parser, took);
            used += took;
            /* Closing inside `data` means that the owner wants no more bytes. */
            w->paused = w->paused || (took < event.n && w->state == OPEN);
        }
    }
    return w->state == FAILING ? n : used;
}

/* Whether bytes are wanted from the stream, be it only to throw them away. */
static bool reading(const struct ws *w)
{
    return !w->dead && !w->paused && w->state != ECHOING && w->state != OVER;
}

static void settle(struct ws *w)
{
    if (!w->dead && w->events->settle != NULL)
        w->events->settle(w->owner);
}

static void read_all(struct ws *w)
{
    while (reading(w)) {
        uint8_t *p;
        long n = stream_peek(w->stream, 1, &p);
        if (n == 0)
            return;
        if (n < 0) {
            enum err why = (enum err) - n;
            if (w->state == FAILING)
                ws_over(w, w->why, 0, w->text);
            else
                ws_over(w, why, 0,
                        why == ERR_EOF ? "the connection ended without a Close" : err_text(why));
            return;
        }
        w->received_at = loop_now(w->loop);
        size_t used = deliver(w, p, (size_t)n);
        if (!w->dead && !stream_steady(w->stream))
            settle(w);
        if (!w->dead && used > 0)
            stream_consume(w->stream, used);
    }
}

void ws_read(struct ws *w)
{
    read_all(w);
    settle(w);
}
