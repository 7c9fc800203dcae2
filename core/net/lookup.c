#include "core/net/lookup.h"

#include "core/net/addresses.h"
#include "core/net/loop.h"
#include "core/net/mailbox.h"
#include "core/net/uv_error.h"

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#define LIMIT_MS 15000
#define STACK_SIZE 1048576 /* getaddrinfo loads whatever nsswitch.conf names */

/* The names that are being looked up on one loop. It exists while there are any. */
struct resolver {
    struct loop *loop;
    struct mailbox *mailbox;
    struct list jobs;
    size_t n_untrusted; /* untrusted jobs that are running */
};

/* The lookup of one name: QUEUED (an untrusted one above the limit) → running → told. */
struct job {
    struct list node;
    struct mail mail; /* posted by its thread when it is done */
    struct resolver *resolver;
    char *host;
    struct list waiters;
    uint64_t began_ms;
    bool untrusted, running;
    bool told; /* it takes no more waiters */
    bool threaded;
    uv_thread_t thread;
    /* The job's thread writes these. */
    struct addresses found;
    enum err why;
};

struct lookup {
    struct list node; /* among the job's waiters */
    struct job *job;
    struct timer *timer;
    void (*done)(void *owner, const struct addresses *found, enum err why);
    void *owner;
};

/* ---- looking up ---- */

static enum err error_of(int status)
{
    enum err why = status == EAI_MEMORY   ? ERR_NO_MEMORY
                   : status == EAI_SYSTEM ? err_from_uv(uv_translate_sys_error(errno))
                                          : ERR_RESOLVE;
    return why == ERR_NO_MEMORY || why == ERR_NO_DESCRIPTORS ? why : ERR_RESOLVE;
}

/* What is asked for, one after the other until there is an answer. glibc answers with the family
 * that it got when a name server fails at the other; musl (1.2.3) answers nothing then, so that
 * each is asked for by itself. */
static const int families[] = {
    AF_UNSPEC,
#ifndef __GLIBC__
    AF_INET,
    AF_INET6,
#endif
};

enum err lookup_now(const char *host, struct addresses *out)
{
    int status = EAI_AGAIN;
    if (addresses_known(host, out))
        return ERR_OK;
    for (size_t i = 0; i < sizeof families / sizeof *families && status == EAI_AGAIN; i++) {
        struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_family = families[i]};
        struct addrinfo *all = NULL;
        status = getaddrinfo(host, NULL, &hints, &all);
        if (status != 0)
            continue;
        for (const struct addrinfo *a = all; a != NULL; a = a->ai_next)
            addresses_add(out, a->ai_addr);
        freeaddrinfo(all);
    }
    if (status != 0)
        return error_of(status);
    return out->n > 0 ? ERR_OK : ERR_RESOLVE;
}

/* Runs on the job's own thread. */
static void look_up(void *arg)
{
    struct job *j = arg;
    j->why = lookup_now(j->host, &j->found);
    mailbox_post(j->resolver->mailbox, &j->mail);
}

/* ---- jobs ---- */

static void free_job(struct job *j)
{
    list_remove(&j->node);
    free(j->host);
    free(j);
}

/* The last job frees the resolver. */
static void leave(struct resolver *r)
{
    if (r == NULL || !list_empty(&r->jobs))
        return;
    *loop_resolver(r->loop) = NULL;
    mailbox_free(r->mailbox, NULL);
    free(r);
}

/* A thread that cannot be started counts as an answer of the resolver. */
static void run(struct job *j)
{
    const uv_thread_options_t options = {.flags = UV_THREAD_HAS_STACK_SIZE,
                                         .stack_size = STACK_SIZE};
    j->running = true;
    j->resolver->n_untrusted += j->untrusted;
    j->threaded = uv_thread_create_ex(&j->thread, &options, look_up, j) == 0;
    if (j->threaded)
        return;
    j->why = ERR_NO_MEMORY;
    mailbox_post(j->resolver->mailbox, &j->mail);
}

static void run_queued(struct resolver *r)
{
    for (struct list *i = r->jobs.next; i != &r->jobs && r->n_untrusted < LOOKUP_UNTRUSTED;
         i = i->next) {
        struct job *j = list_entry(i, struct job, node);
        if (!j->running)
            run(j);
    }
}

