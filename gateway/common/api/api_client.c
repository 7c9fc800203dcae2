#include "gateway/common/api/api_client.h"

#include "core/base/list.h"
#include "core/base/random.h"
#include "core/base/secret.h"
#include "core/http/client.h"
#include "core/http/request.h"
#include "core/tunnel/backoff.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_LIMIT 32768
#define REST_MS 40000 /* a connection at rest is used so often: a hub closes it after 60 s */
#define REST_ANSWER_MS 10000
#define AGAIN_FIRST_MS 1000 /* the pause before the kept connection is made anew, doubling to … */
#define AGAIN_MAX_MS 60000
#define SPARE_MS 100  /* a new one is made when the call that took the last one is on its way */
#define DOUBT_MS 2000 /* a kept connection that has not even taken a call by then leads nowhere */

/* One connection with the call that it carries, or the one that is kept ready. */
struct api_call {
    struct list node;
    struct api_client *client;
    struct http_client *http;
    struct reach *reach;
    struct timer *doubt;
    bool takes_stream;
    void (*done)(void *owner, struct api_answer *a); /* NULL: the kept one */
    void *owner;
};

struct api_client {
    struct loop *loop;
    struct api_client_options o;
    struct tls_session tls_session;
    struct reach_memory memory;
    struct list calls;
    size_t n;
    struct api_call *spare; /* kept ready, or being made so */
    bool rests;             /* the spare is ready */
    uint64_t rests_since;
    unsigned failures; /* of the spare, in a row */
    struct timer *timer;
    char problem[400];
};

/* ---- ends ---- */

static void release(struct api_call *call)
{
    struct api_client *c = call->client;
    if (call == c->spare)
        c->spare = NULL;
    else
        c->n--;
    list_remove(&call->node);
    http_client_free(call->http); /* abandons the reach */
    timer_free(call->doubt);
    free(call);
}

void api_call_cancel(struct api_call *call)
{
    if (call != NULL)
        release(call);
}

static void finish(struct api_call *call, struct api_answer *a)
{
    void (*done)(void *owner, struct api_answer *a) = call->done;
    void *owner = call->owner;
    release(call);
    done(owner, a);
    if (a->ready != NULL)
        stream_close(a->ready);
}

/* ---- connecting ---- */

static void on_arrived(void *owner, struct stream *s)
{
    struct api_call *call = owner;
    call->reach = NULL;
    http_client_connected(call->http, s);
}

static void on_unreached(void *owner, const struct reach_failure *f)
{
    struct api_call *call = owner;
    call->reach = NULL;
    http_client_unreached(call->http, f->why, f->text);
}

static bool on_connect(void *owner)
{
    static const struct reach_events events = {.arrived = on_arrived, .failed = on_unreached};
    struct api_call *call = owner;
    struct api_client *c = call->client;
    struct reach_target target = c->o.target;
    target.memory = &c->memory;
    target.tls_session = &c->tls_session;
    timer_stop(call->doubt);
    call->reach = reach_start(c->loop, &target, &events, call);
    return call->reach != NULL;
}

static void on_abandon(void *owner)
{
    struct api_call *call = owner;
    reach_cancel(call->reach);
    call->reach = NULL;
}

/* ---- the kept connection ---- */

static void again(struct api_client *c)
{
    uint32_t dice;
    bool steady = c->rests && loop_now(c->loop) - c->rests_since > REST_ANSWER_MS;
    random_bytes(&dice, sizeof dice);
    c->failures = steady ? 0 : c->failures;
    c->rests = false;
    timer_start(c->timer, backoff_pause(AGAIN_FIRST_MS, AGAIN_MAX_MS, c->failures++, dice));
}

static void spare_answered(struct api_call *call)
{
    struct api_client *c = call->client;
    c->problem[0] = '\0';
    if (http_client_stream(call->http) == NULL) { /* this hub keeps none */
        release(call);
        again(c);
        return;
    }
    if (!c->rests)
        c->rests_since = loop_now(c->loop);
    c->rests = true;
    timer_start(c->timer, REST_MS);
}

/* ---- answers ---- */

