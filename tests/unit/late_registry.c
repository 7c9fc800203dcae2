#include "tests/unit/late_registry.h"

#include <stdlib.h>
#include <string.h>

#define LATE_MS 1
#define PIECE 3 /* tunnels of a list that are fetched together */

struct late {
    struct registry registry; /* first */
    struct registry *inner;   /* NULL: it is freed */
    struct registry_subscriber subscriber;
    struct timer *timer;
    bool timer_runs;
    struct list changes; /* struct ask: changes and admissions, in the order of asking */
    struct list loose;   /* look-ups, and results of changes: the last to come first */
};

/* One call, until it is answered. */
struct ask {
    struct list node;
    struct late *late;
    void (*run)(struct ask *a); /* what is to be done when it is its turn; may free it */
    registry_done *done;
    void *ctx;

    /* what was asked for */
    char *id;
    struct tunnel_record record;
    const char *tokens[SIDE_COUNT];
    size_t max_open;
    bool remove;
    const char *closing; /* why */
    struct tags add;
    struct texts untag;
    bool (*permits)(void *ctx, const struct tunnel_record *t, const struct tags *after);
    struct registry_page page;
    char *thing; /* the page's */

    /* the answer: a tunnel or none, or a piece of a list */
    enum err why;
    struct tunnel_record records[PIECE];
    size_t n;

    struct admission_request admission;
    char *token, *client_token, *device;
    void (*admitted)(void *ctx, struct admission a);
};

static struct late *late_of(struct registry *r)
{
    return (struct late *)r;
}

static void *must(void *p)
{
    if (p == NULL)
        abort();
    return p;
}

static char *copy(const char *text)
{
    return text != NULL ? must(strdup(text)) : NULL;
}

static void record_copy(struct tunnel_record *to, const struct tunnel_record *from)
{
    *to = *from;
    to->id = copy(from->id);
    to->key_id = copy(from->key_id);
    to->thing = copy(from->thing);
    to->description = copy(from->description);
    to->services = (struct texts){0};
    to->tags = (struct tags){0};
    if (!texts_copy(&to->services, &from->services) || !tags_copy(&to->tags, &from->tags))
        abort();
}

/* ---- turns ---- */

static struct ask *ask_new(struct registry *r, void (*run)(struct ask *a), registry_done *done,
                           void *ctx)
{
    struct ask *a = must(calloc(1, sizeof *a));
    a->late = late_of(r);
    a->run = run;
    a->done = done;
    a->ctx = ctx;
    list_init(&a->node);
    return a;
}

static void ask_free(struct ask *a)
{
    for (size_t i = 0; i < a->n; i++)
        tunnel_record_free(&a->records[i]);
    tunnel_record_free(&a->record);
    tags_free(&a->add);
    texts_free(&a->untag);
    free(a->id);
    free(a->token);
    free(a->client_token);
    free(a->device);
    free(a->thing);
    free(a);
}

static void wake_up(struct late *l)
{
    if (!l->timer_runs)
        timer_start(l->timer, LATE_MS);
    l->timer_runs = true;
}

static void later(struct ask *a)
{
    list_prepend(&a->late->loose, &a->node);
    wake_up(a->late);
}

static void in_turn(struct ask *a)
{
    list_append(&a->late->changes, &a->node);
    wake_up(a->late);
}

static void run_all(struct list *all)
{
    struct list now;
    list_init(&now);
    while (!list_empty(all))
        list_append(&now, all->next);
    while (!list_empty(&now)) {
        struct ask *a = list_entry(now.next, struct ask, node);
        list_remove(&a->node);
        a->run(a);
    }
}

static void on_turn(void *owner)
{
    struct late *l = owner;
    l->timer_runs = false;
    run_all(&l->changes);
    run_all(&l->loose);
}

/* ---- results of changes, and look-ups ---- */

static void tell(struct ask *a)
{
    a->done(a->ctx, a->why, a->n > 0 ? &a->records[0] : NULL);
    ask_free(a);
}

static void on_done(void *ctx, enum err why, const struct tunnel_record *t)
{
    struct ask *a = ctx;
    a->why = why;
    if (t != NULL)
        record_copy(&a->records[a->n++], t);
    later(a);
}

