#include "tests/unit/registry_help.h"

struct loop *loop;

struct registry *registry;

struct registry_options options;

/* ---- time ---- */

int64_t clock_ms;

static int64_t now(void)
{
    return clock_ms;
}

/* ---- events ---- */

int n_ended, n_rotated[SIDE_COUNT];

char ended_id[64], ended_why[64];

static void on_ended(void *owner, const struct tunnel_record *t, const char *why)
{
    assert_ptr_equal(owner, &options);
    assert_int_not_equal(t->closed, 0);
    n_ended++;
    snprintf(ended_id, sizeof ended_id, "%s", t->id);
    snprintf(ended_why, sizeof ended_why, "%s", why);
}

static void on_rotated(void *owner, const struct tunnel_record *t, enum side side,
                       const char *token)
{
    assert_non_null(token);
    assert_ptr_equal(owner, &options);
    assert_int_equal(t->closed, 0);
    n_rotated[side]++;
}

const struct registry_events events = {.ended = on_ended, .rotated = on_rotated};

struct registry_subscriber subscriber = {.events = &events, .owner = &options};

/* ---- from the beginning to the end ---- */

void open_registry(void)
{
    char text[512] = "";
    enum err why;
    registry = registry_new(&options, &why, text, sizeof text);
    if (registry == NULL)
        fail_msg("%s: %s", err_name(why), text);
    registry_subscribe(registry, &subscriber);
}

void close_registry(void)
{
    registry_free(registry);
    registry = NULL;
}

void reopen(void)
{
    close_registry();
    open_registry();
}

int setup(void **state)
{
    (void)state;
    log_setup(LOG_OFF, false);
    make_folder();
    loop = loop_new();
    clock_ms = 1700000000000;
    n_ended = n_rotated[0] = n_rotated[1] = 0;
    options = (struct registry_options){.loop = loop, .folder = folder, .now = now};
    open_registry();
    return loop == NULL;
}

int teardown(void **state)
{
    (void)state;
    close_registry();
    loop_free(loop);
    remove_folder();
    return 0;
}

/* ---- asking ---- */

void on_done(void *ctx, enum err why, const struct tunnel_record *t)
{
    struct answer *a = ctx;
    a->calls++;
    a->why = why;
    snprintf(a->id, sizeof a->id, "%s", t != NULL ? t->id : "");
}

enum err wait_for(struct answer *a)
{
    UNTIL(loop, a->calls > 0);
    assert_int_equal(a->calls, 1);
    assert_true(a->why == ERR_OK || a->id[0] == '\0');
    return a->why;
}

struct tunnel_record make_record(const char *key_id)
{
    struct tunnel_record r = {.key_id = strdup(key_id),
                              .thing = strdup("plant7"),
                              .description = strdup("a line"),
                              .lifetime_minutes = 60};
    assert_true(texts_add(&r.services, span_of("SSH1")));
    assert_true(tags_set(&r.tags, span_of("site"), span_of("north")));
    return r;
}

const char *const *new_tokens(void)
{
    static char text[64][SIDE_COUNT][32];
    static const char *all[64][SIDE_COUNT];
    static int n;
    int at = ++n % 64;
    for (int side = 0; side < SIDE_COUNT; side++) {
        snprintf(text[at][side], sizeof text[at][side], "%s %d", side_name((enum side)side), n);
        all[at][side] = text[at][side];
    }
    return all[at];
}

void ask_open(struct answer *a, const char *key_id, size_t max_open)
{
    struct tunnel_record r = make_record(key_id);
    *a = (struct answer){0};
    registry_open(registry, &r, new_tokens(), max_open, on_done, a);
    assert_null(r.id);
    assert_null(r.key_id);
}

const char *open_tunnel(void)
{
    static struct answer all[4];
    static int at;
    struct answer *a = &all[at++ % 4];
    ask_open(a, "AKID", 0);
    assert_int_equal(a->calls, 0);
    assert_int_equal(wait_for(a), ERR_OK);
    return a->id;
}

enum err close_tunnel(const char *id, bool remove)
{
    struct answer a = {0};
    registry_close(registry, id, remove, on_done, &a);
    return wait_for(&a);
}

enum err rotate(const char *id, const char *source, const char *destination)
{
    struct answer a = {0};
    registry_rotate(registry, id, TOKENS(source, destination), on_done, &a);
    return wait_for(&a);
}

const struct tunnel_record *get(const char *id)
{
    const struct tunnel_record *t = registry_find(registry, span_of(id));
    assert_non_null(t);
    assert_string_equal(t->id, id);
    return t;
}

size_t count_all(void)
{
    size_t n = 0;
    int64_t last = INT64_MAX;
    for (const struct tunnel_record *t = NULL; (t = registry_older(registry, t)) != NULL; n++) {
        assert_true(t->number < last);
        last = t->number;
    }
    return n;
}

/* ---- changing ---- */

enum err tag(const char *id, const struct tags *add, const struct texts *remove)
{
    struct answer a = {0};
    registry_tag(registry, id, &(struct tag_change){.add = add, .remove = remove}, on_done, &a);
    return wait_for(&a);
}

void fat_tags(struct tags *t, int n)
{
    char key[16], value[257];
    memset(value, 'v', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    for (int i = 0; i < n; i++) {
        snprintf(key, sizeof key, "fat%d", i);
        assert_true(tags_set(t, span_of(key), span_of(value)));
    }
}
