#include "tests/support/net.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- deferred work ---- */

static char ran[64];

struct task {
    struct deferred deferred;
    char letter;
    struct task *defers, *cancels;
};

static void on_task(void *owner)
{
    struct task *t = owner;
    size_t n = strlen(ran);
    assert_true(n + 1 < sizeof ran);
    ran[n] = t->letter;
    ran[n + 1] = '\0';
    if (t->defers != NULL)
        loop_defer(loop, &t->defers->deferred);
    if (t->cancels != NULL)
        loop_cancel(&t->cancels->deferred);
}

static void make_tasks(struct task *tasks, int n)
{
    ran[0] = '\0';
    for (int i = 0; i < n; i++) {
        tasks[i] = (struct task){.letter = (char)('a' + i)};
        deferred_init(&tasks[i].deferred, on_task, &tasks[i]);
    }
}

static void deferred_runs_in_order_and_once(void **state)
{
    struct task t[4];
    (void)state;
    make_tasks(t, 4);
    loop_defer(loop, &t[2].deferred);
    loop_defer(loop, &t[0].deferred);
    loop_defer(loop, &t[2].deferred); /* keeps its place */
    loop_defer(loop, &t[1].deferred);
    assert_string_equal(ran, ""); /* never from inside */
    uv_run(loop_uv(loop), UV_RUN_NOWAIT);
    assert_string_equal(ran, "cab");
    pass(5);
    assert_string_equal(ran, "cab");
    loop_defer(loop, &t[2].deferred); /* again, once it has run */
    UNTIL(strlen(ran) == 4);
    assert_string_equal(ran, "cabc");
}

static void deferring_from_deferred_work_is_for_the_next_round(void **state)
{
    struct task t[3];
    (void)state;
    make_tasks(t, 3);
    t[0].defers = &t[2];
    t[2].defers = &t[2]; /* itself: for ever, but one run a round */
    loop_defer(loop, &t[0].deferred);
    loop_defer(loop, &t[1].deferred);
    uv_run(loop_uv(loop), UV_RUN_NOWAIT);
    assert_string_equal(ran, "ab");
    uv_run(loop_uv(loop), UV_RUN_NOWAIT);
    assert_string_equal(ran, "abc");
    uv_run(loop_uv(loop), UV_RUN_NOWAIT);
    assert_string_equal(ran, "abcc");
    t[2].defers = NULL;
    pass(5);
    assert_string_equal(ran, "abccc");
}

static void sockets_get_their_turn_between_deferred_work(void **state)
{
    struct task t[1];
    struct probe p;
    int fd = probe_pair(UNIX_PAIR, &p);
    (void)state;
    make_tasks(t, 1);
    t[0].defers = &t[0];
    p.on_readable = drain;
    stream_read_on(p.stream, true);
    loop_defer(loop, &t[0].deferred);
    say(fd, "x", 1);
    for (int i = 0; i < 5; i++)
        uv_run(loop_uv(loop), UV_RUN_NOWAIT);
    assert_int_equal(p.size, 1);
    loop_cancel(&t[0].deferred);
    probe_close(&p);
    close(fd);
}

static void deferred_work_is_cancelled(void **state)
{
    struct task t[4];
    (void)state;
    make_tasks(t, 4);
    t[1].cancels = &t[2]; /* in the same round, before its turn */
    t[0].cancels = &t[0];
    for (int i = 0; i < 4; i++)
        loop_defer(loop, &t[i].deferred);
    loop_cancel(&t[3].deferred);
    loop_cancel(&t[3].deferred);
    pass(5);
    assert_string_equal(ran, "ab");
    loop_cancel(&t[0].deferred); /* has run: nothing happens */
    loop_defer(loop, &t[2].deferred);
    UNTIL(strlen(ran) == 3);
    assert_string_equal(ran, "abc");
}

static void on_task_then_free(void *owner)
{
    struct task *t = owner;
    on_task(t);
    loop_cancel(&t->deferred);
    free(t);
}

static void deferred_work_may_free_its_owner(void **state)
{
    struct task *t = malloc(sizeof *t);
    (void)state;
    make_tasks(t, 1);
    deferred_init(&t->deferred, on_task_then_free, t);
    loop_defer(loop, &t->deferred);
    pass(5);
    assert_string_equal(ran, "a");
}

/* ---- the loop ---- */

static void loop_ends_when_nothing_is_left(void **state)
{
    struct task t[2];
    struct loop *mine = loop, *own = loop_new();
    (void)state;
    loop = own;
    make_tasks(t, 2);
    t[0].defers = &t[1];
    loop_run(own);
    loop_defer(own, &t[0].deferred); /* deferred work keeps it going until it has run */
    loop_run(own);
    assert_string_equal(ran, "ab");
    loop_defer(own, &t[0].deferred);
    loop_cancel(&t[0].deferred);
    loop_run(own);
    assert_string_equal(ran, "ab");
    loop_free(own);
    loop = mine;
}

