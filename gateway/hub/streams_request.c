/* One request: from its making to its answer, and until nobody calls back to it. */
#include "gateway/hub/streams_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the end ---- */

static void request_free(struct stream_request *r)
{
    list_remove(&r->node);
    free(r->device);
    free(r->azure_id);
    free(r->stream);
    free(r->policy);
    tags_free(&r->labels);
    texts_free(&r->services);
    explicit_bzero(r->token, sizeof r->token);
    explicit_bzero(r->tokens, sizeof r->tokens);
    free(r);
}

static void on_closed(void *ctx, enum err why, const struct tunnel_record *t)
{
    (void)ctx, (void)why, (void)t; /* else it ends after its idle time */
}

/* What was made for nothing goes. */
static void withdraw(struct stream_request *r)
{
    struct bridge *b = bridges_find(bridge_desk_bridges(r->streams->o.bridges), r->bridge);
    if (b != NULL)
        bridge_end(b, BRIDGE_WITHDRAWN, NULL);
    if (r->tunnel[0] != '\0' && !r->streams->ended)
        registry_close(r->streams->o.registry, r->tunnel, true, on_closed, NULL);
}

void stream_answer(struct stream_request *r, enum stream_result result, const char *words)
{
    struct streams *s = r->streams;
    if (r->answered)
        return;
    r->answered = true;
    r->asked++; /* what is withdrawn may come back at once */
    list_remove(&r->node);
    s->n_waiting--;
    if (r->left)
        result = STREAM_LEFT;
    s->counts.results[result]++;
    const struct stream_answer a = {.result = result,
                                    .words = words != NULL ? words : "",
                                    .url = r->url,
                                    .token = r->token,
                                    .bridge = r->bridge};
    r->done(r->ctx, &a);
    if (result != STREAM_ACCEPTED)
        withdraw(r); /* an inner end has been told why by now */
    stream_back(r);
}

void stream_asks(struct stream_request *r)
{
    r->asked++;
}

bool stream_back(struct stream_request *r)
{
    r->asked--;
    if (!r->answered)
        return true;
    if (r->asked == 0)
        request_free(r);
    return false;
}

uint64_t stream_left_ms(const struct stream_request *r, uint64_t most)
{
    uint64_t now = r->streams->o.now(r->streams->o.owner);
    uint64_t left = r->until > now ? r->until - now : 0;
    return left < most ? left : most;
}

bool stream_take_bridge(struct stream_request *r, struct bridge *b, enum err why)
{
    if (b == NULL) {
        stream_answer(r, why == ERR_LIMIT || why == ERR_SHUTDOWN ? STREAM_BUSY : STREAM_FAILED,
                      err_text(why));
        return false;
    }
    r->bridge = b->serial;
    snprintf(r->url, sizeof r->url, "%s%s", r->base, b->path);
    memcpy(r->token, b->token[BRIDGE_SERVICE], sizeof r->token);
    return true;
}

/* ---- the beginning ---- */

static bool copy_text(char **to, const char *from)
{
    *to = strdup(from != NULL ? from : "");
    return *to != NULL;
}

struct stream_request *stream_request_new(struct streams *s, const struct stream_spec *q)
{
    struct stream_request *r = calloc(1, sizeof *r);
    if (r == NULL)
        return NULL;
    r->streams = s;
    list_init(&r->node);
    r->until = s->o.now(s->o.owner) + STREAM_HANDSHAKE_MS;
    r->response_ms = q->response_ms;
    snprintf(r->base, sizeof r->base, "%s", q->base);
    if (copy_text(&r->device, q->device->name) && copy_text(&r->azure_id, q->device->azure_id) &&
        copy_text(&r->stream, q->stream) && copy_text(&r->policy, q->policy) &&
        texts_add(&r->services, span_of(q->stream)) && tags_copy(&r->labels, &q->device->labels))
        return r;
    request_free(r);
    return NULL;
}