static void copy_header(const struct http_head *head, const char *name, char *out, size_t size)
{
    str_escape(http_header(head, name), out, size);
}

static void judge(const struct http_head *head, const cJSON *body, struct api_answer *a)
{
    char error[128];
    copy_header(head, "x-amzn-errortype", error, sizeof error);
    a->output = body;
    if (head->status == 200 && cJSON_IsObject(body)) {
        a->why = ERR_OK;
    } else if (api_failure_read(error, body, &a->failure)) {
        a->why = ERR_REJECTED;
    } else {
        a->why = ERR_PROTOCOL;
        snprintf(a->text, sizeof a->text, "it answers HTTP %d (%s), and not as a control API does",
                 head->status, http_reason(head->status));
    }
}

static void on_answer(void *owner, const struct http_head *head, struct buf *body)
{
    struct api_call *call = owner;
    struct api_answer a = {.why = ERR_PROTOCOL};
    if (call->done == NULL) {
        spare_answered(call);
        return;
    }
    cJSON *json =
        body->size > 0 ? cJSON_ParseWithLength((const char *)body->data, body->size) : NULL;
    judge(head, json, &a);
    call->client->problem[0] = '\0';
    if (a.why == ERR_OK && call->takes_stream)
        a.ready = http_client_take(call->http);
    finish(call, &a);
    api_json_wipe(json);
}

static const char *const losses[HTTP_LOSS_COUNT] = {
    [HTTP_LOSS_DIAL_LATE] = "no connection in time",
    [HTTP_LOSS_LATE] = "no answer in time",
    [HTTP_LOSS_HUNG_UP] = "it hung up without an answer",
    [HTTP_LOSS_CUT_OFF] = "the answer was cut off",
    [HTTP_LOSS_MALFORMED] = "the answer is not HTTP",
    [HTTP_LOSS_TOO_LARGE] = "the answer is too large",
    [HTTP_LOSS_UNASKED] = "it answered what nobody had asked",
};

static void on_lost(void *owner, enum http_loss loss, enum err why, const char *text)
{
    struct api_call *call = owner;
    struct api_client *c = call->client;
    struct api_answer a = {.why = why == ERR_OK || why == ERR_REJECTED ? ERR_PROTOCOL : why};
    bool closed_at_rest = call == c->spare && c->rests && loss == HTTP_LOSS_HUNG_UP;
    snprintf(a.text, sizeof a.text, "%s:%d: %s", c->o.target.host, c->o.target.port,
             losses[loss] != NULL ? losses[loss] : text);
    if (!closed_at_rest)
        memcpy(c->problem, a.text, sizeof c->problem);
    if (call->done != NULL) {
        finish(call, &a);
        return;
    }
    release(call);
    again(c);
}

/* What was written to a kept connection has not even reached the machine there: the way is cut,
 * perhaps since this machine slept or changed its network. */
static void on_doubt(void *owner)
{
    struct api_call *call = owner;
    const struct stream *s = http_client_stream(call->http);
    if (s != NULL && tls_backlog(s) > 0)
        http_client_renew(call->http);
}

/* ---- calls ---- */

static struct api_call *line_new(struct api_client *c)
{
    static const struct http_client_events events = {
        .connect = on_connect, .abandon = on_abandon, .answer = on_answer, .lost = on_lost};
    const struct http_client_options options = {.max_head = HEAD_LIMIT,
                                                .max_body = API_ANSWER_MAX,
                                                .timeout_ms = REST_ANSWER_MS,
                                                .timeout_is_for_all = true};
    struct api_call *call = calloc(1, sizeof *call);
    if (call == NULL)
        return NULL;
    call->client = c;
    call->http = http_client_new(c->loop, &options, &events, call);
    call->doubt = timer_new(c->loop, on_doubt, call);
    list_init(&call->node);
    if (call->http != NULL && call->doubt != NULL)
        return call;
    http_client_free(call->http);
    timer_free(call->doubt);
    free(call);
    return NULL;
}

