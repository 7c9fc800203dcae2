/* What brings the dashboard its snapshots: when it asks, and what it makes of losses. */
#include "tests/support/clock.h"

/* Pauses are seconds, and no answer takes more than some turns. */
#define EACH_TURN() (now_ms += 20, fire_timers())
#include "tests/unit/admin_client_help.h"

#include "tui/watch.h"

#define SNAPSHOT(schema)                                                                           \
    "{\"schema\":" schema ",\"program\":\"tunnel-gateway\",\"role\":\"source\"}"
#define TAKEN OK "Content-Length: 55" CRLF CRLF SNAPSHOT("1")
#define OTHER OK "Content-Length: 55" CRLF CRLF SNAPSHOT("9")
#define BUSY "HTTP/1.1 503 Busy" CRLF "Content-Length: 5" CRLF CRLF "busy\n"

static struct {
    struct ui ui;
    struct model model;
    struct watch *watch;
    int taken, lost, unreached, refused, misread;
    int status;
    enum err why;
    uint64_t pause; /* ms between the last loss and the next try */
    bool ends;      /* with the next snapshot */
} seen;

static bool on_taken(void *owner)
{
    assert_ptr_equal(owner, &seen);
    seen.taken++;
    return !seen.ends;
}

static void on_lost(void *owner)
{
    assert_ptr_equal(owner, &seen);
    assert_int_equal(seen.model.link, MODEL_LOST);
    seen.lost++;
    seen.pause = (uint64_t)(seen.model.retry_at * 1000 + 0.5) - now_ms;
}

static void on_unreached(void *owner, enum err why, const char *text)
{
    assert_ptr_equal(owner, &seen);
    assert_true(text[0] != '\0');
    seen.unreached++;
    seen.why = why;
}

static void on_refused(void *owner, int status, struct span body)
{
    assert_ptr_equal(owner, &seen);
    assert_true(span_is(body, "busy\n"));
    seen.refused++;
    seen.status = status;
}

static void on_misread(void *owner, enum err why, const char *problem)
{
    assert_ptr_equal(owner, &seen);
    assert_true(problem[0] != '\0');
    seen.misread++;
    seen.why = why;
}

static void begin(const char *const *answers)
{
    static const struct watch_events events = {.taken = on_taken,
                                               .lost = on_lost,
                                               .unreached = on_unreached,
                                               .refused = on_refused,
                                               .misread = on_misread};
    memset(&seen, 0, sizeof seen);
    now_ms = 1000;
    serve(answers);
    ui_init(&seen.ui);
    model_init(&seen.model, in_dir("s"));
    seen.watch = watch_new(loop, in_dir("s"), &seen.ui, &seen.model, &events, &seen);
    assert_non_null(seen.watch);
}

static void end(void)
{
    watch_free(seen.watch);
    model_free(&seen.model);
    stop_serving();
}

static int requests(void)
{
    int n = 0;
    for (const char *p = server.requests; (p = strchr(p, '\n')) != NULL; p++)
        n++;
    return n;
}

/* Lets this time pass, in which something may come or not. */
static void spend(uint64_t ms)
{
    for (uint64_t until = now_ms + ms; now_ms < until;) {
        uv_run(loop_uv(loop), UV_RUN_NOWAIT);
        EACH_TURN();
    }
}

/* ---- tests ---- */

static void asks_as_often_as_is_wanted(void **state)
{
    (void)state;
    begin(ANSWERS(TAKEN, TAKEN, TAKEN));
    watch_look(seen.watch);
    UNTIL(seen.taken == 1);
    uint64_t first = now_ms;
    assert_memory_equal(server.requests, "GET /v1/snapshot", 16);
    assert_int_equal(seen.model.link, MODEL_LIVE);
    seen.ui.refresh = 3;
    watch_look(seen.watch);
    UNTIL(seen.taken == 2);
    assert_true(now_ms - first < 1000);
    UNTIL(seen.taken == 3);
    assert_true(now_ms - first >= 3000);
    assert_int_equal(server.accepted, 1);
    end();
}

