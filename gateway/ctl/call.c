#include "gateway/ctl/call.h"

#include "core/http/client.h"

#include <stdio.h>
#include <stdlib.h>

#define TIMEOUT_MS 30000
#define HEAD_LIMIT 32768

struct caller {
    struct loop *loop;
    struct caller_options options;
    struct reach *reach;
    struct http_client *client;
    /* The present call. */
    struct call_answer *answer;
    bool over; /* true between calls, and before the first */
    enum err why;
    char text[512];
};

/* ---- connecting ---- */

static void on_arrived(void *owner, struct stream *s)
{
    struct caller *c = owner;
    c->reach = NULL;
    http_client_connected(c->client, s);
}

static void on_unreached(void *owner, const struct reach_failure *f)
{
    struct caller *c = owner;
    c->reach = NULL;
    http_client_unreached(c->client, f->why, f->text);
}

static bool on_connect(void *owner)
{
    static const struct reach_events events = {.arrived = on_arrived, .failed = on_unreached};
    struct caller *c = owner;
    c->reach = reach_start(c->loop, &c->options.target, &events, c);
    return c->reach != NULL;
}

static void on_abandon(void *owner)
{
    struct caller *c = owner;
    reach_cancel(c->reach);
    c->reach = NULL;
}

/* ---- the end of a call ---- */

static void finish(struct caller *c, enum err why)
{
    c->over = true;
    c->why = why;
    loop_stop(c->loop);
}

static const char *const loss_texts[HTTP_LOSS_COUNT] = {
    [HTTP_LOSS_HUNG_UP] = "it hung up without an answer",
    [HTTP_LOSS_CUT_OFF] = "the answer was cut off",
    [HTTP_LOSS_MALFORMED] = "the answer is not HTTP",
    [HTTP_LOSS_TOO_LARGE] = "the answer is too large",
};

static void on_lost(void *owner, enum http_loss loss, enum err why, const char *text)
{
    struct caller *c = owner;
    unsigned seconds = (unsigned)(c->options.timeout_ms / 1000);
    if (c->over) /* the event concerns a kept connection */
        return;
    if (loss == HTTP_LOSS_CONNECTION)
        snprintf(c->text, sizeof c->text, "%s", text);
    else if (loss == HTTP_LOSS_LATE || loss == HTTP_LOSS_DIAL_LATE)
        snprintf(c->text, sizeof c->text, "no %s within %u s",
                 loss == HTTP_LOSS_LATE ? "answer" : "connection", seconds);
    else
        snprintf(c->text, sizeof c->text, "%s", loss_texts[loss]);
    finish(c, why);
}

static void copy_header(const struct http_head *head, const char *name, char *out, size_t size)
{
    str_escape(http_header(head, name), out, size);
}

static void on_answer(void *owner, const struct http_head *head, struct buf *body)
{
    struct caller *c = owner;
    c->answer->status = head->status;
    copy_header(head, "x-amzn-errortype", c->answer->error, sizeof c->answer->error);
    copy_header(head, "content-type", c->answer->type, sizeof c->answer->type);
    c->answer->body = *body;
    *body = (struct buf){.limit = body->limit};
    finish(c, ERR_OK);
}

/* ---- calls ---- */

enum err caller_post(void *carrier, const struct call_request *request, struct call_answer *answer,
                     char *text, size_t size)
{
    struct caller *c = carrier;
    struct buf bytes = {.limit = CALL_REQUEST_MAX};
    *answer = (struct call_answer){.body.limit = CALL_ANSWER_MAX};
    c->answer = answer;
    c->over = false;
    c->text[0] = '\0';
    if (!buf_append(&bytes, request->bytes.p, request->bytes.n)) {
        snprintf(text, size, "the request is too large");
        return ERR_TOO_LARGE;
    }
    http_client_ask(c->client, &bytes, request->repeatable ? HTTP_REPEATABLE : 0);
    while (!c->over)
        loop_run(c->loop);
    snprintf(text, size, "%s", c->text);
    return c->why;
}

void caller_rest(struct caller *c)
{
    http_client_rest(c->client);
}

struct caller *caller_new(struct loop *loop, const struct caller_options *o)
{
    static const struct http_client_events events = {
        .connect = on_connect, .abandon = on_abandon, .answer = on_answer, .lost = on_lost};
    struct caller *c = calloc(1, sizeof *c);
    if (c == NULL)
        return NULL;
    *c = (struct caller){.loop = loop, .options = *o, .over = true};
    if (c->options.timeout_ms == 0)
        c->options.timeout_ms = TIMEOUT_MS;
    const struct http_client_options options = {.max_head = HEAD_LIMIT,
                                                .max_body = CALL_ANSWER_MAX,
                                                .timeout_ms = c->options.timeout_ms,
                                                .timeout_is_for_all = true};
    c->client = http_client_new(loop, &options, &events, c);
    if (c->client != NULL)
        return c;
    free(c);
    return NULL;
}

void caller_free(struct caller *c)
{
    if (c == NULL)
        return;
    http_client_free(c->client);
    free(c);
}
