/* The life of access tokens: who is let in, and who is told what. */
#include "late_registry.h"
#include "tests/support/registry.h"

#define CLIENT_1 "11111111111111111111111111111111"
#define CLIENT_2 "22222222222222222222222222222222"

static struct loop *loop;
static struct registry *tunnels;  /* in memory */
static struct registry *registry; /* the same, or late_registry.h before it when TEST_LATE is set */
static bool late;
static struct registry_options options;
static char id[64];
static int64_t clock_ms;

static int64_t now(void)
{
    return clock_ms;
}

static void open_registry(void)
{
    char text[512] = "";
    enum err why;
    tunnels = registry = registry_new(&options, &why, text, sizeof text);
    if (tunnels == NULL)
        fail_msg("%s: %s", err_name(why), text);
    late = getenv("TEST_LATE") != NULL;
    if (late)
        registry = late_registry_new(loop, tunnels);
}

static void close_registry(void)
{
    registry_free(registry);
    registry = NULL;
}

static void reopen(void)
{
    close_registry();
    open_registry();
}

/* ---- tunnels ---- */

static int n_done; /* of what was asked for an open tunnel */

static void on_done(void *ctx, enum err why, const struct tunnel_record *t)
{
    (void)ctx;
    (void)why;
    (void)t;
    n_done++;
}

static void on_opened(void *ctx, enum err why, const struct tunnel_record *t)
{
    assert_int_equal(why, ERR_OK);
    snprintf(id, sizeof id, "%s", t->id);
    *(bool *)ctx = true;
}

static void open_tunnel(const char *thing, const char *source, const char *destination)
{
    struct tunnel_record r = {.thing = strdup(thing), .lifetime_minutes = 60};
    bool opened = false;
    registry_open(registry, &r, TOKENS(source, destination), 0, on_opened, &opened);
    UNTIL(loop, opened);
}

static void ask_rotate(const char *source)
{
    registry_rotate(registry, id, TOKENS(source, NULL), on_done, NULL);
}

static int setup(void **state)
{
    (void)state;
    log_setup(LOG_OFF, false);
    make_folder();
    loop = loop_new();
    clock_ms = 1700000000000;
    options = (struct registry_options){.loop = loop, .folder = folder, .now = now};
    open_registry();
    open_tunnel("plant7", "src", "dst");
    return loop == NULL;
}

static int teardown(void **state)
{
    (void)state;
    close_registry();
    loop_free(loop);
    remove_folder();
    return 0;
}

/* ---- attempts ---- */

struct visit {
    int calls, asked;
    struct admission a;
    const struct admission *denied; /* what is answered when asked */
    bool admitted;
    char tunnel[64];
    int order;
};
static int order;

static void on_admission(void *ctx, struct admission a)
{
    struct visit *v = ctx;
    v->calls++;
    v->a = a;
    v->order = ++order;
    v->admitted = a.tunnel != NULL;
    assert_true(v->admitted || (a.status >= 400 && a.text != NULL));
    snprintf(v->tunnel, sizeof v->tunnel, "%s", a.known != NULL ? a.known->id : "");
}

static const struct admission *on_denies(void *ctx, const struct tunnel_record *t)
{
    struct visit *v = ctx;
    assert_true(late || strcmp(t->id, id) == 0);
    assert_int_equal(v->calls, 0);
    v->asked++;
    return v->denied;
}

/* Only who may come in is asked about, before it is known whether that can be stored. */
static void knock(struct visit *v, enum side side, const char *token, const char *client)
{
    struct admission_request q = {.side = side,
                                  .token = span_of(token),
                                  .client_token = span_of(client),
                                  .denies = on_denies};
    *v = (struct visit){0};
    registry_admit(registry, &q, on_admission, v);
    if (!late)
        assert_int_equal(v->asked, v->calls == 0 || v->admitted);
}

static bool is_admitting(void)
{
    return index_find(&local_of(tunnels)->index, span_of(id))->admitting[SIDE_SOURCE];
}

static void wait_for(struct visit *v)
{
    UNTIL(loop, v->calls > 0);
    assert_int_equal(v->calls, 1);
}

static void is_admitted(struct visit *v)
{
    wait_for(v);
    if (!v->admitted)
        fail_msg("%d %s", v->a.status, v->a.text);
    assert_string_equal(v->tunnel, id);
}

