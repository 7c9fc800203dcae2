#include "gateway/hub/bridge/bridges.h"

#include "core/base/encoding.h"
#include "core/base/map.h"
#include "core/base/random.h"
#include "core/base/secret.h"
#include "gateway/hub/relay/worker_stats.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ID_BYTES 16
#define ID_SIZE (2 * ID_BYTES + 1)
#define TOKEN_BYTES 32
#define DAY_MS 86400000
#define HUB_NAME_MAX 100

struct bridge_policy {
    size_t n;
    uint64_t bytes; /* of the day */
    char name[];    /* the key in bridges.policies */
};

struct bridges {
    struct bridges_options o;
    char hub[HUB_NAME_MAX + 1];
    struct map by_id, by_serial; /* those that have not ended; all */
    struct map policies;
    struct list live; /* those that have not ended */
    uint64_t serial;
    int64_t day; /* of the last tick; days since 1970 */
    struct bridges_counts counts;
};

const char *bridge_outcome_name(enum bridge_outcome o)
{
    static const char *const names[BRIDGE_OUTCOMES] = {
#define X(name, text) text,
        BRIDGE_OUTCOME_TABLE(X)
#undef X
    };
    return names[o];
}

/* ---- policies ---- */

static struct bridge_policy *policy_find(const struct bridges *all, const char *name)
{
    return map_get(&all->policies, name, strlen(name));
}

static struct bridge_policy *policy_get(struct bridges *all, const char *name)
{
    struct bridge_policy *p = policy_find(all, name);
    size_t n = strlen(name);
    if (p != NULL || (p = calloc(1, sizeof *p + n + 1)) == NULL)
        return p;
    memcpy(p->name, name, n);
    if (map_put(&all->policies, p->name, n, p))
        return p;
    free(p);
    return NULL;
}

/* Those that have used nothing today, and have no bridge, are forgotten. */
static void policy_settle(struct bridges *all, struct bridge_policy *p)
{
    if (p->n > 0 || p->bytes > 0)
        return;
    map_remove(&all->policies, p->name, strlen(p->name));
    free(p);
}

/* ---- making ---- */

static void random_of(const struct bridges *all, void *out, size_t n)
{
    if (all->o.random != NULL)
        all->o.random(out, n);
    else
        random_bytes(out, n);
}

static void new_token(const struct bridges *all, char out[BRIDGE_TOKEN_SIZE])
{
    uint8_t bytes[TOKEN_BYTES];
    random_of(all, bytes, sizeof bytes);
    base64_encode(bytes, sizeof bytes, out, true);
    explicit_bzero(bytes, sizeof bytes);
}

/* "/bridges/HUB/DEVICE/STREAM/ID". NULL with *why. */
static char *new_path(const struct bridges *all, const struct bridge_spec *spec, enum err *why)
{
    const char *id =
        spec->azure_id != NULL && spec->azure_id[0] != '\0' ? spec->azure_id : spec->device;
    size_t room = strlen(all->hub) + 3 * (strlen(id) + strlen(spec->stream)) + ID_SIZE + 16;
    uint8_t bytes[ID_BYTES];
    char hex[ID_SIZE], *path = malloc(room), *device = malloc(room), *stream = malloc(room);
    bool fine = path != NULL && device != NULL && stream != NULL;
    *why = ERR_NO_MEMORY;
    if (fine) {
        percent_encode(span_of(id), device);
        percent_encode(span_of(spec->stream), stream);
        random_of(all, bytes, sizeof bytes);
        hex_encode(bytes, sizeof bytes, hex);
        snprintf(path, room, "/bridges/%s/%s/%s/%s", all->hub, device, stream, hex);
        fine = strlen(path) <= BRIDGE_PATH_MAX;
        *why = fine ? ERR_OK : ERR_TOO_LARGE;
    }
    free(device);
    free(stream);
    if (fine)
        return path;
    free(path);
    return NULL;
}

static void bridge_free(struct bridge *b)
{
    struct bridges *all = b->all;
    map_remove(&all->by_serial, &b->serial, sizeof b->serial);
    free(b->device);
    free(b->stream);
    free(b->policy);
    free(b->path);
    explicit_bzero(b->token, sizeof b->token);
    free(b);
}

/* The end of its path, which alone says which bridge it is: a client may write the rest in another
 * of its encodings. */
static const char *id_of(const struct bridge *b)
{
    return b->path + strlen(b->path) - (ID_SIZE - 1);
}

