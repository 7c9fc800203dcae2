#include "core/control/client/admin_client.h"

#include "core/http/client.h"
#include "core/http/request.h"
#include "core/net/dial.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_MAX 16384

struct admin_client {
    struct loop *loop;
    char *path;
    struct admin_client_events events;
    void *owner;
    uint64_t patience_ms;
    struct dial *dial;
    struct http_client *client;
};

/* ---- the connection ---- */

static const struct {
    enum err why;
    const char *text;
} dial_texts[] = {
    {ERR_NOT_FOUND, "there is no such socket"},
    {ERR_REFUSED, "nobody listens there"},
    {ERR_PERMISSION, "permission denied"},
    {ERR_USAGE, "the path is too long for a socket"},
};

static const char *dial_text(enum err why)
{
    for (size_t i = 0; i < sizeof dial_texts / sizeof *dial_texts; i++)
        if (dial_texts[i].why == why)
            return dial_texts[i].text;
    return err_text(why);
}

static void on_dialled(void *owner, struct stream *s, enum err why)
{
    struct admin_client *w = owner;
    w->dial = NULL;
    if (s != NULL)
        http_client_connected(w->client, s);
    else
        http_client_unreached(w->client, why, dial_text(why));
}

static bool on_connect(void *owner)
{
    struct admin_client *w = owner;
    struct dial_options o = {.host = w->path, .timeout_ms = w->patience_ms};
    w->dial = dial_start(w->loop, &o, on_dialled, w);
    return w->dial != NULL;
}

static void on_abandon(void *owner)
{
    struct admin_client *w = owner;
    dial_cancel(w->dial);
    w->dial = NULL;
}

/* ---- what comes ---- */

static const char *const loss_texts[HTTP_LOSS_COUNT] = {
    [HTTP_LOSS_HUNG_UP] = "it hung up",
    [HTTP_LOSS_CUT_OFF] = "it hung up in the middle of an answer",
    [HTTP_LOSS_ENDED] = "it ended the events",
    [HTTP_LOSS_MALFORMED] = "its answer is not HTTP",
    [HTTP_LOSS_TOO_LARGE] = "its answer is too large",
    [HTTP_LOSS_UNASKED] = "it spoke without being asked",
};

static void on_lost(void *owner, enum http_loss loss, enum err why, const char *text)
{
    struct admin_client *w = owner;
    char late[80];
    bool broke = (loss == HTTP_LOSS_HUNG_UP || loss == HTTP_LOSS_CUT_OFF) && why != ERR_EOF;
    snprintf(late, sizeof late, "no answer within %u s", (unsigned)(w->patience_ms / 1000));
    if (why == ERR_TIMEOUT)
        text = late;
    else if (loss_texts[loss] != NULL && !broke)
        text = loss_texts[loss];
    w->events.lost(w->owner, why, text);
}

static void on_answer(void *owner, const struct http_head *head, struct buf *body)
{
    struct admin_client *w = owner;
    w->events.answer(w->owner, head->status, (struct span){(char *)body->data, body->size});
}

static void on_line(void *owner, struct span line)
{
    struct admin_client *w = owner;
    if (w->events.line != NULL)
        w->events.line(w->owner, line);
}

/* ---- requests ---- */

static bool ask(struct admin_client *w, const char *method, const char *target, unsigned how)
{
    struct buf request = {.limit = ADMIN_CLIENT_REQUEST_MAX};
    http_request_write(
        &(struct http_request){.method = method, .target = target, .host = "localhost"}, &request);
    bool asked = http_client_ask(w->client, &request, how | HTTP_REPEATABLE);
    buf_free(&request);
    return asked;
}

bool admin_client_ask(struct admin_client *w, const char *method, const char *target)
{
    return ask(w, method, target, 0);
}

bool admin_client_follow(struct admin_client *w, const char *target)
{
    return ask(w, "GET", target, HTTP_LINES);
}

bool admin_client_busy(const struct admin_client *w)
{
    return http_client_busy(w->client);
}

void admin_client_close(struct admin_client *w)
{
    http_client_rest(w->client);
}

void admin_client_timeout(struct admin_client *w, uint64_t ms)
{
    w->patience_ms = ms;
    http_client_timeout(w->client, ms);
}

struct admin_client *admin_client_new(struct loop *loop, const char *path,
                                      const struct admin_client_events *events, void *owner)
{
    static const struct http_client_events client_events = {.connect = on_connect,
                                                            .abandon = on_abandon,
                                                            .answer = on_answer,
                                                            .line = on_line,
                                                            .lost = on_lost};
    static const struct http_client_options options = {.max_head = HEAD_MAX,
                                                       .max_body = ADMIN_CLIENT_ANSWER_MAX,
                                                       .max_line = ADMIN_CLIENT_LINE_MAX,
                                                       .timeout_ms = ADMIN_CLIENT_TIMEOUT_MS};
    struct admin_client *w = calloc(1, sizeof *w);
    if (w == NULL)
        return NULL;
    *w = (struct admin_client){
        .loop = loop, .events = *events, .owner = owner, .patience_ms = ADMIN_CLIENT_TIMEOUT_MS};
    w->path = strdup(path);
    w->client = http_client_new(loop, &options, &client_events, w);
    if (w->path != NULL && w->client != NULL)
        return w;
    admin_client_free(w);
    return NULL;
}

void admin_client_free(struct admin_client *w)
{
    if (w == NULL)
        return;
    http_client_free(w->client);
    free(w->path);
    free(w);
}