static void is_refused(struct visit *v, int status, const char *words, bool known)
{
    wait_for(v);
    if (v->admitted || v->a.status != status || strstr(v->a.text, words) == NULL)
        fail_msg("%d %s", v->a.status, v->a.text);
    assert_string_equal(v->tunnel, known ? id : "");
}

static void admits(enum side side, const char *token, const char *client)
{
    struct visit v;
    knock(&v, side, token, client);
    is_admitted(&v);
}

static void refuses(enum side side, const char *token, const char *client, int status,
                    const char *words, bool known)
{
    struct visit v;
    knock(&v, side, token, client);
    assert_int_equal(v.calls, !late); /* nothing has to be stored for that */
    is_refused(&v, status, words, known);
}

/* ---- the rules ---- */

static void test_once(void **state)
{
    struct visit v;
    (void)state;
    knock(&v, SIDE_SOURCE, "src", NULL);
    assert_int_equal(v.calls, 0);
    assert_true(late || is_admitting());
    is_admitted(&v);
    assert_false(is_admitting());
    for (int i = 0; i < 2; i++) {
        refuses(SIDE_SOURCE, "src", NULL, 400,
                "Invalid access token: The access token was previously used", true);
        refuses(SIDE_SOURCE, "src", CLIENT_1, 400, "previously used", true);
        reopen();
    }
    admits(SIDE_DESTINATION, "dst", NULL);
}

static void test_client_token(void **state)
{
    struct visit v;
    (void)state;
    admits(SIDE_DESTINATION, "dst", CLIENT_1);
    for (int i = 0; i < 2; i++) {
        knock(&v, SIDE_DESTINATION, "dst", CLIENT_1);
        assert_int_equal(v.calls, !late);
        is_admitted(&v);
        refuses(SIDE_DESTINATION, "dst", CLIENT_2, 400,
                "Invalid client token: The provided client token does not match", true);
        refuses(SIDE_DESTINATION, "dst", NULL, 400, "previously used", true);
        reopen();
    }
}

/* Who is denied uses nothing up; who is refused anyway is not asked about. */
static void test_denied(void **state)
{
    static const struct admission no = {.status = 503, .why = ERR_LIMIT, .text = "not that often"};
    struct admission_request q = {
        .side = SIDE_DESTINATION, .token = span_of("dst"), .denies = on_denies};
    struct visit v = {0};
    (void)state;
    for (int i = 0; i < 40; i++) {
        v = (struct visit){.denied = &no};
        registry_admit(registry, &q, on_admission, &v);
        is_refused(&v, 503, "not that often", true);
        assert_int_equal(v.a.why, ERR_LIMIT);
        assert_int_equal(v.asked, 1);
    }
    q.device_required = true;
    v = (struct visit){.denied = &no};
    registry_admit(registry, &q, on_admission, &v);
    is_refused(&v, 403, "show the device's certificate", true);
    assert_int_equal(v.asked, 0);
    admits(SIDE_DESTINATION, "dst", CLIENT_1);
    q = (struct admission_request){.side = SIDE_DESTINATION,
                                   .token = span_of("dst"),
                                   .client_token = span_of(CLIENT_1),
                                   .denies = on_denies};
    v = (struct visit){.denied = &no};
    registry_admit(registry, &q, on_admission, &v);
    is_refused(&v, 503, "not that often", true);
    admits(SIDE_DESTINATION, "dst", CLIENT_1);
}

/* What is left of its life is told with it. */
static void test_left(void **state)
{
    struct visit v;
    (void)state;
    clock_ms += 600000;
    knock(&v, SIDE_SOURCE, "src", CLIENT_1);
    is_admitted(&v);
    assert_int_equal(v.a.left_ms, 3000000);
    clock_ms += 1000;
    knock(&v, SIDE_SOURCE, "src", CLIENT_1);
    is_admitted(&v);
    assert_int_equal(v.a.left_ms, 2999000);
}

static void test_wrong_tokens(void **state)
{
    (void)state;
    refuses(SIDE_SOURCE, "other", NULL, 403, "no open tunnel has it", false);
    refuses(SIDE_SOURCE, "", NULL, 403, "no open tunnel has it", false);
    refuses(SIDE_SOURCE, "dst", NULL, 403, "it is the destination's, not the source's", true);
    refuses(SIDE_DESTINATION, "src", NULL, 403, "it is the source's, not the destination's", true);
    admits(SIDE_SOURCE, "src", NULL); /* nothing was used by that */
    admits(SIDE_DESTINATION, "dst", NULL);
}