static bool fill(struct bridge *b, const struct bridge_spec *spec, enum err *why)
{
    b->path = new_path(b->all, spec, why);
    if (b->path == NULL)
        return false;
    *why = ERR_NO_MEMORY;
    b->device = strdup(spec->device);
    b->stream = strdup(spec->stream);
    b->policy = strdup(spec->policy);
    b->use = b->policy != NULL ? policy_get(b->all, spec->policy) : NULL;
    return b->device != NULL && b->stream != NULL && b->use != NULL &&
           map_put(&b->all->by_serial, &b->serial, sizeof b->serial, b) &&
           map_put(&b->all->by_id, id_of(b), ID_SIZE - 1, b);
}

struct bridge *bridge_new(struct bridges *all, const struct bridge_spec *spec, uint64_t now,
                          enum err *why)
{
    *why = ERR_LIMIT;
    if (all->by_serial.size >= BRIDGES_MAX)
        return NULL;
    *why = ERR_NO_MEMORY;
    struct bridge *b = calloc(1, sizeof *b);
    if (b == NULL)
        return NULL;
    b->all = all;
    b->serial = ++all->serial;
    b->inner = spec->inner;
    b->worker = spec->inner.worker;
    b->made_at = now;
    list_init(&b->node);
    if (!fill(b, spec, why)) {
        if (b->use != NULL)
            policy_settle(all, b->use);
        bridge_free(b);
        return NULL;
    }
    for (int side = 0; side < BRIDGE_SIDES; side++)
        new_token(all, b->token[side]);
    if (spec->inner.end != 0) {
        b->claimed[spec->inner.side] = true;
        explicit_bzero(b->token[spec->inner.side], BRIDGE_TOKEN_SIZE);
    }
    list_append(&all->live, &b->node);
    b->use->n++;
    all->counts.made++;
    all->counts.waiting++;
    *why = ERR_OK;
    return b;
}

/* ---- coming ---- */

/* Both are looked at in any case, so that the time tells nothing. SIDES: neither. */
static enum bridge_side side_of(const struct bridge *b, struct span token)
{
    enum bridge_side found = BRIDGE_SIDES;
    for (int side = 0; side < BRIDGE_SIDES; side++)
        if (secret_equal(token, span_of(b->token[side])) && token.n > 0)
            found = (enum bridge_side)side;
    return found;
}

struct bridge *bridges_claim(struct bridges *all, struct span path, struct span token, uint64_t now,
                             enum bridge_side *side)
{
    bool whole = path.n >= ID_SIZE;
    struct bridge *b =
        whole ? map_get(&all->by_id, path.p + path.n - (ID_SIZE - 1), ID_SIZE - 1) : NULL;
    *side = b != NULL ? side_of(b, token) : BRIDGE_SIDES;
    if (*side == BRIDGE_SIDES || now - b->made_at >= BRIDGE_WAIT_MS)
        return NULL;
    explicit_bzero(b->token[*side], BRIDGE_TOKEN_SIZE);
    b->claimed[*side] = true;
    b->out++;
    if (b->claimed[BRIDGE_SERVICE] && b->claimed[BRIDGE_DEVICE]) {
        b->met_at = now;
        all->counts.waiting--;
        all->counts.open++;
    }
    return b;
}

struct bridge *bridges_find(const struct bridges *all, uint64_t serial)
{
    return map_get(&all->by_serial, &serial, sizeof serial);
}

/* ---- the end ---- */

/* Charges the policy's day with what has passed since the last time. */
static void charge(struct bridge *b)
{
    for (int side = 0; side < BRIDGE_SIDES; side++) {
        uint64_t bytes = stat_get(&b->traffic.received[side]);
        b->use->bytes += bytes - b->counted[side];
        b->all->counts.bytes[side] += bytes - b->counted[side];
        b->counted[side] = bytes;
    }
}

static bool met(const struct bridge *b)
{
    return b->claimed[BRIDGE_SERVICE] && b->claimed[BRIDGE_DEVICE];
}

void bridge_end(struct bridge *b, enum bridge_outcome outcome, const char *text)
{
    struct bridges *all = b->all;
    if (b->ended)
        return;
    b->ended = true;
    b->outcome = outcome;
    snprintf(b->text, sizeof b->text, "%s", text != NULL ? text : bridge_outcome_name(outcome));
    explicit_bzero(b->token, sizeof b->token);
    map_remove(&all->by_id, id_of(b), ID_SIZE - 1);
    charge(b);
    list_remove(&b->node);
    b->use->n--;
    policy_settle(all, b->use);
    b->use = NULL;
    if (met(b))
        all->counts.open--;
    else
        all->counts.waiting--;
    all->counts.outcomes[outcome]++;
    all->o.ended(all->o.owner, b);
    if (b->out == 0)
        bridge_free(b);
}