/* While an answer is awaited, one more look is kept, however often it is asked for. */
static void looks_once_more(void **state)
{
    (void)state;
    begin(ANSWERS(TAKEN, TAKEN, TAKEN));
    seen.ui.refresh = 60;
    watch_look(seen.watch);
    watch_look(seen.watch);
    watch_look(seen.watch);
    UNTIL(seen.taken == 2);
    spend(1000);
    assert_int_equal(requests(), 2);
    end();
}

static void ends_when_it_is_told(void **state)
{
    (void)state;
    begin(ANSWERS(TAKEN, TAKEN));
    seen.ends = true;
    seen.ui.refresh = 60;
    watch_look(seen.watch);
    watch_look(seen.watch);
    UNTIL(seen.taken == 1);
    spend(1000);
    assert_int_equal(requests(), 1);
    end();
}

static void before_the_first_nothing_is_tried_again(void **state)
{
    (void)state;
    begin(ANSWERS(BUSY, TAKEN));
    seen.ui.refresh = 60;
    watch_look(seen.watch);
    UNTIL(seen.refused == 1);
    assert_int_equal(seen.status, 503);
    spend(10000);
    assert_int_equal(requests(), 1);
    end();

    begin(ANSWERS(TWO, TAKEN));
    seen.ui.refresh = 60;
    watch_look(seen.watch);
    UNTIL(seen.misread == 1);
    spend(10000);
    assert_int_equal(requests(), 1);
    end();

    begin(ANSWERS(TAKEN));
    seen.ui.refresh = 60;
    stop_serving();
    watch_look(seen.watch);
    UNTIL(seen.unreached == 1);
    spend(10000);
    assert_int_equal(seen.unreached, 1);
    assert_int_equal(seen.lost + seen.taken, 0);
    end();
}

static void comes_back(void **state)
{
    static const uint64_t pauses[] = {500, 1000, 2000, 4000, 5000, 5000};
    (void)state;
    begin(ANSWERS(TAKEN, BUSY, TWO, BUSY, BUSY, BUSY, BUSY, TAKEN, BUSY));
    watch_look(seen.watch);
    UNTIL(seen.taken == 1);
    watch_look(seen.watch);
    for (int i = 0; i < 6; i++) {
        UNTIL(seen.lost == i + 1);
        assert_int_equal(seen.pause, pauses[i]);
        assert_non_null(strstr(seen.model.problem, i == 1 ? "cannot be read" : "503"));
    }
    uint64_t last = now_ms;
    UNTIL(seen.taken == 2);
    assert_true(now_ms - last >= 5000);
    assert_int_equal(seen.model.link, MODEL_LIVE);
    UNTIL(seen.lost == 7);
    assert_int_equal(seen.pause, 500);
    assert_int_equal(seen.unreached + seen.refused + seen.misread, 0);
    end();
}

/* A program of another version in the place of the one before: no try will mend that. */
static void another_version_ends_it(void **state)
{
    (void)state;
    begin(ANSWERS(TAKEN, OTHER, TAKEN));
    watch_look(seen.watch);
    UNTIL(seen.taken == 1);
    UNTIL(seen.misread == 1);
    assert_int_equal(seen.why, ERR_UNSUPPORTED);
    assert_int_equal(seen.lost, 0);
    end();
}

static void a_pause_is_no_loss(void **state)
{
    (void)state;
    begin(ANSWERS(TAKEN, TAKEN));
    seen.ui.refresh = 60;
    watch_look(seen.watch);
    UNTIL(seen.taken == 1);
    watch_pause(seen.watch);
    spend(5000);
    watch_look(seen.watch);
    UNTIL(seen.taken == 2);
    assert_int_equal(seen.lost, 0);
    assert_int_equal(server.accepted, 2);
    end();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, dir_begin, dir_end)
    const struct CMUnitTest tests[] = {
        TEST(asks_as_often_as_is_wanted),
        TEST(looks_once_more),
        TEST(ends_when_it_is_told),
        TEST(before_the_first_nothing_is_tried_again),
        TEST(comes_back),
        TEST(another_version_ends_it),
        TEST(a_pause_is_no_loss),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
