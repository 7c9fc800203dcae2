#include "core/ws/ws_internal.h"

void ws_over(struct ws *w, enum err why, int code, const char *text)
{
    if (w->state == OVER || w->dead)
        return;
    w->state = OVER;
    timer_stop(w->timer);
    stream_read_on(w->stream, false);
    w->events->closed(w->owner, why, code, text);
}

void ws_want_close(struct ws *w, enum ws_state state, int code, const char *text)
{
    w->state = state;
    w->close.n = ws_close_write(w->close.payload, code, text);
    w->close.wanted = true;
    timer_start(w->timer, state == FAILING ? WS_PATIENCE_MS : w->patience_ms);
}

void ws_close_settle(struct ws *w)
{
    if (w->close.wanted || !stream_ready(w->stream))
        return;
    if (!w->shut && (w->state == ECHOING || w->state == FAILING)) {
        w->shut = true;
        stream_shutdown(w->stream);
    }
    if (w->state == ECHOING)
        ws_over(w, w->why, w->code, w->text);
}
