#include "gateway/hub/hooks/hooks.h"

#include "gateway/hub/api/audit.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#define COMPLAINT_MS 60000
#define EVENT_MAX ((size_t)64 * 1024)
/* The object around the events, whose host name has at most 64 bytes. */
#define FRAME_MAX 4096
#define NS_PER_MS 1000000

struct hooks {
    uv_mutex_t lock; /* for all below, but for what has another owner */
    uv_cond_t news;
    uv_thread_t thread;
    bool running; /* the thread: of the owner */
    atomic_bool stopped;
    char *command; /* NULL: none */
    unsigned events;
    uint64_t timeout_ms;
    struct buf waiting; /* objects with commas between them */
    size_t n_waiting;
    uint64_t dropped; /* since the last run */
    struct hooks_counts counts;
    /* Of the thread: */
    bool complained;
    uint64_t complained_at; /* ms */
};

static const char *const names[HOOK_EVENTS] = {
    [HOOK_DEVICE_PRESENT] = "device-present",
    [HOOK_DEVICE_AWAY] = "device-away",
    [HOOK_TUNNEL_OPENED] = "tunnel-opened",
    [HOOK_TUNNEL_CLOSED] = "tunnel-closed",
    [HOOK_REFUSALS] = "refusals",
    [HOOK_CERTIFICATE] = "certificate",
    [HOOK_STORE_FAILING] = "store-failing",
    [HOOK_STORE_WORKS] = "store-works",
};

const char *hook_event_name(enum hook_event e)
{
    return names[e];
}

static bool read_name(struct span name, unsigned *set)
{
    if (span_is(name, "all")) {
        *set = (1u << HOOK_EVENTS) - 1;
        return true;
    }
    for (unsigned e = 0; e < HOOK_EVENTS; e++)
        if (span_is(name, names[e])) {
            *set |= 1u << e;
            return true;
        }
    return false;
}

bool hook_events_read(const char *text, unsigned *set, struct span *wrong)
{
    struct span rest = span_of(text);
    *set = 0;
    do {
        *wrong = span_trim(span_cut(&rest, ','));
        if (!read_name(*wrong, set))
            return false;
    } while (rest.n > 0);
    return true;
}

/* ---- the thread ---- */

/* What one run is given. */
struct batch {
    char *command;
    struct buf events;
    uint64_t timeout_ms, dropped;
};

static bool has_work(const struct hooks *h)
{
    return h->n_waiting > 0 && h->command != NULL;
}

/* False: the program ends. */
static bool wait_for_batch(struct hooks *h, struct batch *b)
{
    uv_mutex_lock(&h->lock);
    while (!has_work(h) && !atomic_load(&h->stopped))
        uv_cond_wait(&h->news, &h->lock);
    bool go = !atomic_load(&h->stopped);
    if (go) {
        *b = (struct batch){.command = str_copy(h->command),
                            .events = h->waiting,
                            .timeout_ms = h->timeout_ms,
                            .dropped = h->dropped};
        h->waiting = (struct buf){.limit = HOOKS_BYTES_MAX};
        h->n_waiting = 0;
        h->dropped = 0;
    }
    uv_mutex_unlock(&h->lock);
    return go;
}

/* Waits for the rest of HOOKS_EVERY_MS. */
static void rest(struct hooks *h, uint64_t since_ns)
{
    uint64_t until = since_ns + (uint64_t)HOOKS_EVERY_MS * NS_PER_MS, now;
    uv_mutex_lock(&h->lock);
    while (!atomic_load(&h->stopped) && (now = uv_hrtime()) < until)
        uv_cond_timedwait(&h->news, &h->lock, until - now);
    uv_mutex_unlock(&h->lock);
}

static bool write_input(struct json_writer *w, const struct batch *b)
{
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    json_open(w, NULL, '{');
    json_number(w, "schema", HOOKS_SCHEMA);
    json_text(w, "program", span_of("tunnel-hub"));
    json_text(w, "version", span_of(TUNNEL_VERSION));
    json_text(w, "host", span_of(host));
    json_number(w, "dropped", (int64_t)b->dropped);
    json_open(w, "events", '[');
    bool fine = buf_append(&w->bytes, b->events.data, b->events.size);
    json_close(w, ']');
    json_close(w, '}');
    return fine && !w->failed && buf_append(&w->bytes, "\n", 1);
}

static void complain(struct hooks *h, const char *command, const char *text)
{
    uint64_t now = uv_hrtime() / NS_PER_MS;
    if (h->complained && now - h->complained_at < COMPLAINT_MS)
        return;
    h->complained = true;
    h->complained_at = now;
    log_error("--hook %s: %s", command, text);
}

static void run(struct hooks *h, struct batch *b)
{
    struct json_writer w = {.bytes.limit = HOOKS_BYTES_MAX + FRAME_MAX};
    enum hook_result result = HOOK_NOT_STARTED;
    char text[512];
    snprintf(text, sizeof text, "%s", err_text(ERR_NO_MEMORY));
    if (b->command != NULL && write_input(&w, b)) {
        const struct hook_run r = {.command = b->command,
                                   .input = {(const char *)w.bytes.data, w.bytes.size},
                                   .timeout_ms = b->timeout_ms,
                                   .stop = &h->stopped};
        result = hook_run(&r, text, sizeof text);
    }
    if (result != HOOK_OK)
        complain(h, b->command != NULL ? b->command : "", text);
    uv_mutex_lock(&h->lock);
    h->counts.runs[result]++;
    uv_mutex_unlock(&h->lock);
    buf_free(&w.bytes);
    buf_free(&b->events);
    free(b->command);
}

