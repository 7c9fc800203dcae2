/* Looking at devices: one by its name, and pages of all. */
#include "gateway/hub/devices/shared/shared_devices_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- one ---- */

struct lookup {
    struct shared_devices *registry;
    device_done *done;
    void *ctx;
    char fold[DEVICE_NAME_MAX + 1];
};

/* What was seen here and is not stored yet. */
static void see_as_here(const struct shared_devices *r, const char *fold, struct device_record *d)
{
    const struct shared_device *here = shared_device_find(r, span_of(fold));
    if (here == NULL || !here->dirty)
        return;
    const struct device_sighting s = {
        .address = here->record.last_address,
        .version = here->record.version,
        .services = here->record.services.n > 0 ? &here->record.services : NULL};
    device_rules_see(d, &s, here->record.last_seen);
}

static enum err read_here(const struct shared_devices *r, const struct redis_reply *reply,
                          const char *fold, struct device_record *d)
{
    char link[NODE_OWNER_SIZE], is[DEVICE_NAME_MAX + 1];
    enum err why = shared_device_read(reply, 0, d, link);
    if (why != ERR_OK)
        return why;
    if (!device_name_fold(span_of(d->name), is) || strcmp(is, fold) != 0)
        return ERR_IO; /* another device's */
    see_as_here(r, fold, d);
    shared_device_locate(r, d, link);
    return ERR_OK;
}

static void on_found(void *ctx, enum err why, const struct redis_reply *reply)
{
    struct lookup *q = ctx;
    struct device_record d = {0};
    if (why == ERR_OK)
        why = read_here(q->registry, reply, q->fold, &d);
    q->done(q->ctx, why, why == ERR_OK ? &d : NULL);
    device_record_free(&d);
    free(q);
}

void shared_devices_get(struct device_registry *registry, struct span name, device_done *done,
                        void *ctx)
{
    struct lookup *q = calloc(1, sizeof *q);
    if (q == NULL || !device_name_fold(name, q->fold)) {
        done(ctx, q == NULL ? ERR_NO_MEMORY : ERR_NOT_FOUND, NULL);
        free(q);
        return;
    }
    q->registry = shared_devices_of(registry);
    q->done = done;
    q->ctx = ctx;
    shared_devices_read(q->registry, q->fold, on_found, q);
}

/* ---- pages ---- */

#define SHARD_NAMES 32 /* asked of each shard at once */
#define CHUNK 64       /* records asked for at once */

/* Each round asks each shard for its next names. Those that are not behind the end of what a full
 * answer had are all there are up to then, and are shown. */
struct page {
    struct shared_devices *registry;
    struct device_page q;
    void *ctx;
    enum err why;
    size_t asked;                                              /* answers that are owed */
    struct texts names;                                        /* of this round, in their order */
    size_t shown;                                              /* of them */
    char after[DEVICE_NAME_MAX + 1], end[DEVICE_NAME_MAX + 1]; /* end "": there is no more */
    bool gone[CHUNK];                                          /* there is no record */
    struct device_record records[CHUNK];                       /* name NULL: there is none */
};

static void next_round(struct page *p);
static void next_chunk(struct page *p);

static void page_end(struct page *p)
{
    p->q.done(p->ctx, p->why);
    texts_free(&p->names);
    free(p);
}

static void page_failed(struct page *p, enum err why)
{
    if (p->why == ERR_OK)
        p->why = why;
}

/* ---- the records of some names ---- */

struct page_record {
    struct page *page;
    size_t at; /* in names */
};

static size_t chunk_size(const struct page *p)
{
    size_t left = p->names.n - p->shown;
    return left < CHUNK ? left : CHUNK;
}

static void forget_records(struct page *p)
{
    for (size_t i = 0; i < CHUNK; i++) {
        device_record_free(&p->records[i]);
        p->gone[i] = false;
    }
}

static void show_chunk(struct page *p)
{
    size_t n = chunk_size(p);
    bool more = true;
    for (size_t i = 0; i < n && more && p->why == ERR_OK; i++) {
        const struct device_record *d = &p->records[i];
        const char *name = p->names.items[p->shown + i];
        if (d->name != NULL && strcmp(d->name, name) == 0)
            more = p->q.each(p->ctx, d);
        else if (d->name != NULL || p->gone[i])
            shared_index_mend(p->registry, name);
    }
    p->shown += n;
    forget_records(p);
    if (!more || p->why != ERR_OK)
        page_end(p);
    else
        next_chunk(p);
}

