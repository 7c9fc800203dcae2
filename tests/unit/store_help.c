#include "tests/unit/store_help.h"

struct loop *loop;

struct store *store;

/* ---- what was read ---- */

struct tunnel_record records[64];

size_t n_records;

static enum err keep(void *owner, struct tunnel_record *r)
{
    (void)owner;
    if (n_records == sizeof records / sizeof *records)
        return ERR_NO_MEMORY;
    records[n_records++] = *r;
    *r = (struct tunnel_record){0};
    return ERR_OK;
}

static void forget_records(void)
{
    while (n_records > 0)
        tunnel_record_free(&records[--n_records]);
}

/* Devices have tests of their own. */
static enum err ignore_device(void *owner, struct device_record *d)
{
    (void)owner, (void)d;
    return ERR_OK;
}

static enum err ignore_invitation(void *owner, struct invitation *i)
{
    (void)owner, (void)i;
    return ERR_OK;
}

struct store *try_open(enum err *why, char *text, size_t size)
{
    static const struct store_reader reader = {
        .tunnel = keep, .device = ignore_device, .invitation = ignore_invitation};
    struct store_options o = {
        .loop = loop, .backend = &database_backend, .folder = folder, .reader = &reader};
    forget_records();
    return store_new(&o, why, text, size);
}

void open_store(void)
{
    char text[512] = "";
    enum err why;
    store = try_open(&why, text, sizeof text);
    if (store == NULL)
        fail_msg("%s: %s", err_name(why), text);
}

void close_store(void)
{
    store_free(store);
    store = NULL;
}

void reopen(void)
{
    close_store();
    open_store();
}

void refuses(enum err expected, const char *words)
{
    char text[512] = "";
    enum err why = ERR_OK;
    struct store *s = try_open(&why, text, sizeof text);
    if (s != NULL)
        store_free(s);
    if (s != NULL || why != expected || strstr(text, words) == NULL)
        fail_msg("%s \"%s\" instead of %s \"...%s...\"", err_name(why), text, err_name(expected),
                 words);
}

int setup(void **state)
{
    (void)state;
    log_setup(LOG_OFF, false);
    make_folder();
    loop = loop_new();
    return loop == NULL;
}

int teardown(void **state)
{
    (void)state;
    close_store();
    forget_records();
    loop_free(loop);
    remove_folder();
    return 0;
}

/* ---- what is asked for ---- */

int order;

void on_done(struct change *c, enum err why)
{
    struct asked *a = (struct asked *)c;
    a->calls++;
    a->why = why;
    a->order = ++order;
}

void ask(struct asked *a, enum change_kind kind, int64_t number, int64_t at)
{
    a->change.kind = kind;
    a->change.number = number;
    a->change.at = at;
    a->change.done = on_done;
    store_ask(store, &a->change);
}

enum err result(struct asked *a)
{
    UNTIL(loop, a->calls > 0);
    assert_int_equal(a->calls, 1);
    return a->why;
}

struct tunnel_record make_record(int64_t number)
{
    struct tunnel_record r = {.number = number,
                              .key_id = strdup("AKID"),
                              .thing = strdup("plant7"),
                              .description = strdup("line\t\xc3\xa9"),
                              .created = 1000,
                              .updated = 1001,
                              .lifetime_minutes = 720,
                              .expires = 43201000};
    char text[64];
    snprintf(text, sizeof text, "id-%lld", (long long)number);
    r.id = strdup(text);
    snprintf(text, sizeof text, "destination %lld", (long long)number);
    token_hash(span_of(r.id), r.sides[SIDE_SOURCE].token);
    token_hash(span_of(text), r.sides[SIDE_DESTINATION].token);
    assert_true(texts_add(&r.services, span_of("SSH1")));
    assert_true(texts_add(&r.services, span_of("HTTP1")));
    assert_true(tags_set(&r.tags, span_of("z"), span_of("last")));
    assert_true(tags_set(&r.tags, span_of("a"), span_of("")));
    return r;
}

void put(int64_t number)
{
    struct tunnel_record r = make_record(number);
    struct asked a = {.change.record = &r};
    ask(&a, CHANGE_OPEN, number, 0);
    assert_int_equal(result(&a), ERR_OK);
    tunnel_record_free(&r);
}
