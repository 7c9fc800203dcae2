/* Which devices there are, and how many: indexes beside the records. A name is in its index before
 * there is a record, and until after there was one. So a list may meet names without a record, and
 * takes them out; a name that is missing after a crash is put right when its device comes. The sets
 * of names by state serve counts only, and nobody puts those right. */
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

/* The part of the index of names that has this fold, by FNV-1a: all nodes have to agree on it. */
static struct shared_key shared_key_names(const char *fold)
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

/* ---- names that are left over ---- */

struct mending {
    struct shared_devices *registry;
    char name[];
};

/* It may have been made between the list's look and its end in the index. */
static void on_record(void *ctx, enum err why, const struct redis_reply *reply)
{
    struct mending *m = ctx;
    struct device_record d = {0};
    char link[NODE_OWNER_SIZE], fold[DEVICE_NAME_MAX + 1];
    if (why == ERR_OK && shared_device_read(reply, 0, &d, link) == ERR_OK &&
        strcmp(d.name, m->name) == 0 && device_name_fold(span_of(m->name), fold))
        shared_index_add(m->registry, fold, m->name);
    device_record_free(&d);
    free(m);
}

static void on_taken_out(void *ctx, enum err why, const struct redis_reply *reply)
{
    struct mending *m = ctx;
    char fold[DEVICE_NAME_MAX + 1];
    (void)reply;
    if (why != ERR_OK || !device_name_fold(span_of(m->name), fold)) {
        free(m); /* the next list tries again */
        return;
    }
    struct shared_key key = shared_key("d", fold);
    const struct span args[] = {span_of("HGETALL"), span_of(key.text)};
    shared_devices_ask(m->registry, args, 2, 1, on_record, m);
}

void shared_index_mend(struct shared_devices *r, const char *name)
{
    size_t n = strlen(name) + 1;
    char fold[DEVICE_NAME_MAX + 1];
    struct mending *m = malloc(sizeof *m + n);
    if (m == NULL || !device_name_fold(span_of(name), fold)) {
        free(m);
        return;
    }
    m->registry = r;
    memcpy(m->name, name, n);
    struct shared_key key = shared_key_names(fold);
    const struct span args[] = {span_of("ZREM"), span_of(key.text), span_of(name)};
    shared_devices_ask(r, args, 3, 1, on_taken_out, m);
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
    shared_devices_ask(c->registry, args, 2, 1, on_count, n);
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