/* The inner registry, to be asked for a, which goes on with the answer. NULL: there is none any
 * more, and a has been told so. */
static struct registry *inner_for(struct ask *a)
{
    a->run = tell;
    if (a->late->inner == NULL)
        on_done(a, ERR_SHUTDOWN, NULL);
    return a->late->inner;
}

static void get(struct ask *a)
{
    struct registry *r = inner_for(a);
    if (r != NULL)
        registry_get(r, span_of(a->id), on_done, a);
}

static void late_get(struct registry *r, struct span id, registry_done *done, void *ctx)
{
    struct ask *a = ask_new(r, get, done, ctx);
    a->id = must(span_dup(id));
    later(a);
}

static void open_tunnel(struct ask *a)
{
    struct registry *r = inner_for(a);
    if (r != NULL)
        registry_open(r, &a->record, a->tokens, a->max_open, on_done, a);
}

static void late_open(struct registry *r, struct tunnel_record *record,
                      const char *const token[SIDE_COUNT], size_t max_open, registry_done *done,
                      void *ctx)
{
    struct ask *a = ask_new(r, open_tunnel, done, ctx);
    a->record = *record;
    *record = (struct tunnel_record){0};
    memcpy(a->tokens, token, sizeof a->tokens);
    a->max_open = max_open;
    in_turn(a);
}

static void close_tunnel(struct ask *a)
{
    struct registry *r = inner_for(a);
    if (r != NULL)
        r->ops->close(r, a->id, a->remove, a->closing, on_done, a);
}

static void late_close(struct registry *r, const char *id, bool remove, const char *why,
                       registry_done *done, void *ctx)
{
    struct ask *a = ask_new(r, close_tunnel, done, ctx);
    a->id = copy(id);
    a->remove = remove;
    a->closing = why;
    in_turn(a);
}

static void rotate(struct ask *a)
{
    struct registry *r = inner_for(a);
    if (r != NULL)
        registry_rotate(r, a->id, a->tokens, on_done, a);
}

static void late_rotate(struct registry *r, const char *id, const char *const token[SIDE_COUNT],
                        registry_done *done, void *ctx)
{
    struct ask *a = ask_new(r, rotate, done, ctx);
    a->id = copy(id);
    memcpy(a->tokens, token, sizeof a->tokens);
    in_turn(a);
}

static bool on_permits(void *ctx, const struct tunnel_record *t, const struct tags *after)
{
    const struct ask *a = ctx;
    return a->permits == NULL || a->permits(a->ctx, t, after);
}

static void tag(struct ask *a)
{
    struct tag_change c = {.add = &a->add, .remove = &a->untag, .permits = on_permits};
    struct registry *r = inner_for(a);
    if (r != NULL)
        registry_tag(r, a->id, &c, on_done, a);
}

static void late_tag(struct registry *r, const char *id, const struct tag_change *c,
                     registry_done *done, void *ctx)
{
    struct ask *a = ask_new(r, tag, done, ctx);
    a->id = copy(id);
    a->permits = c->permits;
    if ((c->add != NULL && !tags_copy(&a->add, c->add)) ||
        (c->remove != NULL && !texts_copy(&a->untag, c->remove)))
        abort();
    in_turn(a);
}

/* ---- lists ---- */

static bool on_each(void *ctx, const struct tunnel_record *t)
{
    struct ask *a = ctx;
    if (a->n == PIECE)
        return false;
    record_copy(&a->records[a->n++], t);
    return true;
}

static void fetch(struct ask *a);

/* Tells a piece, and is over when that was the last or enough; else the next one is fetched. */
static void tell_piece(struct ask *a)
{
    bool wanted = a->why == ERR_OK, last = a->n < PIECE;
    for (size_t i = 0; i < a->n; i++) {
        a->page.below = a->records[i].number;
        wanted = wanted && a->page.each(a->ctx, &a->records[i]);
        tunnel_record_free(&a->records[i]);
    }
    a->n = 0;
    if (wanted && !last) {
        a->run = fetch;
        later(a);
        return;
    }
    a->page.done(a->ctx, a->why);
    ask_free(a);
}

static void on_fetched(void *ctx, enum err why)
{
    struct ask *a = ctx;
    a->why = why;
    a->run = tell_piece;
    later(a);
}

