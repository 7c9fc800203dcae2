/* Reading invitations: one from Redis' answer, and all of them, oldest first. Their number is
 * bounded (max_invitations), so all ids are asked for at once, and then some invitations at a time.
 */
#include "gateway/hub/devices/shared/device_json.h"
#include "gateway/hub/devices/shared/shared_devices_internal.h"

#include "core/base/log.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK 32

struct page {
    struct shared_devices *registry;
    struct invitation_page q;
    void *ctx;
    char after[UUID_SIZE]; /* "": from the beginning */
    struct texts ids;
    size_t at, asked;
    enum err why;
    struct invitation chunk[CHUNK]; /* id NULL: it is gone */
};

/* Where one answer goes. */
struct part {
    struct page *page;
    size_t at; /* in chunk */
};

enum err shared_invitation_read(const struct redis_reply *reply, struct invitation *i)
{
    struct span record = redis_field(reply, 0, "r");
    if (record.p == NULL)
        return ERR_NOT_FOUND;
    enum err why = invitation_json_read(record, i);
    if (why != ERR_PROTOCOL)
        return why;
    log_warning("Redis: the record of an invitation is not one");
    return ERR_IO;
}

static void next_chunk(struct page *p);

static void page_end(struct page *p, enum err why)
{
    p->q.done(p->ctx, why);
    texts_free(&p->ids);
    free(p);
}

static size_t chunk_size(const struct page *p)
{
    size_t left = p->ids.n - p->at;
    return left < CHUNK ? left : CHUNK;
}

static void show_chunk(struct page *p)
{
    struct shared_key ids = shared_key("is", "invitations");
    size_t n = chunk_size(p);
    bool more = p->why == ERR_OK;
    for (size_t i = 0; i < n && more; i++) {
        if (p->chunk[i].id != NULL)
            more = p->q.each(p->ctx, &p->chunk[i]);
        else
            shared_tell(p->registry, "ZREM", &ids, p->ids.items[p->at + i], NULL);
    }
    for (size_t i = 0; i < CHUNK; i++)
        invitation_free(&p->chunk[i]);
    p->at += n;
    if (more)
        next_chunk(p);
    else
        page_end(p, p->why);
}

static void answered(struct part *q, enum err why)
{
    struct page *p = q->page;
    if (why != ERR_OK && p->why == ERR_OK)
        p->why = why;
    free(q);
    if (--p->asked == 0)
        show_chunk(p);
}

static void on_invitation(void *ctx, enum err why, const struct redis_reply *reply)
{
    struct part *q = ctx;
    struct invitation *i = &q->page->chunk[q->at];
    if (why == ERR_OK)
        why = shared_invitation_read(reply, i);
    if (why == ERR_NOT_FOUND)
        why = ERR_OK;
    answered(q, why);
}

static void on_uses(void *ctx, enum err why, const struct redis_reply *reply)
{
    struct part *q = ctx;
    struct invitation *i = &q->page->chunk[q->at];
    if (why == ERR_OK)
        i->used = redis_integer(reply);
    answered(q, why);
}

static void ask(struct page *p, size_t at, const char *command, const char *kind, redis_done *done)
{
    struct part *q = malloc(sizeof *q);
    if (q == NULL) {
        p->why = ERR_NO_MEMORY;
        return;
    }
    *q = (struct part){p, at};
    struct shared_key key = shared_key(kind, p->ids.items[p->at + at]);
    const struct span args[] = {span_of(command), span_of(key.text)};
    p->asked++;
    shared_devices_ask(p->registry, args, 2, 1, done, q);
}

static void next_chunk(struct page *p)
{
    size_t n = chunk_size(p);
    if (n == 0) {
        page_end(p, ERR_OK);
        return;
    }
    p->asked = 1;
    for (size_t i = 0; i < n; i++) {
        ask(p, i, "HGETALL", "i", on_invitation);
        ask(p, i, "SCARD", "iu", on_uses);
    }
    if (--p->asked == 0)
        show_chunk(p);
}

static bool find_after(struct page *p)
{
    if (p->after[0] == '\0')
        return true;
    for (size_t i = 0; i < p->ids.n; i++) {
        if (strcmp(p->ids.items[i], p->after) == 0) {
            p->at = i + 1;
            return true;
        }
    }
    return false;
}

static void on_ids(void *ctx, enum err why, const struct redis_reply *reply)
{
    struct page *p = ctx;
    for (size_t i = 0; why == ERR_OK && i < redis_count(reply); i++) {
        struct span id = redis_text(redis_item(reply, i));
        if (id.n > 0 && id.n < UUID_SIZE && !texts_add(&p->ids, id))
            why = ERR_NO_MEMORY;
    }
    if (why == ERR_OK && !find_after(p))
        why = ERR_NOT_FOUND;
    if (why == ERR_OK)
        next_chunk(p);
    else
        page_end(p, why);
}

void shared_devices_invitations(struct device_registry *registry, const struct invitation_page *q,
                                void *ctx)
{
    struct shared_key key = shared_key("is", "invitations");
    const struct span args[] = {span_of("ZRANGE"), span_of(key.text), span_of("0"), span_of("-1")};
    struct page *p = q->after.n < UUID_SIZE ? calloc(1, sizeof *p) : NULL;
    if (p == NULL) {
        q->done(ctx, q->after.n < UUID_SIZE ? ERR_NO_MEMORY : ERR_NOT_FOUND);
        return;
    }
    p->registry = shared_devices_of(registry);
    p->q = *q;
    p->ctx = ctx;
    if (q->after.n > 0)
        memcpy(p->after, q->after.p, q->after.n);
    shared_devices_ask(p->registry, args, 4, 1, on_ids, p);
}