static void on_record(void *ctx, enum err why, const struct redis_reply *reply)
{
    struct page_record *q = ctx;
    struct page *p = q->page;
    const char *name = p->names.items[q->at];
    char fold[DEVICE_NAME_MAX + 1];
    struct device_record *d = &p->records[q->at - p->shown];
    if (why == ERR_OK && device_name_fold(span_of(name), fold))
        why = read_here(p->registry, reply, fold, d);
    p->gone[q->at - p->shown] = why == ERR_NOT_FOUND;
    if (why == ERR_NOT_FOUND || why == ERR_IO)
        device_record_free(d); /* it is being made, is gone, or cannot be understood */
    else if (why != ERR_OK)
        page_failed(p, why);
    free(q);
    if (--p->asked == 0)
        show_chunk(p);
}

static void ask_record(struct page *p, size_t at)
{
    struct page_record *q = malloc(sizeof *q);
    char fold[DEVICE_NAME_MAX + 1];
    if (q == NULL)
        page_failed(p, ERR_NO_MEMORY);
    if (q == NULL || !device_name_fold(span_of(p->names.items[at]), fold)) {
        free(q);
        return;
    }
    *q = (struct page_record){p, at};
    struct shared_key key = shared_key("d", fold);
    const struct span args[] = {span_of("HGETALL"), span_of(key.text)};
    p->asked++;
    shared_devices_ask(p->registry, args, 2, 1, on_record, q);
}

static void next_chunk(struct page *p)
{
    size_t n = chunk_size(p);
    if (n > 0) {
        p->asked = 1;
        for (size_t i = 0; i < n; i++)
            ask_record(p, p->shown + i);
        if (--p->asked == 0)
            show_chunk(p);
    } else if (p->end[0] != '\0') {
        snprintf(p->after, sizeof p->after, "%s", p->end);
        next_round(p);
    } else {
        page_end(p);
    }
}

/* ---- the names of one round ---- */

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void show_names(struct page *p)
{
    if (p->why != ERR_OK) {
        page_end(p);
        return;
    }
    if (p->names.n > 0)
        qsort(p->names.items, p->names.n, sizeof(char *), compare);
    while (p->end[0] != '\0' && p->names.n > 0 &&
           strcmp(p->names.items[p->names.n - 1], p->end) > 0)
        free(p->names.items[--p->names.n]);
    next_chunk(p);
}

static void on_names(void *ctx, enum err why, const struct redis_reply *reply)
{
    struct page *p = ctx;
    size_t n = why == ERR_OK ? redis_count(reply) : 0;
    if (why != ERR_OK)
        page_failed(p, why);
    for (size_t i = 0; i < n; i++) {
        struct span name = redis_text(redis_item(reply, i));
        if (device_name_valid(name) && !texts_add(&p->names, name))
            page_failed(p, ERR_NO_MEMORY);
    }
    struct span last = n == SHARD_NAMES ? redis_text(redis_item(reply, n - 1)) : (struct span){0};
    char text[DEVICE_NAME_MAX + 1];
    snprintf(text, sizeof text, "%.*s", (int)last.n, last.n > 0 ? last.p : "");
    if (last.n > 0 && (p->end[0] == '\0' || strcmp(text, p->end) < 0))
        snprintf(p->end, sizeof p->end, "%s", text);
    if (--p->asked == 0)
        show_names(p);
}

static void next_round(struct page *p)
{
    char min[DEVICE_NAME_MAX + 2], shards[12], most[12];
    texts_free(&p->names);
    p->shown = 0;
    p->end[0] = '\0';
    snprintf(min, sizeof min, "%s%s", p->after[0] != '\0' ? "(" : "-", p->after);
    snprintf(most, sizeof most, "%d", SHARD_NAMES);
    p->asked = NAME_SHARDS;
    for (unsigned i = 0; i < NAME_SHARDS; i++) {
        snprintf(shards, sizeof shards, "%u", i);
        struct shared_key key = shared_key("names", shards);
        const struct span args[] = {span_of("ZRANGEBYLEX"), span_of(key.text), span_of(min),
                                    span_of("+"),           span_of("LIMIT"),  span_of("0"),
                                    span_of(most)};
        shared_devices_ask(p->registry, args, 7, 1, on_names, p);
    }
}

void shared_devices_page(struct device_registry *registry, const struct device_page *q, void *ctx)
{
    struct page *p = calloc(1, sizeof *p);
    if (p == NULL) {
        q->done(ctx, ERR_NO_MEMORY);
        return;
    }
    p->registry = shared_devices_of(registry);
    p->q = *q;
    p->ctx = ctx;
    snprintf(p->after, sizeof p->after, "%s", q->after);
    next_round(p);
}