static void test_closed(void **state)
{
    (void)state;
    admits(SIDE_SOURCE, "src", CLIENT_1);
    registry_close(registry, id, false, on_done, NULL);
    UNTIL(loop, n_done > 0 && registry_open_count(registry) == 0);
    refuses(SIDE_SOURCE, "src", CLIENT_1, 403, "closed or has expired", true);
    refuses(SIDE_DESTINATION, "dst", NULL, 403, "closed or has expired", true);
    registry_close(registry, id, true, on_done, NULL);
    UNTIL(loop, registry_find(tunnels, span_of(id)) == NULL);
    refuses(SIDE_SOURCE, "src", CLIENT_1, 403, "no open tunnel has it", false);
}

/* Even before anybody has noticed that it has. */
static void test_expired(void **state)
{
    (void)state;
    admits(SIDE_SOURCE, "src", CLIENT_1);
    clock_ms += 3600000;
    refuses(SIDE_SOURCE, "src", CLIENT_1, 403, "closed or has expired", true);
}

static void test_rotated(void **state)
{
    (void)state;
    admits(SIDE_SOURCE, "src", CLIENT_1);
    int before = n_done;
    ask_rotate("new");
    UNTIL(loop, n_done > before);
    refuses(SIDE_SOURCE, "src", CLIENT_1, 403, "no open tunnel has it", false);
    admits(SIDE_SOURCE, "new", CLIENT_2);
    refuses(SIDE_SOURCE, "new", CLIENT_1, 400, "Invalid client token", true);
}

static void test_device(void **state)
{
    struct admission_request q = {
        .side = SIDE_DESTINATION, .token = span_of("dst"), .device_required = true};
    struct visit v = {0};
    char device[16] = "plant7";
    (void)state;
    registry_admit(registry, &q, on_admission, &v);
    is_refused(&v, 403, "show the device's certificate", true);
    v = (struct visit){0};
    q.device = "plant8";
    registry_admit(registry, &q, on_admission, &v);
    is_refused(&v, 403, "another device's", true);
    v = (struct visit){0};
    q.device = device;
    registry_admit(registry, &q, on_admission, &v);
    memset(device, 0, sizeof device); /* needed in the call only */
    is_admitted(&v);
    v = (struct visit){0};
    q = (struct admission_request){
        .side = SIDE_SOURCE, .token = span_of("src"), .device_required = true};
    registry_admit(registry, &q, on_admission, &v);
    is_admitted(&v);
    open_tunnel("", "src2", "dst2"); /* of no thing */
    v = (struct visit){0};
    q = (struct admission_request){
        .side = SIDE_DESTINATION, .token = span_of("dst2"), .device_required = true};
    registry_admit(registry, &q, on_admission, &v);
    is_admitted(&v);
}

/* ---- devices that need no certificate ---- */

static void (*answer)(void *ctx, bool keyed); /* NULL: nothing is asked */
static void *answer_ctx;
static int n_asked;

static void keyed_later(void *owner, const char *thing, void (*to)(void *ctx, bool keyed),
                        void *ctx)
{
    assert_ptr_equal(owner, &options);
    assert_string_equal(thing, "plant7");
    answer = to;
    answer_ctx = ctx;
    n_asked++;
}

static void keyed_at_once(void *owner, const char *thing, void (*to)(void *ctx, bool keyed),
                          void *ctx)
{
    keyed_later(owner, thing, to, ctx);
    to(ctx, true);
}

static void set_keyed(void (*keyed)(void *owner, const char *thing,
                                    void (*to)(void *ctx, bool keyed), void *ctx))
{
    answer = NULL;
    n_asked = 0;
    options.keyed = keyed;
    options.owner = &options;
    reopen();
}

static void knock_as_device(struct visit *v, const char *token, const char *device)
{
    struct admission_request q = {.side = SIDE_DESTINATION,
                                  .token = span_of(token),
                                  .client_token = span_of(CLIENT_1),
                                  .device = device,
                                  .device_required = true,
                                  .denies = on_denies};
    *v = (struct visit){0};
    registry_admit(registry, &q, on_admission, v);
}