static void on_stop(void *owner)
{
    (void)owner;
    loop_stop(loop);
}

static void loop_stops(void **state)
{
    struct timer *t = timer_new(loop, on_stop, NULL);
    (void)state;
    timer_start(t, 1);
    loop_run(loop); /* the watchdog would keep it running */
    timer_start(t, 1);
    loop_run(loop);
    timer_free(t);
}

/* What is closed is let go even when the loop was told to stop too late. */
static void loop_is_freed_after_a_late_stop(void **state)
{
    struct loop *own = loop_new();
    (void)state;
    timer_free(timer_new(own, on_stop, NULL));
    loop_stop(own);
    loop_free(own); /* the leak sanitizer looks */
}

static void blocks_are_recycled(void **state)
{
    enum { N = 70 };
    uint8_t *blocks[N], *again;
    (void)state;
    for (int i = 0; i < N; i++) {
        blocks[i] = loop_block(loop);
        assert_non_null(blocks[i]);
        memset(blocks[i], i, LOOP_BLOCK);
    }
    for (int i = 0; i < N; i++)
        assert_int_equal(blocks[i][LOOP_BLOCK - 1], i);
    for (int i = 0; i < N; i++)
        loop_unblock(loop, blocks[i]); /* more than are kept */
    loop_unblock(loop, NULL);
    again = loop_block(loop);
    bool known = false;
    for (int i = 0; i < N; i++)
        known = known || blocks[i] == again;
    assert_true(known);
    loop_unblock(loop, again);
}

/* ---- timers ---- */

struct alarm {
    struct timer *timer;
    int fired;
    uint64_t at;
    bool free_it, again;
};

static void on_alarm(void *owner)
{
    struct alarm *a = owner;
    a->fired++;
    a->at = loop_now(loop);
    if (a->again) {
        a->again = false;
        timer_start(a->timer, 1);
    }
    if (a->free_it)
        timer_free(a->timer);
}

static struct alarm set_alarm(void)
{
    return (struct alarm){.fired = 0};
}

static void timers_fire_once_and_in_order(void **state)
{
    struct alarm a[3] = {set_alarm(), set_alarm(), set_alarm()};
    uint64_t begin = loop_now(loop);
    (void)state;
    for (int i = 0; i < 3; i++) {
        a[i].timer = timer_new(loop, on_alarm, &a[i]);
        timer_start(a[i].timer, (uint64_t)(30 - 10 * i));
    }
    UNTIL(a[0].fired > 0);
    assert_true(a[2].at >= begin + 10);
    assert_true(a[1].at >= begin + 20);
    assert_true(a[0].at >= begin + 30);
    assert_true(a[2].at <= a[1].at && a[1].at <= a[0].at);
    pass(40);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(a[i].fired, 1);
        timer_free(a[i].timer);
    }
}

static void timers_restart_and_stop(void **state)
{
    struct alarm a = set_alarm();
    (void)state;
    a.timer = timer_new(loop, on_alarm, &a);
    timer_stop(a.timer); /* not running */
    timer_start(a.timer, 1);
    timer_start(a.timer, 60000); /* anew */
    pass(10);
    assert_int_equal(a.fired, 0);
    timer_start(a.timer, 0);
    UNTIL(a.fired == 1);
    timer_start(a.timer, 5);
    timer_stop(a.timer);
    pass(10);
    assert_int_equal(a.fired, 1);
    a.again = true; /* from its own callback */
    timer_start(a.timer, 1);
    UNTIL(a.fired == 3);
    timer_start(a.timer, 1);
    timer_free(a.timer); /* running */
    pass(10);
    assert_int_equal(a.fired, 3);
    timer_free(NULL);
}

static void timers_are_freed_in_their_callback(void **state)
{
    struct alarm a = set_alarm();
    (void)state;
    a.free_it = true;
    a.timer = timer_new(loop, on_alarm, &a);
    timer_start(a.timer, 0);
    UNTIL(a.fired == 1);
    pass(5);
}

static void on_late(void *owner)
{
    *(uint64_t *)owner = uv_hrtime();
}

/* As after a handshake's arithmetic. */
static void work_then_start(void *owner)
{
    uv_sleep(60);
    timer_start(owner, 50);
}

static void timers_count_from_their_start_after_long_work(void **state)
{
    uint64_t fired = 0;
    struct timer *t = timer_new(loop, on_late, &fired);
    struct deferred work;
    (void)state;
    deferred_init(&work, work_then_start, t);
    loop_defer(loop, &work);
    uint64_t begin = uv_hrtime();
    UNTIL(fired != 0);
    assert_true(fired - begin >= 109 * 1000000ull); /* the loop's clock has whole milliseconds */
    timer_free(t);
}