/* Signals of the process are for the main thread. */
static void live(void *arg)
{
    struct hooks *h = arg;
    struct batch b;
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    while (wait_for_batch(h, &b)) {
        uint64_t since = uv_hrtime();
        run(h, &b);
        rest(h, since);
    }
}

/* ---- life ---- */

static bool is_in_path(const char *name)
{
    const char *path = getenv("PATH");
    struct span rest = span_of(path != NULL ? path : "/bin:/usr/bin");
    char file[4096];
    bool found = false;
    while (!found && rest.n > 0) {
        struct span folder = span_cut(&rest, ':');
        int n = snprintf(file, sizeof file, "%.*s/%s", (int)folder.n, folder.p, name);
        found = n > 0 && (size_t)n < sizeof file && access(file, X_OK) == 0;
    }
    return found;
}

bool hooks_check(const char *command, char *text, size_t size)
{
    char *copy = str_copy(command), *words[HOOK_ARGUMENTS_MAX + 2];
    size_t n = copy != NULL ? str_words(copy, words, HOOK_ARGUMENTS_MAX + 1) : 0;
    const char *problem = NULL;
    if (command != NULL && n == 0)
        problem = "there is no command";
    else if (n > HOOK_ARGUMENTS_MAX)
        problem = "there are too many words";
    else if (n > 0 && strchr(words[0], '/') == NULL)
        problem = is_in_path(words[0]) ? NULL : "there is no such program in PATH";
    else if (n > 0 && access(words[0], X_OK) != 0)
        problem = strerror(errno);
    if (problem != NULL)
        snprintf(text, size, "--hook %s: %s", command, problem);
    free(copy);
    return problem == NULL;
}

struct hooks *hooks_new(void)
{
    struct hooks *h = calloc(1, sizeof *h);
    if (h == NULL)
        return NULL;
    h->waiting.limit = HOOKS_BYTES_MAX;
    if (uv_mutex_init(&h->lock) != 0) {
        free(h);
        return NULL;
    }
    if (uv_cond_init(&h->news) != 0) {
        uv_mutex_destroy(&h->lock);
        free(h);
        return NULL;
    }
    return h;
}

void hooks_stop(struct hooks *h)
{
    uv_mutex_lock(&h->lock);
    atomic_store(&h->stopped, true);
    uv_cond_signal(&h->news);
    uv_mutex_unlock(&h->lock);
}

void hooks_free(struct hooks *h)
{
    if (h == NULL)
        return;
    hooks_stop(h);
    if (h->running)
        uv_thread_join(&h->thread);
    uv_cond_destroy(&h->news);
    uv_mutex_destroy(&h->lock);
    buf_free(&h->waiting);
    free(h->command);
    free(h);
}

enum err hooks_set(struct hooks *h, const struct hooks_options *o)
{
    char *copy = str_copy(o->command), *before;
    if (o->command != NULL && copy == NULL)
        return ERR_NO_MEMORY;
    if (copy != NULL && !h->running && uv_thread_create(&h->thread, live, h) != 0) {
        free(copy);
        return ERR_NO_MEMORY;
    }
    h->running = h->running || copy != NULL;
    uv_mutex_lock(&h->lock);
    before = h->command;
    h->command = copy;
    h->events = o->events;
    h->timeout_ms = o->timeout_ms;
    uv_cond_signal(&h->news);
    uv_mutex_unlock(&h->lock);
    free(before);
    return ERR_OK;
}

/* ---- events ---- */

static void keep(struct hooks *h, const struct buf *object)
{
    bool room = h->n_waiting < HOOKS_EVENTS_MAX && buf_room(&h->waiting, object->size + 2) != NULL;
    if (room) {
        if (h->n_waiting++ > 0)
            buf_append(&h->waiting, ",\n", 2);
        buf_append(&h->waiting, object->data, object->size);
        h->counts.told++;
        uv_cond_signal(&h->news);
    } else {
        h->dropped++;
        h->counts.dropped++;
    }
}

void hooks_tell(struct hooks *h, enum hook_event e, const struct log_field *fields, size_t n)
{
    struct json_writer w = {.bytes.limit = EVENT_MAX};
    bool wanted = h->command != NULL && (h->events & 1u << e) != 0 && !atomic_load(&h->stopped);
    if (!wanted) /* the owner alone changes these */
        return;
    audit_object(&w, names[e], fields, n);
    uv_mutex_lock(&h->lock);
    if (w.failed) {
        h->dropped++;
        h->counts.dropped++;
    } else {
        keep(h, &w.bytes);
    }
    uv_mutex_unlock(&h->lock);
    buf_free(&w.bytes);
}

struct hooks_counts hooks_counts(struct hooks *h)
{
    uv_mutex_lock(&h->lock);
    struct hooks_counts c = h->counts;
    c.waiting = h->n_waiting;
    uv_mutex_unlock(&h->lock);
    return c;
}
