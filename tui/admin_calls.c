#include "tui/admin_calls.h"

#include "core/control/client/admin_client.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct admin_calls {
    const struct admin_calls_events *events;
    void *owner;
    struct admin_client *closer, *switcher;
    uint64_t closing[ADMIN_CALLS_MAX]; /* the streams to be ended, in their order */
    size_t n_closing, closed;
    bool switching, letting_in;
};

static void say(struct admin_calls *c, bool bad, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void say(struct admin_calls *c, bool bad, const char *format, ...)
{
    char text[200];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    c->events->said(c->owner, bad, text);
}

/* ---- ending streams ---- */

static void close_next(struct admin_calls *c)
{
    char target[80];
    if (c->closed == c->n_closing) {
        c->n_closing = c->closed = 0;
        c->events->changed(c->owner);
        return;
    }
    snprintf(target, sizeof target, "/v1/streams/%" PRIu64, c->closing[c->closed]);
    admin_client_ask(c->closer, "DELETE", target);
}

static void on_closed(void *owner, int status, struct span body)
{
    struct admin_calls *c = owner;
    char text[120];
    uint64_t id = c->closing[c->closed++];
    if (status == 404)
        say(c, false, "stream %" PRIu64 " was gone already", id);
    else if (status != 204 && status != 200)
        say(c, true, "stream %" PRIu64 " was not closed: %s", id,
            str_escape(span_trim_lines(body), text, sizeof text));
    close_next(c);
}

static void on_close_lost(void *owner, enum err why, const char *text)
{
    struct admin_calls *c = owner;
    (void)why;
    if (c->n_closing == 0)
        return; /* an idle connection ended */
    say(c, true, "stream %" PRIu64 " was not closed: %s", c->closing[c->closed], text);
    c->n_closing = c->closed = 0;
}

void admin_calls_close(struct admin_calls *c, uint64_t id)
{
    if (c->n_closing == ADMIN_CALLS_MAX)
        return;
    c->closing[c->n_closing++] = id;
    if (c->n_closing == 1)
        close_next(c);
}

/* ---- whether anybody is let in ---- */

static void on_switched(void *owner, int status, struct span body)
{
    struct admin_calls *c = owner;
    char text[120];
    c->switching = false;
    if (status == 204)
        say(c, false,
            c->letting_in ? "who wants something is let in again"
                          : "nobody is let in from now on; A ends that");
    else
        say(c, true, "it was not switched: %s",
            str_escape(span_trim_lines(body), text, sizeof text));
    c->events->changed(c->owner);
}

static void on_switch_lost(void *owner, enum err why, const char *text)
{
    struct admin_calls *c = owner;
    (void)why;
    if (c->switching)
        say(c, true, "it was not switched: %s", text);
    c->switching = false;
}

/* One that is on its way is not overtaken. */
void admin_calls_accept(struct admin_calls *c, bool everybody)
{
    if (admin_client_busy(c->switcher))
        return;
    c->letting_in = everybody;
    c->switching =
        admin_client_ask(c->switcher, "POST", everybody ? "/v1/accept/always" : "/v1/accept/never");
}

/* ---- life ---- */

struct admin_calls *admin_calls_new(struct loop *loop, const char *path,
                                    const struct admin_calls_events *events, void *owner)
{
    static const struct admin_client_events closer = {.answer = on_closed, .lost = on_close_lost};
    static const struct admin_client_events switcher = {.answer = on_switched,
                                                        .lost = on_switch_lost};
    struct admin_calls *c = calloc(1, sizeof *c);
    if (c == NULL)
        return NULL;
    c->events = events;
    c->owner = owner;
    c->closer = admin_client_new(loop, path, &closer, c);
    c->switcher = admin_client_new(loop, path, &switcher, c);
    if (c->closer != NULL && c->switcher != NULL)
        return c;
    admin_calls_free(c);
    return NULL;
}

void admin_calls_free(struct admin_calls *c)
{
    if (c == NULL)
        return;
    admin_client_free(c->closer);
    admin_client_free(c->switcher);
    free(c);
}