static void test_keyed(void **state)
{
    struct visit v;
    (void)state;
    set_keyed(keyed_later);
    knock_as_device(&v, "dst", "plant8");
    is_refused(&v, 403, "another device's", true);
    knock_as_device(&v, "src", NULL);
    is_refused(&v, 403, "it is the source's", true);
    assert_int_equal(n_asked, 0);
    knock_as_device(&v, "dst", NULL);
    UNTIL(loop, answer != NULL);
    assert_int_equal(v.calls + v.asked, 0); /* by `denies`, only who may come in */
    answer(answer_ctx, false);
    is_refused(&v, 403, "show the device's certificate", true);
    set_keyed(keyed_at_once);
    knock_as_device(&v, "dst", NULL);
    is_admitted(&v);
    knock_as_device(&v, "dst", NULL);
    is_admitted(&v);
    assert_int_equal(n_asked, 2);
}

/* What is decided after the answer is decided by what is there then. */
static void test_keyed_meanwhile(void **state)
{
    struct visit first, second;
    (void)state;
    set_keyed(keyed_later);
    knock_as_device(&first, "dst", NULL);
    UNTIL(loop, answer != NULL);
    int before = n_done;
    registry_rotate(registry, id, TOKENS(NULL, "new"), on_done, NULL);
    UNTIL(loop, n_done > before);
    answer(answer_ctx, true);
    is_refused(&first, 403, "no open tunnel has it", false);
    answer = NULL;
    knock_as_device(&second, "new", NULL);
    UNTIL(loop, answer != NULL);
    registry_close(registry, id, true, on_done, NULL);
    UNTIL(loop, registry_find(tunnels, span_of(id)) == NULL);
    answer(answer_ctx, true);
    is_refused(&second, 403, "no open tunnel has it", false);
}

/* The registry answers before it goes, and the late answer is nobody's. */
static void test_keyed_too_late(void **state)
{
    struct visit v;
    (void)state;
    set_keyed(keyed_later);
    knock_as_device(&v, "dst", NULL);
    UNTIL(loop, answer != NULL);
    close_registry();
    is_refused(&v, 503, "is ending", false);
    answer(answer_ctx, true);
    assert_int_equal(v.calls, 1);
    open_registry();
}

/* ---- at the same time ---- */

static void test_only_one_wins(void **state)
{
    struct visit all[10];
    (void)state;
    for (int i = 0; i < 10; i++)
        knock(&all[i], SIDE_SOURCE, "src", NULL);
    is_admitted(&all[0]);
    for (int i = 1; i < 10; i++) {
        is_refused(&all[i], 400, "previously used", true);
        assert_true(all[i].order > all[0].order);
    }
}

static void test_same_client_twice(void **state)
{
    struct visit all[4];
    (void)state;
    knock(&all[0], SIDE_SOURCE, "src", CLIENT_1);
    knock(&all[1], SIDE_SOURCE, "src", CLIENT_1);
    knock(&all[2], SIDE_SOURCE, "src", CLIENT_2);
    knock(&all[3], SIDE_DESTINATION, "dst", CLIENT_2);
    is_admitted(&all[0]);
    is_admitted(&all[1]);
    is_refused(&all[2], 400, "Invalid client token", true);
    is_admitted(&all[3]);
}

static void test_too_many_wait(void **state)
{
    struct visit all[30];
    int waited = 0;
    (void)state;
    for (int i = 0; i < 30; i++) {
        knock(&all[i], SIDE_SOURCE, "src", CLIENT_1);
        waited += all[i].calls == 0;
    }
    assert_int_equal(waited, late ? 30 : 17);
    is_refused(&all[29], 503, "Too many connections at once", true);
    is_admitted(&all[16]);
    admits(SIDE_SOURCE, "src", CLIENT_1);
}

/* ---- meanwhile ---- */

static void test_closed_meanwhile(void **state)
{
    struct visit before, after, third;
    (void)state;
    registry_close(registry, id, false, on_done, NULL);
    knock(&before, SIDE_SOURCE, "src", CLIENT_1);
    knock(&third, SIDE_SOURCE, "src", CLIENT_1);
    is_refused(&before, 403, "closed or has expired", true);
    is_refused(&third, 403, "closed or has expired", true);
    open_tunnel("plant7", "src2", "dst2");
    knock(&after, SIDE_SOURCE, "src2", CLIENT_1);
    registry_close(registry, id, false, on_done, NULL); /* in the order of the asking */
    is_admitted(&after);
}

static void test_removed_meanwhile(void **state)
{
    struct visit first, second;
    (void)state;
    registry_close(registry, id, true, on_done, NULL);
    knock(&first, SIDE_SOURCE, "src", NULL);
    knock(&second, SIDE_SOURCE, "src", NULL);
    is_refused(&first, 403, "no open tunnel has it", false);
    is_refused(&second, 403, "no open tunnel has it", false);
}

