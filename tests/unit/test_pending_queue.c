/* Whose turn it is at a frontend, and who has to go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/hub/pending_queue.h"

#include <stdlib.h>

#define MAX 8
#define PER_ORIGIN 5
#define PATIENCE 1000
#define ALL 64

struct fixture {
    struct pending_queue *queue;
    struct pending_slot slots[ALL]; /* .origin NULL: outside */
    uint64_t now;
    enum pending_queue_admits room; /* for the last one who came */
};

static int setup(void **state)
{
    struct fixture *f = *state = calloc(1, sizeof *f);
    assert_non_null(f);
    f->queue = pending_queue_new(&(struct pending_queue_options){
        .max = MAX, .per_origin = PER_ORIGIN, .patience_ms = PATIENCE});
    assert_non_null(f->queue);
    f->now = 5000;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < ALL; i++)
        if (f->slots[i].origin != NULL)
            pending_queue_leave(f->queue, &f->slots[i]);
    assert_int_equal(pending_queue_size(f->queue), 0);
    pending_queue_free(f->queue);
    free(f);
    return 0;
}

static struct ip from(uint8_t origin)
{
    return (struct ip){.bytes = {[15] = origin}};
}

/* Guest i comes from there; -1: nobody has to go for it, -2: no room, else who goes. */
static int comes(struct fixture *f, int i, uint8_t origin, bool exempt)
{
    struct pending_slot *victim;
    f->room = pending_queue_admits(f->queue, from(origin), exempt, f->now, &victim);
    if (f->room != PENDING_QUEUE_SPACE)
        return -2;
    if (victim != NULL)
        pending_queue_leave(f->queue, victim);
    assert_true(pending_queue_enter(f->queue, &f->slots[i], from(origin), f->now));
    f->now++;
    return victim != NULL ? (int)(victim - f->slots) : -1;
}

static void expect_next(struct fixture *f, int i)
{
    struct pending_slot *g = pending_queue_next(f->queue);
    if (i < 0) {
        assert_null(g);
        return;
    }
    assert_non_null(g);
    assert_int_equal(g - f->slots, i);
    assert_int_equal(g->state, PENDING_US);
    pending_await_peer(g, f->now);
}

static void fill(struct fixture *f, int first, int n, uint8_t origin)
{
    for (int i = first; i < first + n; i++)
        assert_int_equal(comes(f, i, origin, true), -1);
}

static void wait_all(struct fixture *f, int first, int n, bool known)
{
    for (int i = first; i < first + n; i++)
        pending_await_turn(f->queue, &f->slots[i], known);
}

/* One of a second origin does not wait for all of the first. */
static void test_turns_by_origin(void **state)
{
    struct fixture *f = *state;
    fill(f, 0, 4, 1);
    fill(f, 4, 2, 2);
    wait_all(f, 0, 6, false);
    const int order[] = {0, 4, 1, 5, 2, 3, -1};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        expect_next(f, order[i]);
}

/* Neither lane can hold up the other. */
static void test_turns_of_the_known(void **state)
{
    struct fixture *f = *state;
    fill(f, 0, 6, 1);
    wait_all(f, 0, 3, false);
    wait_all(f, 3, 3, true);
    const int order[] = {0, 3, 1, 4, 2, 5, -1};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        expect_next(f, order[i]);
}

static void test_who_leaves_has_no_turn(void **state)
{
    struct fixture *f = *state;
    fill(f, 0, 3, 1);
    wait_all(f, 0, 3, false);
    pending_queue_leave(f->queue, &f->slots[0]);
    pending_queue_leave(f->queue, &f->slots[2]);
    expect_next(f, 1);
    expect_next(f, -1);
}

/* A flood does not drive out those of its address who have begun; silence does. */
static void test_full_of_one_origin(void **state)
{
    struct fixture *f = *state;
    fill(f, 0, PER_ORIGIN, 1);
    assert_int_equal(comes(f, 10, 1, false), -2);
    assert_int_equal(f->room, PENDING_QUEUE_ORIGIN_FULL);
    pending_await_turn(f->queue, &f->slots[0], false);
    pending_await_us(&f->slots[1]);
    f->now += PATIENCE;
    assert_int_equal(comes(f, 10, 1, false), 2);
    pending_await_peer(&f->slots[3], f->now); /* something came from it */
    assert_int_equal(comes(f, 11, 1, false), 4);
    assert_int_equal(comes(f, 12, 1, false), -2);
    assert_int_equal(f->room, PENDING_QUEUE_ORIGIN_FULL);
    assert_int_equal(comes(f, 13, 2, false), -1);
}

