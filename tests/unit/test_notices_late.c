/* Notices over a registry that answers later, and of which not every event comes here: the tunnels
 * of a device that has come are read meanwhile. */
#include "tests/unit/notices_help.h"

void __real_registry_page(struct registry *r, const struct registry_page *q, void *ctx);

static bool holding;
static struct {
    struct registry_page page;
    char thing[32];
    void *ctx;
} held;

void __wrap_registry_page(struct registry *r, const struct registry_page *q, void *ctx)
{
    if (!holding) {
        __real_registry_page(r, q, ctx);
        return;
    }
    held.page = *q;
    snprintf(held.thing, sizeof held.thing, "%s", q->thing);
    held.page.thing = held.thing;
    held.ctx = ctx;
}

static void release(void)
{
    holding = false;
    assert_non_null(held.ctx);
    __real_registry_page(registry, &held.page, held.ctx);
    held.ctx = NULL;
}

static const char *open_one(int64_t idle_ms)
{
    static struct answer opened;
    struct tunnel_record r = make_record("key1");
    r.idle_ms = idle_ms;
    opened = (struct answer){0};
    registry_open(registry, &r, new_tokens(), 0, on_done, &opened);
    assert_int_equal(wait_for(&opened), ERR_OK);
    return opened.id;
}

/* What waits is delivered then; what comes meanwhile is delivered at once, and not again. */
static void delivered_when_they_are_read(void **state)
{
    struct wire w = {0};
    struct heard h = {0};
    (void)state;
    const char *id = open_one(0);
    holding = true;
    arrive_with("plant7", &w, NULL);
    assert_int_equal(w.delivered, 0);
    ask(&h, "plant7", "another", 30000);
    assert_int_equal(w.delivered, 1);
    assert_string_equal(w.at[0].tunnel, "another");
    release();
    assert_int_equal(w.delivered, 2);
    assert_string_equal(w.at[1].tunnel, id);
}

static void gone_before_they_are_read(void **state)
{
    struct wire first = {0}, second = {0};
    (void)state;
    open_one(0);
    holding = true;
    arrive_with("plant7", &first, NULL);
    leave("plant7", &first);
    release();
    assert_int_equal(first.delivered, 0);
    holding = true;
    arrive_with("plant7", &first, NULL);
    holding = false;
    arrive_with("plant7", &second, NULL); /* takes its place */
    assert_int_equal(second.delivered, 1);
    release();
    assert_int_equal(first.delivered, 0);
    assert_int_equal(second.delivered, 1);
}

/* A tunnel on demand that is opened meanwhile is being asked for: its token stays. */
static void opened_meanwhile(void **state)
{
    struct wire w = {0};
    (void)state;
    const char *before = open_one(600000);
    char id[64];
    snprintf(id, sizeof id, "%s", before);
    holding = true;
    arrive_with("plant7", &w, NULL);
    open_one(600000);
    release();
    UNTIL(loop, w.delivered > 0);
    assert_string_equal(w.at[0].tunnel, id); /* the one that it has lost gets a new token */
    assert_int_equal(n_rotated[SIDE_DESTINATION], 1);
    pass(1000);
    assert_int_equal(w.delivered, 1);
}

/* Those that ended where nobody told this hub do not count when the device has come again. */
static void ended_elsewhere(void **state)
{
    struct wire w = {0};
    struct heard h = {0}, again = {0};
    static char ids[NOTICE_TUNNELS_PER_KEY][64];
    (void)state;
    arrive_with("plant7", &w, NULL);
    for (int i = 0; i < NOTICE_TUNNELS_PER_KEY; i++)
        snprintf(ids[i], sizeof ids[i], "%s", open_one(600000));
    ask_as(&h, "key1", "plant7", "one more", 30000);
    assert_int_equal(h.result, NOTICE_CROWDED);
    struct list away;
    list_init(&away); /* nobody hears the events */
    while (!list_empty(&registry->subscribers))
        list_append(&away, registry->subscribers.next);
    for (int i = 0; i < NOTICE_TUNNELS_PER_KEY; i++)
        assert_int_equal(close_tunnel(ids[i], false), ERR_OK);
    while (!list_empty(&away))
        list_append(&registry->subscribers, away.next);
    ask_as(&h, "key1", "plant7", "one more", 30000);
    assert_int_equal(h.calls, 2);
    arrive_with("plant7", &w, NULL);
    ask_as(&again, "key1", "plant7", "one more", 30000);
    assert_int_equal(again.calls, 0);
}

static void ends_while_they_are_read(void **state)
{
    struct wire w = {0};
    (void)state;
    open_one(600000);
    holding = true;
    arrive_with("plant7", &w, NULL);
    notices_begin(); /* ends those that there were */
    release();
    assert_int_equal(w.delivered, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        NOTICES_TEST(delivered_when_they_are_read),
        NOTICES_TEST(gone_before_they_are_read),
        NOTICES_TEST(opened_meanwhile),
        NOTICES_TEST(ended_elsewhere),
        NOTICES_TEST(ends_while_they_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
