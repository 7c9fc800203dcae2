/* The notices that wait for a device's answer, or for the device. */
#include "core/base/encoding.h"
#include "core/base/random.h"
#include "core/base/secret.h"
#include "gateway/hub/devices/notices_internal.h"

#include <stdlib.h>
#include <string.h>

static char *copy(const char *text)
{
    return strdup(text != NULL ? text : "");
}

/* ---- one notice ---- */

static void happened(const struct pending_notice *p, const struct notice_answer *a)
{
    const struct notices *n = p->device->notices;
    struct notice_event e = {.device = p->device->name,
                             .tunnel = p->tunnel,
                             .id = p->id,
                             .opened_by = p->opened_by,
                             .asked = p->done != NULL,
                             .answered = a != NULL};
    if (a != NULL)
        e.answer = *a;
    if (n->o.happened != NULL)
        n->o.happened(n->o.owner, &e);
}

static void pending_free(struct pending_notice *p)
{
    secret_free(p->token);
    texts_free(&p->services);
    free(p->tunnel);
    free(p->url);
    free(p->service);
    free(p->opened_by);
    free(p->why);
    free(p);
}

static void take_out(struct pending_notice *p)
{
    struct notices *n = p->device->notices;
    map_remove(&n->by_id, p->id, strlen(p->id));
    if (p->tunnel[0] != '\0')
        map_remove(&n->by_tunnel, p->tunnel, strlen(p->tunnel));
    list_remove(&p->of_device);
    list_remove(&p->of_all);
    p->device->n_pending--;
    if (p->done != NULL)
        n->counts.waiting--;
    else
        n->counts.kept--;
}

const uint64_t notice_class_ms[NOTICE_CLASSES] = {10, 50, 100, 250, 500, 1000, 5000, 15000, 60000};

static void count_time(struct notices_counts *c, uint64_t ms)
{
    size_t i = 0;
    while (i < NOTICE_CLASSES && ms > notice_class_ms[i])
        i++;
    c->accepted_in[i]++;
    c->accept_ms += ms;
}

/* `done` may call anything here, so it comes last, with p as memory of nobody else's. */
void notice_end(struct pending_notice *p, const struct notice_answer *a, bool withdraw)
{
    struct noticed *d = p->device;
    struct notices *n = d->notices;
    struct notice_answer answer = *a;
    answer.took_ms = notices_now(n) - p->asked_at;
    take_out(p);
    n->counts.results[answer.result]++;
    if (answer.result == NOTICE_ACCEPTED)
        count_time(&n->counts, answer.took_ms);
    if (withdraw && p->delivered && d->link != NULL)
        d->carrier->withdraw(d->link, p->id);
    happened(p, &answer);
    noticed_settle(d);
    if (p->done != NULL)
        p->done(p->ctx, &answer);
    pending_free(p);
}

struct notice_answer notice_away(const struct noticed *d)
{
    return (struct notice_answer){
        .result = NOTICE_AWAY, .words = "", .since = d != NULL && d->seen ? d->shown.since : 0};
}

void notice_gone(struct pending_notice *p, uint64_t now)
{
    p->delivered = false;
    if (p->done == NULL || p->gone_until != 0)
        return;
    p->gone_until = now + NOTICE_GONE_MS;
    notices_due(p->device->notices, p->gone_until);
}

bool notice_fits(const struct noticed *d, const char *url)
{
    return url != NULL && url[0] != '\0' ? d->carrier->streams : d->carrier->tunnels;
}

void notice_deliver(struct pending_notice *p)
{
    struct noticed *d = p->device;
    struct notices *n = d->notices;
    uint64_t now = notices_now(n);
    struct notice_delivery out = {.id = p->id,
                                  .tunnel = p->tunnel,
                                  .url = p->url,
                                  .token = p->token,
                                  .services = &p->services,
                                  .service = p->service,
                                  .opened_by = p->opened_by,
                                  .why = p->why,
                                  .again = p->tried,
                                  .answer_ms =
                                      p->done != NULL && p->until > now ? p->until - now : 0};
    p->delivered = notice_fits(d, p->url) && d->carrier->deliver(d->link, &out);
    if (!p->delivered) {
        notice_gone(p, now);
        return;
    }
    p->gone_until = 0;
    p->tried = true;
    n->counts.delivered++;
    happened(p, NULL);
}

static void new_id(char out[NOTICE_ID_SIZE])
{
    uint8_t bytes[(NOTICE_ID_SIZE - 1) / 2];
    random_bytes(bytes, sizeof bytes);
    hex_encode(bytes, sizeof bytes, out);
}

static struct pending_notice *pending_new(const struct notice *q)
{
    struct pending_notice *p = calloc(1, sizeof *p);
    if (p == NULL)
        return NULL;
    list_init(&p->of_device);
    list_init(&p->of_all);
    new_id(p->id);
    p->tunnel = copy(q->tunnel);
    p->url = copy(q->url);
    p->token = copy(q->token);
    p->service = copy(q->service);
    p->opened_by = copy(q->opened_by);
    p->why = copy(q->why);
    if (p->tunnel != NULL && p->url != NULL && p->token != NULL && p->service != NULL &&
        p->opened_by != NULL && p->why != NULL && texts_copy(&p->services, q->services))
        return p;
    pending_free(p);
    return NULL;
}

static struct pending_notice *oldest_kept(struct list *head, bool of_device)
{
    list_each(node, head)
    {
        struct pending_notice *p = of_device ? list_entry(node, struct pending_notice, of_device)
                                             : list_entry(node, struct pending_notice, of_all);
        if (p->done == NULL)
            return p;
    }
    return NULL;
}

