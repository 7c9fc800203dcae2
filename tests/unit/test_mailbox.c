/* Mailboxes: order, waking, discarding, and closing in the middle, with real threads. */
#include "core/net/mailbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define SENDERS 3
#define LETTERS 20000

struct letter {
    struct mail mail;
    int sender, number;
};

static struct letter *letter_of(struct mail *m)
{
    return list_entry(m, struct letter, mail);
}

/* An owner that checks order; only looked at from its loop's thread. */
struct reader {
    struct loop *loop;
    struct mailbox *box;
    int next[SENDERS], received, discarded, close_after;
    bool disorder, inside;
};

static void note(struct reader *r, const struct letter *l)
{
    r->disorder = r->disorder || l->number != r->next[l->sender];
    r->next[l->sender] = l->number + 1;
}

static void on_discarded(void *owner, struct mail *m)
{
    struct reader *r = owner;
    note(r, letter_of(m));
    r->discarded++;
}

static void on_letter(void *owner, struct mail *m)
{
    struct reader *r = owner;
    r->disorder = r->disorder || r->inside;
    r->inside = true;
    note(r, letter_of(m));
    if (++r->received == r->close_after)
        mailbox_free(r->box, on_discarded);
    r->inside = false;
}

static void open_box(struct reader *r, int close_after)
{
    *r = (struct reader){.loop = loop_new(), .close_after = close_after};
    assert_non_null(r->loop);
    r->box = mailbox_new(r->loop, on_letter, r);
    assert_non_null(r->box);
}

static struct letter *write_letters(int sender, int n)
{
    struct letter *all = calloc((size_t)n, sizeof *all);
    assert_non_null(all);
    for (int i = 0; i < n; i++)
        all[i] = (struct letter){.sender = sender, .number = i};
    return all;
}

struct sender {
    struct mailbox *box;
    struct letter *letters;
};

static void send_all(void *ctx)
{
    struct sender *s = ctx;
    for (int i = 0; i < LETTERS; i++)
        mailbox_post(s->box, &s->letters[i].mail);
}

/* The box is closed inside the very last message, while its sender may still be in mailbox_post. */
static void test_many_senders(void **state)
{
    struct reader r;
    struct sender senders[SENDERS];
    uv_thread_t threads[SENDERS];
    (void)state;
    open_box(&r, SENDERS * LETTERS);
    for (int i = 0; i < SENDERS; i++) {
        senders[i] = (struct sender){.box = r.box, .letters = write_letters(i, LETTERS)};
        assert_int_equal(uv_thread_create(&threads[i], send_all, &senders[i]), 0);
    }
    loop_run(r.loop);
    for (int i = 0; i < SENDERS; i++) {
        uv_thread_join(&threads[i]);
        free(senders[i].letters);
        assert_int_equal(r.next[i], LETTERS);
    }
    assert_false(r.disorder);
    assert_int_equal(r.received, SENDERS * LETTERS);
    assert_int_equal(r.discarded, 0);
    loop_free(r.loop);
}

/* ---- back and forth ---- */

struct player {
    struct loop *loop;
    struct mailbox *box, *other;
    int hits, left;
};

static void on_ball(void *owner, struct mail *m)
{
    struct player *p = owner;
    p->hits++;
    if (--letter_of(m)->number >= 0)
        mailbox_post(p->other, m);
    if (--p->left == 0)
        mailbox_free(p->box, NULL);
}

static void play(void *ctx)
{
    loop_run(((struct player *)ctx)->loop);
}

static void test_back_and_forth(void **state)
{
    struct player a = {.loop = loop_new(), .left = LETTERS};
    struct player b = {.loop = loop_new(), .left = LETTERS};
    struct letter ball = {.number = 2 * LETTERS - 1};
    uv_thread_t thread;
    (void)state;
    a.box = b.other = mailbox_new(a.loop, on_ball, &a);
    b.box = a.other = mailbox_new(b.loop, on_ball, &b);
    assert_int_equal(uv_thread_create(&thread, play, &b), 0);
    mailbox_post(a.box, &ball.mail);
    loop_run(a.loop);
    uv_thread_join(&thread);
    assert_int_equal(a.hits, LETTERS);
    assert_int_equal(b.hits, LETTERS);
    assert_int_equal(ball.number, -1);
    loop_free(a.loop);
    loop_free(b.loop);
}

/* ---- the end ---- */

static void test_discard(void **state)
{
    struct reader r;
    struct letter *letters = write_letters(0, 10);
    (void)state;
    open_box(&r, 0);
    for (int i = 0; i < 10; i++)
        mailbox_post(r.box, &letters[i].mail);
    mailbox_free(r.box, on_discarded);
    loop_run(r.loop);
    assert_int_equal(r.received, 0);
    assert_int_equal(r.discarded, 10);
    assert_false(r.disorder);
    loop_free(r.loop);
    free(letters);
    mailbox_free(NULL, on_discarded);
}

static void test_closed_by_a_message(void **state)
{
    struct reader r;
    struct letter *letters = write_letters(0, 10);
    (void)state;
    open_box(&r, 4);
    for (int i = 0; i < 10; i++)
        mailbox_post(r.box, &letters[i].mail);
    loop_run(r.loop);
    assert_int_equal(r.received, 4);
    assert_int_equal(r.discarded, 6);
    assert_false(r.disorder);
    loop_free(r.loop);
    free(letters);
}

/* ---- from the loop's own thread ---- */

struct echo {
    struct loop *loop;
    struct mailbox *box;
    int received, turns_seen, turns;
    uv_check_t check;
};

static void on_turn(uv_check_t *check)
{
    ((struct echo *)check->data)->turns++;
}

static void on_echo(void *owner, struct mail *m)
{
    struct echo *e = owner;
    if (e->received > 0 && e->turns == e->turns_seen)
        e->turns_seen = -1; /* twice in one turn */
    else if (e->turns_seen >= 0)
        e->turns_seen = e->turns;
    if (++e->received < 5) {
        mailbox_post(e->box, m);
        return;
    }
    mailbox_free(e->box, NULL);
    uv_close((uv_handle_t *)&e->check, NULL);
}

/* Posting to oneself does not keep the loop from anything else. */
static void test_own_messages_wait_a_turn(void **state)
{
    struct echo e = {.loop = loop_new()};
    struct letter letter = {.number = 0};
    (void)state;
    uv_check_init(loop_uv(e.loop), &e.check);
    e.check.data = &e;
    uv_check_start(&e.check, on_turn);
    e.box = mailbox_new(e.loop, on_echo, &e);
    mailbox_post(e.box, &letter.mail);
    loop_run(e.loop);
    assert_int_equal(e.received, 5);
    assert_true(e.turns_seen >= 0);
    loop_free(e.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_senders),
        cmocka_unit_test(test_back_and_forth),
        cmocka_unit_test(test_discard),
        cmocka_unit_test(test_closed_by_a_message),
        cmocka_unit_test(test_own_messages_wait_a_turn),
    };
    alarm(60); /* a message that never comes must not hang the run */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
