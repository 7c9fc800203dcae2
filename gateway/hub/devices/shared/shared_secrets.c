/* Whether a node's key for devices' symmetric keys is the cluster's: "tunnel:secrets:{nodes}" has a
 * text that the first node with such a key has sealed. */
#include "core/base/log.h"
#include "core/base/seal.h"
#include "gateway/hub/devices/shared/shared_devices_internal.h"

#include <stdio.h>
#include <string.h>

#define ABOUT "tunnel: the secrets key of this cluster"
static const uint8_t plain[16] = "the right key";

struct question {
    bool answered;
    enum err why;
    bool there;
    uint8_t sealed[sizeof plain + SEAL_EXTRA];
};

static void on_sealed(void *ctx, enum err why, const struct redis_reply *reply)
{
    struct question *q = ctx;
    struct span text = why == ERR_OK ? redis_text(reply) : (struct span){0};
    q->answered = true;
    q->why = why;
    q->there = text.p != NULL;
    if (text.n == sizeof q->sealed)
        memcpy(q->sealed, text.p, text.n);
}

static void ask(const struct shared_devices_options *o, struct question *q, const struct span *args,
                size_t n)
{
    *q = (struct question){0};
    redis_ask(o->redis, args, n, 1, on_sealed, q);
    while (!q->answered)
        uv_run(loop_uv(o->loop), UV_RUN_ONCE);
}

static bool opens(const struct shared_devices_options *o, const struct question *q)
{
    uint8_t out[sizeof plain];
    return seal_open(o->secrets_key, span_of(ABOUT), q->sealed, sizeof q->sealed, out) &&
           memcmp(out, plain, sizeof plain) == 0;
}

enum err shared_secrets_check(const struct shared_devices_options *o, char *text, size_t size)
{
    struct shared_key key = shared_key("secrets", "nodes");
    uint8_t sealed[sizeof plain + SEAL_EXTRA];
    const struct span get[] = {span_of("GET"), span_of(key.text)};
    const struct span set[] = {
        span_of("SET"), span_of(key.text), {(const char *)sealed, sizeof sealed}, span_of("NX")};
    struct question q;
    if (o->secrets_key != NULL) {
        seal(o->secrets_key, span_of(ABOUT), plain, sizeof plain, sealed);
        ask(o, &q, set, 4); /* the first node's stays */
        if (q.why != ERR_OK)
            goto away;
    }
    ask(o, &q, get, 2);
    if (q.why != ERR_OK)
        goto away;
    if (o->secrets_key == NULL && q.there)
        log_warning("devices whose symmetric keys cannot be opened: this node has no "
                    "--secrets-key, as others have");
    if (o->secrets_key == NULL || opens(o, &q))
        return ERR_OK;
    snprintf(text, size,
             "it is not the secrets key of this cluster: give all nodes the same one (share/doc/"
             "state.md)");
    return ERR_USAGE;
away:
    snprintf(text, size, "Redis: %s", err_text(q.why));
    return q.why;
}