static size_t count_of(const struct noticed *d, const char *opened_by)
{
    size_t n = 0;
    list_each(node, &d->pending)
    {
        n += strcmp(list_entry(node, struct pending_notice, of_device)->opened_by, opened_by) == 0;
    }
    return n;
}

/* The newest notice of whoever has most of them here, and more than `asker` would have with one
 * more. NULL: nobody has. */
static struct pending_notice *newest_of_most(const struct noticed *d, const char *asker)
{
    struct pending_notice *found = NULL;
    size_t most = count_of(d, asker) + 2;
    list_each(node, &d->pending)
    {
        struct pending_notice *p = list_entry(node, struct pending_notice, of_device);
        size_t has = count_of(d, p->opened_by);
        if (has < most)
            continue;
        most = has;
        found = p;
    }
    return found;
}

/* Kept notices make room, the oldest first; and then, for an asker who waits, those of whoever asks
 * this device for more, so that nobody keeps others from it. asker: NULL when nobody waits. False:
 * there is no room. */
static bool make_room(struct notices *n, struct noticed *d, const char *asker)
{
    struct notice_answer full = notice_simple(NOTICE_FULL);
    while (d->n_pending >= NOTICES_PER_DEVICE ||
           n->counts.waiting + n->counts.kept >= NOTICES_MAX) {
        bool own = d->n_pending >= NOTICES_PER_DEVICE;
        struct pending_notice *p = oldest_kept(own ? &d->pending : &n->all, own);
        if (p == NULL && own && asker != NULL)
            p = newest_of_most(d, asker);
        if (p == NULL)
            return false;
        notice_end(p, &full, true);
    }
    return true;
}

static bool enter(struct noticed *d, struct pending_notice *p)
{
    struct notices *n = d->notices;
    p->device = d;
    if (!map_put(&n->by_id, p->id, strlen(p->id), p))
        return false;
    if (p->tunnel[0] != '\0' && !map_put(&n->by_tunnel, p->tunnel, strlen(p->tunnel), p)) {
        map_remove(&n->by_id, p->id, strlen(p->id));
        return false;
    }
    list_append(&d->pending, &p->of_device);
    list_append(&n->all, &p->of_all);
    d->n_pending++;
    if (p->done != NULL)
        n->counts.waiting++;
    else
        n->counts.kept++;
    return true;
}

/* A call waits for p, whose token was replaced meanwhile: the device is told again. */
static bool renew(struct pending_notice *p, const char *token)
{
    struct noticed *d = p->device;
    struct notices *n = d->notices;
    char *fresh = copy(token);
    if (p->delivered && d->link != NULL)
        d->carrier->withdraw(d->link, p->id);
    map_remove(&n->by_id, p->id, strlen(p->id));
    new_id(p->id);
    if (fresh == NULL || !map_put(&n->by_id, p->id, strlen(p->id), p)) {
        struct notice_answer full = notice_simple(NOTICE_FULL);
        free(fresh);
        notice_end(p, &full, false);
        return false;
    }
    secret_free(p->token);
    p->token = fresh;
    if (d->link != NULL)
        notice_deliver(p);
    return true;
}

/* There is one notice for a tunnel, the newest. */
static void replace(struct notices *n, const char *tunnel)
{
    struct pending_notice *old = map_get(&n->by_tunnel, tunnel, strlen(tunnel));
    struct notice_answer ended = notice_simple(NOTICE_ENDED);
    if (old != NULL)
        notice_end(old, &ended, true);
}

bool notice_put(struct notices *n, const struct notice *q,
                void (*done)(void *ctx, const struct notice_answer *a), void *ctx)
{
    struct pending_notice *old = map_get(&n->by_tunnel, q->tunnel, strlen(q->tunnel));
    if (old != NULL && old->done != NULL && done == NULL)
        return renew(old, q->token);
    struct noticed *d = noticed_get(n, q->device);
    if (d == NULL)
        return false;
    d->holders++; /* it stays while others make room */
    replace(n, q->tunnel);
    const char *opened_by = q->opened_by != NULL ? q->opened_by : "";
    bool room = make_room(n, d, done != NULL ? opened_by : NULL);
    struct pending_notice *p = room ? pending_new(q) : NULL;
    if (p != NULL) {
        p->done = done;
        p->ctx = ctx;
        p->asked_at = notices_now(n);
        p->until = p->asked_at + q->timeout_ms;
    }
    bool in = p != NULL && enter(d, p);
    if (!in && p != NULL)
        pending_free(p);
    if (in)
        notices_due(n, p->until);
    if (in && d->link != NULL)
        notice_deliver(p);
    d->holders--;
    noticed_settle(d);
    return in;
}

/* ---- devices at other nodes ---- */

void notices_hand_over(struct notices *n, const char *device, const char *node)
{
    static const struct notice_answer elsewhere = {.result = NOTICE_AWAY, .words = ""};
    struct noticed *d = noticed_find(n, device);
    if (d == NULL || d->link != NULL || n->o.hand_over == NULL)
        return;
    d->holders++;
    list_each(of_device, &d->pending)
    {
        struct pending_notice *p = list_entry(of_device, struct pending_notice, of_device);
        const struct notice q = {.device = d->name,
                                 .tunnel = p->tunnel,
                                 .token = p->token,
                                 .services = &p->services,
                                 .service = p->service,
                                 .opened_by = p->opened_by,
                                 .why = p->why,
                                 .timeout_ms = NOTICE_KEEP_MS};
        if (p->done == NULL && p->url[0] == '\0' && n->o.hand_over(n->o.owner, node, &q))
            notice_end(p, &elsewhere, false);
    }
    d->holders--;
    noticed_settle(d);
}