/* Its worker may have counted after its end was known here. */
void bridge_returned(struct bridge *b)
{
    if (--b->out > 0)
        return;
    bridge_free(b);
}

void bridges_end_if(struct bridges *all, bool (*which)(void *ctx, const struct bridge *b),
                    void *ctx, enum bridge_outcome outcome, const char *text)
{
    list_each(node, &all->live)
    {
        struct bridge *b = list_entry(node, struct bridge, node);
        if (which(ctx, b))
            bridge_end(b, outcome, text);
    }
}

void bridges_each(const struct bridges *all, void (*each)(void *ctx, struct bridge *b), void *ctx)
{
    size_t at = 0;
    for (struct bridge *b; (b = map_next(&all->by_serial, &at)) != NULL;)
        each(ctx, b);
}

static bool is_of_device(void *ctx, const struct bridge *b)
{
    return strcmp(b->device, ctx) == 0;
}

void bridges_cut_device(struct bridges *all, const char *device, const char *text)
{
    bridges_end_if(all, is_of_device, (void *)(uintptr_t)device, BRIDGE_CUT, text);
}

static bool is_any(void *ctx, const struct bridge *b)
{
    (void)ctx, (void)b;
    return true;
}

void bridges_end_all(struct bridges *all, enum bridge_outcome outcome, const char *text)
{
    bridges_end_if(all, is_any, NULL, outcome, text);
}

/* ---- time ---- */

static bool is_late(void *ctx, const struct bridge *b)
{
    const uint64_t *now = ctx;
    return !met(b) && *now - b->made_at >= BRIDGE_WAIT_MS;
}

static void next_day(struct bridges *all, int64_t day)
{
    size_t at = 0;
    struct bridge_policy *p;
    if (day == all->day)
        return;
    all->day = day;
    while ((p = map_next(&all->policies, &at)) != NULL) {
        p->bytes = 0;
        if (p->n > 0)
            continue;
        policy_settle(all, p);
        at = 0;
    }
}

static bool is_of_policy(void *ctx, const struct bridge *b)
{
    return b->use == ctx;
}

/* The policy stays, since it has used bytes. */
static void check_volume(struct bridges *all, struct bridge_policy *p)
{
    uint64_t most = all->o.day_limit != NULL ? all->o.day_limit(all->o.owner, p->name) : 0;
    if (p->n > 0 && most > 0 && p->bytes >= most)
        bridges_end_if(all, is_of_policy, p, BRIDGE_VOLUME, "the bytes of the day are used up");
}

void bridges_tick(struct bridges *all, uint64_t now, int64_t wall)
{
    size_t at = 0;
    struct bridge_policy *p;
    bridges_end_if(all, is_late, &now, BRIDGE_LATE, "a side did not come in time");
    list_each(node, &all->live) charge(list_entry(node, struct bridge, node));
    next_day(all, wall / DAY_MS);
    while ((p = map_next(&all->policies, &at)) != NULL)
        check_volume(all, p);
}

/* ---- what is known ---- */

size_t bridges_of_policy(const struct bridges *all, const char *policy)
{
    const struct bridge_policy *p = policy_find(all, policy);
    return p != NULL ? p->n : 0;
}

uint64_t bridges_day_bytes(const struct bridges *all, const char *policy)
{
    const struct bridge_policy *p = policy_find(all, policy);
    return p != NULL ? p->bytes : 0;
}

struct bridges_counts bridges_counts(const struct bridges *all)
{
    return all->counts;
}

/* ---- life ---- */

struct bridges *bridges_new(const struct bridges_options *o)
{
    struct bridges *all = calloc(1, sizeof *all);
    if (all == NULL)
        return NULL;
    all->o = *o;
    list_init(&all->live);
    snprintf(all->hub, sizeof all->hub, "%s", o->hub);
    return all;
}

void bridges_free(struct bridges *all)
{
    size_t at = 0;
    if (all == NULL)
        return;
    for (struct bridge *b; (b = map_next(&all->by_serial, &at)) != NULL; at = 0)
        bridge_free(b);
    at = 0;
    for (struct bridge_policy *p; (p = map_next(&all->policies, &at)) != NULL;)
        free(p);
    map_free(&all->policies);
    map_free(&all->by_id);
    map_free(&all->by_serial);
    free(all);
}