/* An exempt one may have all there is, but not more. */
static void test_exempt(void **state)
{
    struct fixture *f = *state;
    fill(f, 0, MAX, 1);
    assert_int_equal(comes(f, 10, 1, true), -2);
    assert_int_equal(f->room, PENDING_QUEUE_FULL);
    f->now += PATIENCE;
    assert_int_equal(comes(f, 10, 1, true), 0);
}

/* Guest i turns out to be from there; the result is that of comes(). */
static int turns_out(struct fixture *f, int i, uint8_t origin, bool exempt)
{
    struct pending_slot *victim;
    f->room = pending_queue_move(f->queue, &f->slots[i], from(origin), exempt, f->now, &victim);
    if (f->room != PENDING_QUEUE_SPACE)
        return -2;
    if (victim != NULL)
        pending_queue_leave(f->queue, victim);
    f->now++;
    return victim != NULL ? (int)(victim - f->slots) : -1;
}

/* A front's connections become those of their clients. */
static void test_move(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < MAX; i++)
        assert_int_equal(comes(f, i, 9, true), -1);
    for (int i = 0; i < PER_ORIGIN; i++)
        assert_int_equal(turns_out(f, i, 1, false), -1);
    assert_int_equal(turns_out(f, 0, 1, false), -1); /* it is already */
    assert_int_equal(turns_out(f, 5, 1, false), -2);
    assert_int_equal(f->room, PENDING_QUEUE_ORIGIN_FULL);
    assert_int_equal(turns_out(f, 5, 2, false), -1);
    assert_int_equal(turns_out(f, 6, 1, true), -1);
    assert_int_equal(pending_queue_size(f->queue), MAX);
    f->now += PATIENCE;
    assert_int_equal(turns_out(f, 7, 1, false), 0); /* the longest silent has to go */
    assert_int_equal(pending_queue_size(f->queue), MAX - 1);
    wait_all(f, 5, 3, false);
    expect_next(f, 5);
    expect_next(f, 6);
    expect_next(f, 7);
}

/* Whoever has fewer displaces one of those who have most, however fresh. */
static void test_full_of_many(void **state)
{
    struct fixture *f = *state;
    fill(f, 0, 5, 1);
    fill(f, 5, 3, 2);
    assert_int_equal(comes(f, 10, 3, false), 0);
    pending_await_turn(f->queue, &f->slots[1], true);
    pending_await_turn(f->queue, &f->slots[2], false);
    pending_await_turn(f->queue, &f->slots[3], false);
    pending_await_us(&f->slots[4]);
    assert_int_equal(comes(f, 11, 3, false), 3); /* the last who waits and is not known */
    assert_int_equal(comes(f, 12, 3, false), 5); /* as many as origin 1, silent for longest */
}

/* Of origins with one each the longest silence goes; who is asked for stays. */
static void test_full_of_single_ones(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < MAX; i++)
        assert_int_equal(comes(f, i, (uint8_t)(10 + i), false), -1);
    pending_await_us(&f->slots[0]);
    assert_int_equal(comes(f, 20, 1, false), 1);
    assert_int_equal(comes(f, 21, 2, false), 2);
    assert_int_equal(comes(f, 22, 2, false), -2); /* as many as anybody, and no long silence */
    for (int i = 3; i < MAX; i++)
        pending_await_us(&f->slots[i]);
    pending_await_us(&f->slots[20]);
    pending_await_us(&f->slots[21]);
    f->now += PATIENCE;
    assert_int_equal(comes(f, 23, 3, false), -2);
    assert_int_equal(f->room, PENDING_QUEUE_FULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_turns_by_origin, setup, teardown),
        cmocka_unit_test_setup_teardown(test_turns_of_the_known, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_leaves_has_no_turn, setup, teardown),
        cmocka_unit_test_setup_teardown(test_full_of_one_origin, setup, teardown),
        cmocka_unit_test_setup_teardown(test_exempt, setup, teardown),
        cmocka_unit_test_setup_teardown(test_move, setup, teardown),
        cmocka_unit_test_setup_teardown(test_full_of_many, setup, teardown),
        cmocka_unit_test_setup_teardown(test_full_of_single_ones, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