static void test_rotated_meanwhile(void **state)
{
    struct visit first, second;
    (void)state;
    ask_rotate("new");
    knock(&first, SIDE_SOURCE, "src", CLIENT_1);
    knock(&second, SIDE_SOURCE, "src", CLIENT_1);
    is_refused(&first, 403, "no open tunnel has it", true);
    is_refused(&second, 403, "no open tunnel has it", false);
    reopen();
    admits(SIDE_SOURCE, "new", NULL); /* not used by the first one */
}

static void on_new_token(void *ctx, enum err why, const struct tunnel_record *t)
{
    struct visit *visits = ctx;
    on_done(NULL, why, t);
    knock(&visits[0], SIDE_SOURCE, "new", CLIENT_1);
    knock(&visits[1], SIDE_SOURCE, "new", CLIENT_1);
    knock(&visits[2], SIDE_SOURCE, "new", CLIENT_2);
}

/* Who has the new token waits for the use of the old one to be stored, and then for its own. */
static void test_new_token_meanwhile(void **state)
{
    struct visit old, fresh[3] = {{0}}; /* they come when the new token does */
    (void)state;
    registry_rotate(registry, id, TOKENS("new", NULL), on_new_token, fresh);
    knock(&old, SIDE_SOURCE, "src", CLIENT_1);
    is_refused(&old, 403, "no open tunnel has it", true);
    is_admitted(&fresh[0]);
    is_admitted(&fresh[1]);
    is_refused(&fresh[2], 400, "Invalid client token", true);
    reopen();
    admits(SIDE_SOURCE, "new", CLIENT_1);
}

static void test_expired_meanwhile(void **state)
{
    struct visit v;
    (void)state;
    knock(&v, SIDE_SOURCE, "src", CLIENT_1);
    clock_ms += 3600000;
    is_refused(&v, 403, "closed or has expired", true);
}

static void test_not_stored(void **state)
{
    struct visit first, second, third;
    (void)state;
    admits(SIDE_DESTINATION, "dst", CLIENT_1);
    sqlite3 *other = other_program("BEGIN EXCLUSIVE");
    knock(&first, SIDE_SOURCE, "src", CLIENT_1);
    knock(&second, SIDE_SOURCE, "src", CLIENT_1);
    admits(SIDE_DESTINATION, "dst", CLIENT_1); /* was admitted before: needs no store */
    assert_int_equal(first.calls, 0);
    is_refused(&first, 503, "cannot store", true);
    is_refused(&second, 503, "cannot store", true);
    sqlite3_close(other);
    knock(&third, SIDE_SOURCE, "src", CLIENT_2); /* nobody has used it */
    is_admitted(&third);
    reopen();
    refuses(SIDE_SOURCE, "src", CLIENT_1, 400, "Invalid client token", true);
}

static void test_free_answers(void **state)
{
    struct visit first, second, third;
    (void)state;
    knock(&first, SIDE_SOURCE, "src", CLIENT_1);
    uv_run(loop_uv(loop), UV_RUN_NOWAIT);
    knock(&second, SIDE_SOURCE, "src", CLIENT_2);
    knock(&third, SIDE_DESTINATION, "dst", NULL);
    close_registry();
    assert_int_equal(first.calls + second.calls + third.calls, 3);
    assert_true(first.admitted);
    assert_false(second.admitted);
    assert_true(third.admitted);
    open_registry();
    admits(SIDE_SOURCE, "src", CLIENT_1);
    refuses(SIDE_DESTINATION, "dst", NULL, 400, "previously used", true);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_once),
        TEST(test_client_token),
        TEST(test_denied),
        TEST(test_left),
        TEST(test_wrong_tokens),
        TEST(test_closed),
        TEST(test_expired),
        TEST(test_rotated),
        TEST(test_device),
        TEST(test_keyed),
        TEST(test_keyed_meanwhile),
        TEST(test_keyed_too_late),
        TEST(test_only_one_wins),
        TEST(test_same_client_twice),
        TEST(test_too_many_wait),
        TEST(test_closed_meanwhile),
        TEST(test_removed_meanwhile),
        TEST(test_rotated_meanwhile),
        TEST(test_new_token_meanwhile),
        TEST(test_expired_meanwhile),
        TEST(test_not_stored),
        TEST(test_free_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