static void tell(struct lookup *l, const struct addresses *found, enum err why)
{
    void (*done)(void *owner, const struct addresses *found, enum err why) = l->done;
    void *owner = l->owner;
    list_remove(&l->node);
    timer_free(l->timer);
    free(l);
    done(owner, found, why);
}

static void on_mail(void *owner, struct mail *m)
{
    struct resolver *r = owner;
    struct job *j = list_entry(m, struct job, mail);
    if (j->threaded)
        uv_thread_join(&j->thread);
    r->n_untrusted -= j->untrusted;
    run_queued(r);
    j->told = true;
    while (!list_empty(&j->waiters))
        tell(list_entry(j->waiters.next, struct lookup, node), &j->found, j->why);
    free_job(j);
    leave(r);
}

static struct resolver *resolver_of(struct loop *loop)
{
    struct resolver **place = loop_resolver(loop), *r = *place;
    if (r != NULL)
        return r;
    r = calloc(1, sizeof *r);
    if (r == NULL)
        return NULL;
    r->loop = loop;
    list_init(&r->jobs);
    r->mailbox = mailbox_new(loop, on_mail, r);
    if (r->mailbox == NULL) {
        free(r);
        return NULL;
    }
    return *place = r;
}

/* Finds the running job for that name. A job that is older than LIMIT_MS is not shared, since it
 * may hang on a name server that has been replaced since. */
static struct job *find(struct resolver *r, const char *host)
{
    uint64_t now = loop_now(r->loop);
    for (struct list *i = r->jobs.next; i != &r->jobs; i = i->next) {
        struct job *j = list_entry(i, struct job, node);
        if (!j->told && strcasecmp(j->host, host) == 0 && now - j->began_ms < LIMIT_MS)
            return j;
    }
    return NULL;
}

static struct job *new_job(struct resolver *r, const struct lookup_options *o)
{
    struct job *j = calloc(1, sizeof *j);
    if (j == NULL)
        return NULL;
    *j = (struct job){.resolver = r, .untrusted = o->untrusted, .began_ms = loop_now(r->loop)};
    list_init(&j->node);
    list_init(&j->waiters);
    j->host = strdup(o->host);
    if (j->host == NULL) {
        free_job(j);
        return NULL;
    }
    list_append(&r->jobs, &j->node);
    if (!j->untrusted || r->n_untrusted < LOOKUP_UNTRUSTED)
        run(j);
    return j;
}

static struct job *job_for(struct loop *loop, const struct lookup_options *o)
{
    struct resolver *r = resolver_of(loop);
    struct job *j = r != NULL ? find(r, o->host) : NULL;
    if (j == NULL && r != NULL && (j = new_job(r, o)) == NULL)
        leave(r);
    if (j != NULL && !o->untrusted && !j->running) {
        j->untrusted = false;
        run(j);
    }
    return j;
}

/* ---- lookups ---- */

static void unlink_lookup(struct lookup *l)
{
    struct job *j = l->job;
    list_remove(&l->node);
    timer_free(l->timer);
    free(l);
    if (j == NULL || j->running || !list_empty(&j->waiters))
        return;
    struct resolver *r = j->resolver;
    free_job(j);
    leave(r);
}

static void on_late(void *owner)
{
    struct addresses none;
    struct lookup *l = owner;
    void (*done)(void *owner, const struct addresses *found, enum err why) = l->done;
    void *whose = l->owner;
    none.n = 0;
    unlink_lookup(l);
    done(whose, &none, ERR_RESOLVE);
}

struct lookup *lookup_start(struct loop *loop, const struct lookup_options *o,
                            void (*done)(void *owner, const struct addresses *found, enum err why),
                            void *owner)
{
    struct lookup *l = calloc(1, sizeof *l);
    if (l == NULL)
        return NULL;
    *l = (struct lookup){.done = done, .owner = owner};
    list_init(&l->node);
    l->timer = timer_new(loop, on_late, l);
    l->job = l->timer != NULL ? job_for(loop, o) : NULL;
    if (l->job == NULL) {
        unlink_lookup(l);
        return NULL;
    }
    list_append(&l->job->waiters, &l->node);
    timer_start(l->timer, o->limit_ms != 0 ? o->limit_ms : LIMIT_MS);
    return l;
}

void lookup_cancel(struct lookup *l)
{
    unlink_lookup(l);
}
