#include "gateway/hub/registry/shared/shared_internal.h"

#include "core/base/encoding.h"
#include "core/base/random.h"
#include "gateway/hub/registry/record_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The jobs of one tunnel; the first one has its turn. */
struct chain {
    struct list jobs;
    size_t n;
    char id[ID_SIZE];
};

/* ---- from the beginning to the end ---- */

void *job_new(struct shared *s, const struct job_kind *kind, size_t size, struct span id,
              enum err *why)
{
    uint8_t random[(REQUEST_SIZE - 1) / 2];
    *why = id.n == 0 || id.n >= ID_SIZE || memchr(id.p, '\0', id.n) != NULL ? ERR_NOT_FOUND
           : s->n_jobs >= JOBS_MAX                                          ? ERR_BUSY
                                                                            : ERR_NO_MEMORY;
    struct job *j = *why == ERR_NO_MEMORY ? calloc(1, size) : NULL;
    if (j == NULL)
        return NULL;
    *why = ERR_OK;
    list_init(&j->turn);
    list_init(&j->node);
    list_append(&s->jobs, &j->node);
    s->n_jobs++;
    j->shared = s;
    j->kind = kind;
    seen_free(&j->seen);
    random_bytes(random, sizeof random);
    hex_encode(random, sizeof random, j->request);
    memcpy(j->id, id.p, id.n);
    return j;
}

static void release(struct job *j)
{
    seen_free(&j->seen);
    if (j->kind->free != NULL)
        j->kind->free(j);
    else
        free(j);
}

bool job_back(struct job *j)
{
    j->pending--;
    if (j->shared != NULL)
        return true;
    if (j->pending == 0)
        release(j);
    return false;
}

static void begin(struct job *j);

static void leave_chain(struct job *j)
{
    struct shared *s = j->shared;
    struct chain *c = j->chain;
    if (c == NULL)
        return;
    bool first = c->jobs.next == &j->turn;
    list_remove(&j->turn);
    c->n--;
    if (c->n == 0) {
        map_remove(&s->chains, c->id, strlen(c->id));
        free(c);
    } else if (first) {
        begin(list_entry(c->jobs.next, struct job, turn));
    }
}

void job_end(struct job *j, enum err why)
{
    struct shared *s = j->shared;
    j->why = why == ERR_PROTOCOL ? ERR_IO : why; /* Redis' nonsense, which it has logged */
    if (why == ERR_OK)
        observe(s, j->id, &j->seen, &j->own);
    j->kind->end(j);
    list_remove(&j->node);
    s->n_jobs--;
    leave_chain(j);
    j->shared = NULL;
    if (j->pending == 0)
        release(j);
}

void job_end_all(struct shared *s)
{
    while (!list_empty(&s->jobs)) {
        struct job *j = list_entry(s->jobs.next, struct job, node);
        struct chain *c = j->chain;
        list_remove(&j->turn);
        if (c != NULL && --c->n == 0) {
            map_remove(&s->chains, c->id, strlen(c->id));
            free(c);
        }
        j->chain = NULL;
        job_end(j, ERR_SHUTDOWN);
    }
}

/* ---- reading and writing ---- */

static void decide(struct job *j);

static void on_read(void *ctx, enum err why, const struct redis_reply *reply)
{
    struct job *j = ctx;
    if (!job_back(j))
        return;
    if (why == ERR_OK)
        why = seen_read(&j->seen, j->shared, j->id, reply, 0);
    if (why != ERR_OK)
        job_end(j, why);
    else
        decide(j);
}

static void begin(struct job *j)
{
    char key[KEY_SIZE];
    key_tunnel(key, j->id);
    j->pending++;
    shared_ask(j->shared, 1, on_read, j, "HGETALL", key, (char *)NULL);
}

static void on_written(void *ctx, enum err why, const struct redis_reply *reply)
{
    struct job *j = ctx;
    if (!job_back(j))
        return;
    struct span version = redis_text(redis_item(reply, 1));
    if (why == ERR_OK && redis_integer(redis_item(reply, 0)) == 1) {
        snprintf(j->seen.version, VERSION_SIZE, "%.*s", (int)version.n,
                 version.p != NULL ? version.p : "");
        job_end(j, ERR_OK);
        return;
    }
    if (why == ERR_OK && ++j->tries >= TRIES_MAX)
        why = ERR_BUSY;
    if (why == ERR_OK)
        why = seen_read(&j->seen, j->shared, j->id, reply, 2);
    if (why != ERR_OK)
        job_end(j, why);
    else
        decide(j);
}

static void drop(struct job *j)
{
    char key[KEY_SIZE];
    key_tunnel(key, j->id);
    j->pending++;
    j->sent = true;
    shared_call(j->shared, "drop", key, on_written, j, j->seen.version, (char *)NULL);
}

void job_put(struct job *j)
{
    char key[KEY_SIZE], state[SIDE_COUNT][SHARED_STATE_SIZE];
    char *json = shared_record_write(&j->seen.r);
    if (json == NULL || strlen(json) > RECORD_JSON_MAX) {
        job_end(j, json == NULL ? ERR_NO_MEMORY : ERR_TOO_LARGE);
        free(json);
        return;
    }
    key_tunnel(key, j->id);
    for (int side = 0; side < SIDE_COUNT; side++)
        shared_state_write(&j->seen.r.record.sides[side], state[side]);
    j->pending++;
    j->sent = true;
    shared_call(j->shared, j->kind->keep ? "keep" : "put", key, on_written, j, j->seen.version,
                j->request, j->expires, "r", json, "o", j->seen.owner, "c0", state[SIDE_SOURCE],
                "c1", state[SIDE_DESTINATION], (char *)NULL);
    free(json);
}

static void decide(struct job *j)
{
    switch (j->kind->decide(j)) {
    case JOB_DONE:
        job_end(j, j->why);
        break;
    case JOB_PUT:
        job_put(j);
        break;
    case JOB_DROP:
        drop(j);
        break;
    case JOB_WAIT:
        break;
    }
}

void job_go_on(struct job *j)
{
    decide(j);
}

/* ---- turns ---- */

static struct chain *chain_get(struct shared *s, const char *id)
{
    size_t n = strlen(id);
    struct chain *c = map_get(&s->chains, id, n);
    if (c != NULL)
        return c;
    c = calloc(1, sizeof *c);
    if (c == NULL)
        return NULL;
    list_init(&c->jobs);
    memcpy(c->id, id, n);
    if (map_put(&s->chains, c->id, n, c))
        return c;
    free(c);
    return NULL;
}

void job_start(struct job *j)
{
    struct chain *c = chain_get(j->shared, j->id);
    if (c == NULL || c->n >= CHAIN_MAX) {
        job_end(j, c == NULL ? ERR_NO_MEMORY : ERR_LIMIT);
        return;
    }
    j->chain = c;
    list_append(&c->jobs, &j->turn);
    if (c->n++ == 0)
        begin(j);
}
