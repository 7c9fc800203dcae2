#include "gateway/hub/registry/store.h"

#include "core/base/log.h"
#include "core/base/map.h"
#include "gateway/hub/registry/folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* How long states wait for a transaction to join, and between tries after a failure. */
#define STATES_MS 1000
#define TEXT_MAX 512

/* One transaction in the worker thread. */
struct job {
    uv_work_t work;
    /* Used by the loop; NULL when the store is gone and took the result itself. */
    struct store *store;
    const struct store_backend *backend;
    void *data;
    struct list changes;
    enum err why;
    char text[TEXT_MAX];
    uv_sem_t finished;
};

/* A connection state that is not stored yet. */
struct state {
    struct change change;
    struct store *store;
    int64_t key; /* key in the map: tunnel and side */
};

struct store {
    struct loop *loop;
    const struct store_backend *backend;
    void *data; /* the backend's state, which belongs to the worker while there is a job */
    int lock;
    struct list pending; /* struct change, in the order in which they were asked for */
    size_t n_pending;
    struct map states; /* struct state that are not in a job */
    struct job *job;
    /* Runs at the end of the loop's iteration, so that its changes share one transaction. */
    struct deferred begin;
    struct timer *timer;
    bool timer_runs, closing, failed;
    uint64_t commits;
};

/* ---- states ---- */

static int64_t state_key(int64_t number, enum side side)
{
    return number * SIDE_COUNT + side;
}

static void wait_a_while(struct store *s)
{
    if (s->timer_runs || s->closing)
        return;
    timer_start(s->timer, STATES_MS);
    s->timer_runs = true;
}

/* A state that could not be stored waits for the next transaction, unless a newer one does already.
 */
static void on_state_stored(struct change *c, enum err why)
{
    struct state *state = (struct state *)c;
    struct store *s = state->store;
    if (why == ERR_OK || s->closing ||
        map_get(&s->states, &state->key, sizeof state->key) != NULL ||
        !map_put(&s->states, &state->key, sizeof state->key, state))
        free(state);
    else
        wait_a_while(s);
}

static struct state *state_get(struct store *s, int64_t number, enum side side)
{
    int64_t key = state_key(number, side);
    struct state *state = map_get(&s->states, &key, sizeof key);
    if (state != NULL)
        return state;
    state = calloc(1, sizeof *state);
    if (state == NULL)
        return NULL;
    *state = (struct state){
        .change = {.kind = CHANGE_STATE, .number = number, .side = side, .done = on_state_stored},
        .store = s,
        .key = key,
    };
    list_init(&state->change.node);
    if (map_put(&s->states, &state->key, sizeof state->key, state))
        return state;
    free(state);
    return NULL;
}

void store_state(struct store *s, int64_t number, enum side side, bool connected, int64_t at)
{
    if (s->closing)
        return; /* after a restart all ends count as disconnected anyway */
    struct state *state = state_get(s, number, side);
    if (state == NULL) {
        log_warning("a connection state is not stored: %s", err_text(ERR_NO_MEMORY));
        return;
    }
    state->change.connected = connected;
    state->change.at = at;
    wait_a_while(s);
}

/* ---- jobs ---- */

static void work(uv_work_t *w)
{
    struct job *j = w->data;
    j->why = j->backend->apply(j->data, &j->changes, j->text, sizeof j->text);
    uv_sem_post(&j->finished);
}

static void job_free(struct job *j)
{
    uv_sem_destroy(&j->finished);
    free(j);
}

static struct job *job_new(struct store *s)
{
    struct job *j = calloc(1, sizeof *j);
    if (j == NULL)
        return NULL;
    if (uv_sem_init(&j->finished, 0) != 0) {
        free(j);
        return NULL;
    }
    j->work.data = j;
    j->store = s;
    j->backend = s->backend;
    j->data = s->data;
    list_init(&j->changes);
    return j;
}

/* Changes come first, so that a state never precedes its tunnel. */
static void take_changes(struct store *s, struct list *to)
{
    size_t at = 0;
    while (!list_empty(&s->pending))
        list_append(to, s->pending.next);
    s->n_pending = 0;
    for (struct state *state; (state = map_next(&s->states, &at)) != NULL;)
        list_append(to, &state->change.node);
    map_free(&s->states);
}

static void tell(struct store *s, enum err why, const char *text)
{
    bool failed = why != ERR_OK;
    if (failed && !s->failed)
        log_error("cannot store: %s; running tunnels go on, nothing can be changed", text);
    else if (!failed && s->failed)
        log_info("storing works again");
    s->failed = failed;
}

