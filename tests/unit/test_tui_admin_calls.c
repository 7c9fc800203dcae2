/* What the dashboard has its program do: streams ended one by one, and who is let in. */
#include "tests/unit/admin_client_help.h"

#include "tui/admin_calls.h"

#include <inttypes.h>

#define GONE "HTTP/1.1 404 Not Found" CRLF "Content-Length: 5" CRLF CRLF "gone\n"
#define FORBIDDEN "HTTP/1.1 403 Forbidden" CRLF "Content-Length: 9" CRLF CRLF "not\x1b you\n"

static struct {
    struct admin_calls *calls;
    int said, bad, changed;
    char text[200]; /* the last one */
} seen;

static void on_said(void *owner, bool bad, const char *text)
{
    assert_ptr_equal(owner, &seen);
    seen.said++;
    seen.bad += bad;
    snprintf(seen.text, sizeof seen.text, "%s", text);
}

static void on_changed(void *owner)
{
    assert_ptr_equal(owner, &seen);
    seen.changed++;
}

static void begin(const char *const *answers)
{
    static const struct admin_calls_events events = {.said = on_said, .changed = on_changed};
    serve(answers);
    memset(&seen, 0, sizeof seen);
    seen.calls = admin_calls_new(loop, in_dir("s"), &events, &seen);
    assert_non_null(seen.calls);
}

static void end(void)
{
    admin_calls_free(seen.calls);
    stop_serving();
}

static void said(bool bad, const char *text)
{
    assert_int_equal(seen.said, 1);
    assert_int_equal(seen.bad, bad);
    assert_string_equal(seen.text, text);
}

/* ---- tests ---- */

static void streams_end_one_by_one(void **state)
{
    (void)state;
    begin(ANSWERS(NO_CONTENT, TWO, NO_CONTENT, NO_CONTENT));
    admin_calls_close(seen.calls, 7);
    admin_calls_close(seen.calls, UINT64_MAX);
    UNTIL(strchr(server.requests, '\n') != NULL);
    admin_calls_close(seen.calls, 9); /* while they are on their way */
    UNTIL(seen.changed == 1);
    assert_string_equal(server.requests, "DELETE /v1/streams/7 HTTP/1.1\n"
                                         "DELETE /v1/streams/18446744073709551615 HTTP/1.1\n"
                                         "DELETE /v1/streams/9 HTTP/1.1\n");
    admin_calls_close(seen.calls, 1);
    UNTIL(seen.changed == 2);
    assert_int_equal(seen.said, 0);
    assert_int_equal(server.accepted, 1);
    end();
}

static void refusals_are_said_and_the_rest_goes_on(void **state)
{
    (void)state;
    begin(ANSWERS(GONE, NO_CONTENT));
    admin_calls_close(seen.calls, 7);
    admin_calls_close(seen.calls, 8);
    UNTIL(seen.changed == 1);
    said(false, "stream 7 was gone already");
    assert_non_null(strstr(server.requests, "/8 "));
    end();

    begin(ANSWERS(FORBIDDEN, NO_CONTENT));
    admin_calls_close(seen.calls, 7);
    admin_calls_close(seen.calls, 8);
    UNTIL(seen.changed == 1);
    said(true, "stream 7 was not closed: not\\x1b you");
    end();
}

/* With the connection the rest of them is given up; the next one is tried anew. */
static void a_loss_is_said_once(void **state)
{
    (void)state;
    begin(ANSWERS("", NO_CONTENT));
    server.closes = true;
    admin_calls_close(seen.calls, 7);
    admin_calls_close(seen.calls, 8);
    UNTIL(seen.said > 0);
    said(true, "stream 7 was not closed: it hung up");
    assert_int_equal(seen.changed, 0);
    admin_calls_close(seen.calls, 9);
    UNTIL(seen.changed == 1);
    assert_string_equal(server.requests, "DELETE /v1/streams/7 HTTP/1.1\n"
                                         "DELETE /v1/streams/9 HTTP/1.1\n");
    assert_int_equal(seen.said, 1);
    end();
}

static void an_idle_connection_may_end(void **state)
{
    (void)state;
    begin(ANSWERS(NO_CONTENT, NO_CONTENT));
    admin_calls_close(seen.calls, 7);
    UNTIL(seen.changed == 1);
    server_drop();
    pass(20);
    admin_calls_close(seen.calls, 8);
    UNTIL(seen.changed == 2);
    assert_int_equal(seen.said, 0);
    end();
}

static void no_more_wait_than_there_is_room_for(void **state)
{
    (void)state;
    begin(ANSWERS(""));
    server.closes = true;
    for (uint64_t id = 1; id <= ADMIN_CALLS_MAX + 3; id++)
        admin_calls_close(seen.calls, id);
    UNTIL(seen.said > 0);
    said(true, "stream 1 was not closed: it hung up");
    end();
}

static void everybody_or_nobody_is_let_in(void **state)
{
    (void)state;
    begin(ANSWERS(NO_CONTENT, NO_CONTENT, FORBIDDEN));
    admin_calls_accept(seen.calls, false);
    admin_calls_accept(seen.calls, true); /* does not overtake */
    UNTIL(seen.changed == 1);
    said(false, "nobody is let in from now on; A ends that");
    seen.said = 0;
    admin_calls_accept(seen.calls, true);
    UNTIL(seen.changed == 2);
    said(false, "who wants something is let in again");
    seen.said = 0;
    admin_calls_accept(seen.calls, true);
    UNTIL(seen.changed == 3);
    said(true, "it was not switched: not\\x1b you");
    assert_string_equal(server.requests, "POST /v1/accept/never HTTP/1.1\n"
                                         "POST /v1/accept/always HTTP/1.1\n"
                                         "POST /v1/accept/always HTTP/1.1\n");
    end();

    begin(ANSWERS(""));
    server.closes = true;
    admin_calls_accept(seen.calls, false);
    UNTIL(seen.said > 0);
    said(true, "it was not switched: it hung up");
    assert_int_equal(seen.changed, 0);
    end();
}

static void calls_on_their_way_are_not_told(void **state)
{
    (void)state;
    begin(ANSWERS(NO_CONTENT, NO_CONTENT));
    admin_calls_close(seen.calls, 7);
    admin_calls_accept(seen.calls, true);
    end();
    assert_int_equal(seen.said + seen.changed, 0);
    admin_calls_free(NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, dir_begin, dir_end)
    const struct CMUnitTest tests[] = {
        TEST(streams_end_one_by_one),
        TEST(refusals_are_said_and_the_rest_goes_on),
        TEST(a_loss_is_said_once),
        TEST(an_idle_connection_may_end),
        TEST(no_more_wait_than_there_is_room_for),
        TEST(everybody_or_nobody_is_let_in),
        TEST(calls_on_their_way_are_not_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