/* The kept connection carries a request that is of use to nobody, so that hub and NAT keep it. */
static void on_time(void *owner)
{
    struct api_client *c = owner;
    char host[API_URL_NAME];
    const struct http_field fields[] = {{"User-Agent", c->o.caller.agent}, {NULL, NULL}};
    const struct http_request request = {.method = "GET",
                                         .target = "/healthz",
                                         .host = api_url_name(c->o.caller.endpoint, host),
                                         .fields = fields};
    struct buf bytes = {.limit = HEAD_LIMIT};
    if (c->spare == NULL)
        c->spare = line_new(c);
    if (c->spare == NULL || !http_request_write(&request, &bytes)) {
        again(c);
        return;
    }
    http_client_timeout(c->spare->http, REST_ANSWER_MS);
    if (!http_client_ask(c->spare->http, &bytes, HTTP_REPEATABLE))
        buf_free(&bytes);
}

/* Takes the kept connection if it is ready, else makes one. */
static struct api_call *line_for_call(struct api_client *c)
{
    struct api_call *call = c->spare;
    if (call == NULL || !c->rests || http_client_busy(call->http))
        return line_new(c);
    c->spare = NULL;
    c->rests = false;
    timer_start(c->timer, SPARE_MS);
    return call;
}

static enum err write_call(struct api_client *c, const struct api_call_options *o, struct buf *out)
{
    char *body = o->input != NULL ? cJSON_PrintUnformatted(o->input) : NULL;
    enum err why = ERR_NO_MEMORY;
    if (body != NULL)
        why = api_request_write(&c->o.caller, o->target, body, c->o.clock(), out);
    secret_free(body);
    return why;
}

struct api_call *api_client_call(struct api_client *c, const struct api_call_options *o,
                                 enum err *why)
{
    struct buf request = {.limit = HEAD_LIMIT + 65536};
    *why = c->n < API_CALLS_MAX ? write_call(c, o, &request) : ERR_LIMIT;
    cJSON_Delete(o->input);
    struct api_call *call = *why == ERR_OK ? line_for_call(c) : NULL;
    if (call == NULL) {
        *why = *why == ERR_OK ? ERR_NO_MEMORY : *why;
        buf_wipe(&request);
        return NULL;
    }
    call->takes_stream = o->takes_stream;
    call->done = o->done;
    call->owner = o->owner;
    list_append(&c->calls, &call->node);
    c->n++;
    http_client_timeout(call->http, o->timeout_ms);
    http_client_ask(call->http, &request, o->repeatable ? HTTP_REPEATABLE : 0);
    timer_start(call->doubt, DOUBT_MS);
    return call;
}

const struct tls_session *api_client_tls_session(const struct api_client *c)
{
    return &c->tls_session;
}

const char *api_client_problem(const struct api_client *c)
{
    return c->problem;
}

/* ---- life ---- */

struct api_client *api_client_new(struct loop *loop, const struct api_client_options *o)
{
    struct api_client *c = calloc(1, sizeof *c);
    if (c == NULL)
        return NULL;
    *c = (struct api_client){.loop = loop, .o = *o, .timer = timer_new(loop, on_time, c)};
    list_init(&c->calls);
    if (c->timer == NULL) {
        free(c);
        return NULL;
    }
    snprintf(c->problem, sizeof c->problem, "it has not been reached yet");
    if (o->warm)
        timer_start(c->timer, 0);
    return c;
}

/* A try under way would go on with what it was given. One that cannot be started for want of memory
 * ends by its time-out. */
static void restart(struct api_call *call)
{
    if (call->reach == NULL)
        return;
    on_abandon(call);
    on_connect(call);
}

void api_client_change(struct api_client *c, const struct api_client_options *o)
{
    c->o = *o;
    c->memory = (struct reach_memory){0};
    c->failures = 0;
    c->rests = false;
    api_call_cancel(c->spare);
    list_each(node, &c->calls) restart(list_entry(node, struct api_call, node));
    if (o->warm)
        timer_start(c->timer, 0);
}

void api_client_free(struct api_client *c)
{
    if (c == NULL)
        return;
    api_call_cancel(c->spare);
    while (!list_empty(&c->calls))
        release(list_entry(c->calls.next, struct api_call, node));
    timer_free(c->timer);
    free(c);
}