static void fetch(struct ask *a)
{
    struct registry_page piece = {
        .below = a->page.below, .thing = a->thing, .each = on_each, .done = on_fetched};
    if (a->late->inner != NULL)
        registry_page(a->late->inner, &piece, a);
    else
        on_fetched(a, ERR_SHUTDOWN);
}

static void late_page(struct registry *r, const struct registry_page *q, void *ctx)
{
    struct ask *a = ask_new(r, fetch, NULL, ctx);
    a->page = *q;
    a->thing = copy(q->thing);
    later(a);
}

/* ---- ends ---- */

static void admit(struct ask *a)
{
    struct admission none = {.status = 503, .why = ERR_SHUTDOWN, .text = "the hub is ending"};
    if (a->late->inner != NULL)
        registry_admit(a->late->inner, &a->admission, a->admitted, a->ctx);
    else
        a->admitted(a->ctx, none);
    ask_free(a);
}

static void late_admit(struct registry *r, const struct admission_request *q,
                       void (*done)(void *ctx, struct admission a), void *ctx)
{
    struct ask *a = ask_new(r, admit, NULL, ctx);
    a->admitted = done;
    a->token = must(span_dup(q->token));
    a->client_token = q->client_token.p != NULL ? must(span_dup(q->client_token)) : NULL;
    a->device = copy(q->device);
    a->admission = *q;
    a->admission.token = span_of(a->token);
    a->admission.client_token = span_of(a->client_token);
    a->admission.device = a->device;
    in_turn(a);
}

static void late_connected(struct registry *r, struct span id, enum side side, bool connected)
{
    if (late_of(r)->inner != NULL)
        registry_connected(late_of(r)->inner, id, side, connected);
}

static void late_look(struct registry *r, const char *id)
{
    if (late_of(r)->inner != NULL)
        registry_look(late_of(r)->inner, id);
}

static void late_reclaim(struct registry *r)
{
    if (late_of(r)->inner != NULL)
        registry_reclaim(late_of(r)->inner);
}

/* ---- the rest ---- */

static size_t late_open_count(const struct registry *r)
{
    return registry_open_count(((const struct late *)r)->inner);
}

static bool late_healthy(const struct registry *r)
{
    return registry_healthy(((const struct late *)r)->inner);
}

static void pass_opened(void *owner, const struct tunnel_record *t,
                        const char *const token[SIDE_COUNT])
{
    registry_tell_opened(owner, t, token);
}

static void pass_ended(void *owner, const struct tunnel_record *t, const char *why)
{
    registry_tell_ended(owner, t, why);
}

static void pass_rotated(void *owner, const struct tunnel_record *t, enum side side,
                         const char *token)
{
    registry_tell_rotated(owner, t, side, token);
}

static void pass_moved(void *owner, const struct tunnel_record *t)
{
    registry_tell_moved(owner, t);
}

static void late_free(struct registry *r)
{
    struct late *l = late_of(r);
    struct registry *inner = l->inner;
    while (!list_empty(&l->changes) || !list_empty(&l->loose))
        on_turn(l);
    registry_free(inner);
    l->inner = NULL;
    while (!list_empty(&l->changes) || !list_empty(&l->loose))
        on_turn(l);
    timer_free(l->timer);
    free(l);
}

struct registry *late_registry_new(struct loop *loop, struct registry *inner)
{
    static const struct registry_ops ops = {
        .free = late_free,
        .open_count = late_open_count,
        .healthy = late_healthy,
        .get = late_get,
        .page = late_page,
        .open = late_open,
        .close = late_close,
        .rotate = late_rotate,
        .tag = late_tag,
        .admit = late_admit,
        .connected = late_connected,
        .look = late_look,
        .reclaim = late_reclaim,
    };
    static const struct registry_events events = {
        .opened = pass_opened, .ended = pass_ended, .rotated = pass_rotated, .moved = pass_moved};
    struct late *l = must(calloc(1, sizeof *l));
    registry_init(&l->registry, &ops);
    l->inner = inner;
    l->timer = must(timer_new(loop, on_turn, l));
    list_init(&l->loose);
    list_init(&l->changes);
    l->subscriber = (struct registry_subscriber){.events = &events, .owner = &l->registry};
    registry_subscribe(inner, &l->subscriber);
    return &l->registry;
}
