/* Streams to devices that speak the tunnel's wire: a tunnel on demand, as ConnectDevice opens one,
 * of which the hub is the source. */
#include "core/device/device_name.h"
#include "gateway/hub/streams_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIFETIME_MINUTES 720
#define NOT_SERVED "The device does not serve that."

/* ---- the hub becomes the source ---- */

static void on_source(void *ctx, enum err why, struct bridge *b)
{
    struct stream_request *r = ctx;
    if (!stream_back(r)) {
        if (b != NULL)
            bridge_end(b, BRIDGE_WITHDRAWN, NULL);
        return;
    }
    if (stream_take_bridge(r, b, why))
        stream_answer(r, STREAM_ACCEPTED, NULL);
}

static struct inner_source source_of(const struct stream_request *r)
{
    bool opened = r->tunnel[0] != '\0';
    return (struct inner_source){.device = r->device,
                                 .service = r->services.items[0],
                                 .policy = r->policy,
                                 .tunnel = opened ? r->tunnel : NULL,
                                 .token = opened ? r->tokens[SIDE_SOURCE] : NULL};
}

static void become_source(struct stream_request *r)
{
    const struct inner_source q = source_of(r);
    stream_asks(r);
    bridge_desk_source(r->streams->o.bridges, &q, on_source, r);
}

/* ---- the device is asked ---- */

static void on_answer(void *ctx, const struct notice_answer *a)
{
    struct stream_request *r = ctx;
    const char *words;
    enum stream_result result = stream_result_of(a, &words);
    if (!stream_back(r))
        return;
    if (result == STREAM_ACCEPTED && !r->left)
        become_source(r);
    else
        stream_answer(r, result, words);
}

static void on_tunnel_gone(void *ctx, enum err why, const struct tunnel_record *t)
{
    (void)ctx, (void)why, (void)t;
}

static void on_opened(void *ctx, enum err why, const struct tunnel_record *t)
{
    struct stream_request *r = ctx;
    struct streams *s = r->streams;
    if (!stream_back(r)) {
        if (why == ERR_OK && !s->ended)
            registry_close(s->o.registry, t->id, true, on_tunnel_gone, NULL);
        return;
    }
    if (why != ERR_OK) {
        bool full = why == ERR_LIMIT || why == ERR_TOO_LARGE;
        stream_answer(r, full ? STREAM_QUOTA : STREAM_FAILED,
                      full ? "The policy has as many tunnels as it may (limit tunnels-per-key)."
                           : err_text(why));
        return;
    }
    snprintf(r->tunnel, sizeof r->tunnel, "%s", t->id);
    const struct notice q = {.device = r->device,
                             .tunnel = r->tunnel,
                             .url = "",
                             .token = r->tokens[SIDE_DESTINATION],
                             .services = &r->services,
                             .service = r->services.items[0],
                             .opened_by = r->policy,
                             .why = "",
                             .timeout_ms = stream_left_ms(r, r->response_ms)};
    stream_asks(r);
    notices_ask(s->o.notices, &q, on_answer, r);
}

/* ---- the tunnel ---- */

static bool fill(const struct stream_request *r, struct tunnel_record *t)
{
    const struct limits *l = limits_of(r->streams->limits, r->policy);
    t->key_id = strdup(r->policy);
    t->thing = strdup(r->device);
    t->description = strdup("");
    t->lifetime_minutes =
        l->lifetime_minutes < LIFETIME_MINUTES ? (int64_t)l->lifetime_minutes : LIFETIME_MINUTES;
    t->idle_ms = STREAM_TUNNEL_IDLE_MS;
    return t->key_id != NULL && t->thing != NULL && t->description != NULL &&
           texts_copy(&t->services, &r->services) && tags_copy(&t->tags, &r->labels);
}

static void open_tunnel(struct stream_request *r)
{
    struct streams *s = r->streams;
    struct tunnel_record t = {0};
    const char *tokens[SIDE_COUNT];
    for (int side = 0; side < SIDE_COUNT; side++) {
        s->o.token_new(r->tokens[side], sizeof r->tokens[side]);
        tokens[side] = r->tokens[side];
    }
    if (fill(r, &t)) {
        stream_asks(r);
        registry_open(s->o.registry, &t, tokens,
                      (size_t)limits_of(s->limits, r->policy)->tunnels_per_key, on_opened, r);
    } else {
        stream_answer(r, STREAM_FAILED, err_text(ERR_NO_MEMORY));
    }
    tunnel_record_free(&t);
}

/* The service as the device spells it; a device whose wire does not tell has whatever is asked for.
 */
static bool choose_service(struct stream_request *r)
{
    const struct device_presence *p = notices_presence(r->streams->o.notices, r->device);
    char fold[DEVICE_NAME_MAX + 1], other[DEVICE_NAME_MAX + 1];
    if (!device_name_fold(span_of(r->stream), fold))
        return false;
    if (p->services.n == 0 || texts_have(&p->services, span_of(r->stream)))
        return p->services.n > 0 || !p->carrier->tells;
    for (size_t i = 0; i < p->services.n; i++) {
        if (!device_name_fold(span_of(p->services.items[i]), other) || strcmp(fold, other) != 0)
            continue;
        texts_free(&r->services);
        return texts_add(&r->services, span_of(p->services.items[i]));
    }
    return false;
}

void stream_by_tunnel(struct stream_request *r)
{
    if (!choose_service(r)) {
        stream_answer(r, STREAM_REJECTED, NOT_SERVED);
        return;
    }
    const struct inner_source q = source_of(r);
    if (bridge_desk_has_source(r->streams->o.bridges, &q))
        become_source(r);
    else
        open_tunnel(r);
}