struct silence {
    struct alarm alarm;
    struct probe peer;
    size_t heard; /* when the timer fired */
};

static void on_silence(void *owner)
{
    struct silence *s = owner;
    on_alarm(&s->alarm);
    s->heard = s->peer.size;
}

/* As when the process was stopped for so long. */
static void after_a_pause_what_has_come_is_read_before_timers_fire(void **state)
{
    struct silence s = {.heard = 0};
    struct alarm next = set_alarm();
    int fd = probe_pair(UNIX_PAIR, &s.peer);
    (void)state;
    s.peer.on_readable = drain;
    stream_read_on(s.peer.stream, true);
    s.alarm.timer = timer_new(loop, on_silence, &s);
    next.timer = timer_new(loop, on_alarm, &next);
    timer_start(s.alarm.timer, 20);
    timer_start(next.timer, 300); /* which is not that late */
    say(fd, "x", 1);
    uv_sleep(400);
    UNTIL(next.fired > 0);
    assert_int_equal(s.alarm.fired, 1); /* before the next one */
    assert_int_equal(s.heard, 1);
    timer_start(s.alarm.timer, 20); /* again: no timer is excused for good */
    say(fd, "yz", 2);
    uv_sleep(400);
    UNTIL(s.alarm.fired == 2);
    assert_int_equal(s.heard, 3);
    timer_free(s.alarm.timer);
    timer_free(next.timer);
    probe_close(&s.peer);
    close(fd);
}

/* ---- the end of a program ---- */

static int never[2]; /* a pipe that nobody writes to: stands for a resolver that does not answer */

static void resolver(uv_work_t *work)
{
    char c;
    (void)work;
    (void)!read(never[0], &c, 1);
}

static void resolved(uv_work_t *work, int status)
{
    (void)work, (void)status;
}

static int leaves_with(bool resolving)
{
    int status = 0;
    assert_int_equal(pipe(never), 0);
    pid_t child = fork();
    if (child == 0) {
        static uv_work_t work;
        struct loop *l = loop_new();
        alarm(60); /* should it hang */
        if (resolving)
            uv_queue_work(loop_uv(l), &work, resolver, resolved);
        loop_block_signals();
        loop_leave(l);
        raise(SIGTERM);
        loop_exit(7);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    close(never[0]);
    close(never[1]);
    return status;
}

static void nobody_waits_for_a_resolver_at_the_end(void **state)
{
    (void)state;
    for (int resolving = 0; resolving < 2; resolving++) {
        int status = leaves_with(resolving != 0);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 7);
    }
}

/* Blocks have a limit, which counts those that are lent, wherever they came from. */
static void blocks_have_a_limit(void **state)
{
    enum { MOST = 8 };
    uint8_t *blocks[MOST];
    struct loop *other = loop_new();
    (void)state;
    assert_false(loop_blocks_short(loop));
    loop_limit_blocks(loop, MOST * LOOP_BLOCK);
    for (int i = 0; i < MOST; i++) {
        assert_int_equal(loop_blocks_short(loop), i >= MOST * 3 / 4);
        blocks[i] = loop_block(loop);
        assert_non_null(blocks[i]);
    }
    assert_null(loop_block(loop));
    loop_unblock(loop, blocks[0]);
    blocks[0] = loop_block(loop);
    assert_non_null(blocks[0]);
    loop_block_moved(loop, other); /* with its owner */
    loop_unblock(other, blocks[0]);
    blocks[0] = loop_block(loop);
    assert_non_null(blocks[0]);
    assert_null(loop_block(loop));
    for (int i = 0; i < MOST; i++)
        loop_unblock(loop, blocks[i]);
    assert_false(loop_blocks_short(loop));
    loop_free(other);
}

#define NET_TEST(f) cmocka_unit_test_setup_teardown(f, loop_begin, loop_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        NET_TEST(deferred_runs_in_order_and_once),
        NET_TEST(deferring_from_deferred_work_is_for_the_next_round),
        NET_TEST(sockets_get_their_turn_between_deferred_work),
        NET_TEST(deferred_work_is_cancelled),
        NET_TEST(deferred_work_may_free_its_owner),
        NET_TEST(loop_ends_when_nothing_is_left),
        NET_TEST(loop_stops),
        NET_TEST(loop_is_freed_after_a_late_stop),
        NET_TEST(blocks_are_recycled),
        NET_TEST(blocks_have_a_limit),
        NET_TEST(timers_fire_once_and_in_order),
        NET_TEST(timers_restart_and_stop),
        NET_TEST(timers_are_freed_in_their_callback),
        NET_TEST(timers_count_from_their_start_after_long_work),
        NET_TEST(after_a_pause_what_has_come_is_read_before_timers_fire),
        cmocka_unit_test(nobody_waits_for_a_resolver_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