static void finish(struct store *s, struct list *changes, enum err why, const char *text)
{
    tell(s, why, text);
    if (why == ERR_OK)
        s->commits++;
    while (!list_empty(changes)) {
        struct change *c = list_entry(changes->next, struct change, node);
        list_remove(&c->node);
        c->done(c, why);
    }
}

static void after_work(uv_work_t *w, int status)
{
    struct job *j = w->data;
    struct store *s = j->store;
    (void)status; /* only store_free cancels a job */
    if (s != NULL) {
        s->job = NULL;
        finish(s, &j->changes, j->why, j->text);
        if (s->n_pending > 0)
            loop_defer(s->loop, &s->begin);
        else if (s->failed || s->states.size > 0)
            wait_a_while(s);
    }
    job_free(j);
}

static void refuse_all(struct store *s)
{
    struct list all;
    list_init(&all);
    take_changes(s, &all);
    finish(s, &all, ERR_NO_MEMORY, err_text(ERR_NO_MEMORY));
    wait_a_while(s);
}

static void on_begin(void *owner)
{
    struct store *s = owner;
    if (s->job != NULL)
        return;
    s->job = job_new(s);
    if (s->job == NULL) {
        refuse_all(s);
        return;
    }
    take_changes(s, &s->job->changes);
    uv_queue_work(loop_uv(s->loop), &s->job->work, work, after_work);
}

/* After a failure the store tries once a second even without changes, because clients may wait for
 * the hub to be healthy before they ask again. */
static void on_timer(void *owner)
{
    struct store *s = owner;
    s->timer_runs = false;
    if (s->states.size > 0 || s->failed)
        on_begin(s);
}

void store_ask(struct store *s, struct change *c)
{
    list_init(&c->node);
    if (s->closing || s->n_pending >= STORE_QUEUE_MAX) {
        c->done(c, s->closing ? ERR_SHUTDOWN : ERR_BUSY);
        return;
    }
    list_append(&s->pending, &c->node);
    s->n_pending++;
    loop_defer(s->loop, &s->begin);
}

/* ---- from the beginning to the end ---- */

static enum err open_parts(struct store *s, const struct store_options *o, char *text, size_t size)
{
    enum err e = folder_take(o->folder, &s->lock, text, size);
    if (e != ERR_OK)
        return e;
    s->data = s->backend->open(o->folder, &e, text, size);
    if (s->data != NULL)
        e = s->backend->read(s->data, o->reader, o->owner, text, size);
    return e;
}

struct store *store_new(const struct store_options *o, enum err *why, char *text, size_t size)
{
    struct store *s = calloc(1, sizeof *s);
    struct timer *timer = s != NULL ? timer_new(o->loop, on_timer, s) : NULL;
    *why = ERR_NO_MEMORY;
    snprintf(text, size, "%s", err_text(*why));
    if (timer == NULL) {
        free(s);
        return NULL;
    }
    s->loop = o->loop;
    s->backend = o->backend;
    s->lock = -1;
    s->timer = timer;
    list_init(&s->pending);
    deferred_init(&s->begin, on_begin, s);
    *why = open_parts(s, o, text, size);
    if (*why == ERR_OK)
        return s;
    store_free(s);
    return NULL;
}

/* Runs a job that the worker has not begun, or waits for one that it has. */
static void end_job(struct store *s)
{
    struct job *j = s->job;
    if (j == NULL)
        return;
    if (uv_cancel((uv_req_t *)&j->work) == 0)
        work(&j->work);
    uv_sem_wait(&j->finished);
    s->job = NULL;
    j->store = NULL; /* after_work is still to be called and frees the job */
    finish(s, &j->changes, j->why, j->text);
}

static void store_rest(struct store *s)
{
    struct list rest;
    char text[TEXT_MAX] = "";
    list_init(&rest);
    take_changes(s, &rest);
    if (list_empty(&rest))
        return;
    enum err why = s->backend->apply(s->data, &rest, text, sizeof text);
    finish(s, &rest, why, text);
}

void store_free(struct store *s)
{
    if (s == NULL)
        return;
    s->closing = true;
    loop_cancel(&s->begin);
    timer_free(s->timer);
    end_job(s);
    store_rest(s);
    s->backend->close(s->data);
    if (s->lock >= 0)
        close(s->lock);
    free(s);
}

bool store_healthy(const struct store *s)
{
    return !s->failed;
}

uint64_t store_commits(const struct store *s)
{
    return s->commits;
}
