/* Which devices there are, and how many: indexes beside the records. A name is in its index before
 * there is a record, and until after there was one, so a list may meet names without a record;
 * those with one are all there, but for what a crash left, which is put right when the device
 * comes. */
#include "gateway/hub/devices/shared/shared_devices_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct shared_key shared_key(const char *kind, const char *tag)
{
    struct shared_key k;
    snprintf(k.text, sizeof k.text, "tunnel:%s:{%s}", kind, tag);
    return k;
}

static struct shared_key names_of(unsigned shard)
{
    char tag[12];
    snprintf(tag, sizeof tag, "%u", shard);
    return shared_key("names", tag);
}

/* FNV-1a; part of what all nodes have to agree on. */
struct shared_key shared_key_names(const char *fold)
{
    uint32_t h = 2166136261u;
    for (const char *p = fold; *p != '\0'; p++)
        h = (h ^ (uint8_t)*p) * 16777619u;
    return names_of(h % NAME_SHARDS);
}

void shared_index_add(struct shared_devices *r, const char *fold, const char *name)
{
    struct shared_key key = shared_key_names(fold);
    shared_tell(r, "ZADD", &key, "0", name);
}

void shared_index_remove(struct shared_devices *r, const char *fold, const char *name)
{
    struct shared_key key = shared_key_names(fold);
    shared_tell(r, "ZREM", &key, name, NULL);
}

/* ---- states ---- */

/* Most devices are enabled: only the others are counted. */
static const char *counted_state(int state)
{
    bool counts = state == DEVICE_PENDING || state == DEVICE_DISABLED;
    return counts ? device_state_name((enum device_state)state) : NULL;
}

void shared_index_state(struct shared_devices *r, const char *name, int before, int after)
{
    const char *from = counted_state(before), *to = counted_state(after);
    if (before == after)
        return;
    if (before >= 0 && r->counts.by_state[before] > 0)
        r->counts.by_state[before]--;
    else if (before < 0)
        r->counts.devices++;
    if (after >= 0)
        r->counts.by_state[after]++;
    else if (r->counts.devices > 0)
        r->counts.devices--;
    struct shared_key key;
    if (from != NULL) {
        key = shared_key("state", from);
        shared_tell(r, "SREM", &key, name, NULL);
    }
    if (to != NULL) {
        key = shared_key("state", to);
        shared_tell(r, "SADD", &key, name, NULL);
    }
}

/* ---- counts ---- */

struct count {
    struct shared_devices *registry;
    size_t asked;
    bool failed;
    struct device_counts counts;
};

/* Where one answer goes. */
struct counting {
    struct count *count;
    size_t *to;
};

static void finish(struct count *c)
{
    struct shared_devices *r = c->registry;
    size_t others = c->counts.by_state[DEVICE_PENDING] + c->counts.by_state[DEVICE_DISABLED];
    c->counts.by_state[DEVICE_ENABLED] =
        c->counts.devices > others ? c->counts.devices - others : 0;
    if (!c->failed) {
        r->counts = c->counts;
        r->counted = loop_now(r->o.loop);
    }
    r->counting = false;
    free(c);
}

static void on_count(void *ctx, enum err why, const struct redis_reply *reply)
{
    struct counting *n = ctx;
    struct count *c = n->count;
    if (why == ERR_OK)
        *n->to += (size_t)redis_integer(reply);
    else
        c->failed = true;
    free(n);
    if (--c->asked == 0)
        finish(c);
}

static void ask(struct count *c, const char *command, struct shared_key key, size_t *to)
{
    struct counting *n = malloc(sizeof *n);
    const struct span args[] = {span_of(command), span_of(key.text)};
    if (n == NULL) {
        c->failed = true;
        return;
    }
    *n = (struct counting){c, to};
    c->asked++;
    shared_ask(c->registry, args, 2, 1, on_count, n);
}

void shared_index_count(struct shared_devices *r)
{
    struct count *c = r->counting ? NULL : calloc(1, sizeof *c);
    if (c == NULL)
        return;
    r->counting = true;
    c->registry = r;
    c->asked = 1;
    for (unsigned i = 0; i < NAME_SHARDS; i++)
        ask(c, "ZCARD", names_of(i), &c->counts.devices);
    for (int s = 0; s < DEVICE_STATE_COUNT; s++)
        if (counted_state(s) != NULL)
            ask(c, "SCARD", shared_key("state", counted_state(s)), &c->counts.by_state[s]);
    ask(c, "ZCARD", shared_key("is", "invitations"), &c->counts.invitations);
    if (--c->asked == 0)
        finish(c);
}

struct device_counts shared_devices_counts(const struct device_registry *registry)
{
    return ((const struct shared_devices *)registry)->counts;
}

bool shared_index_full(const struct shared_devices *r)
{
    return r->max_devices > 0 && r->counts.devices + r->enrolling >= r->max_devices;
}
