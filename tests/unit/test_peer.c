#include "tests/support/net.h"

#include "core/net/listener.h"
#include "core/net/peer.h"

#include <sys/prctl.h>
#include <sys/wait.h>

/* What a search told. */
struct told {
    int times;
    size_t n;
    struct peer peers[8];
};

static void on_found(void *owner, const struct peer *found, size_t n)
{
    struct told *t = owner;
    t->times++;
    t->n = n;
    memcpy(t->peers, found, (n < 8 ? n : 8) * sizeof *found);
}

static void search_for(const struct peer *peers, size_t n, struct told *t)
{
    *t = (struct told){.times = 0};
    assert_non_null(peer_search_start(loop, peers, n, on_found, t));
    assert_int_equal(t->times, 0); /* not from inside */
    UNTIL(t->times > 0);
    assert_int_equal(t->times, 1);
    assert_int_equal(t->n, n);
}

static const char *own_name(void)
{
    static char name[PEER_NAME];
    prctl(PR_GET_NAME, name);
    return name;
}

static void a_unix_peer_is_known_at_once(void **state)
{
    struct probe p;
    struct peer peer;
    struct told told;
    (void)state;
    int fd = probe_pair(UNIX_PAIR, &p);
    peer_of(p.stream, &peer);
    assert_int_equal(peer.state, PEER_LOCAL);
    assert_int_equal(peer.pid, getpid());
    assert_true(peer.uid_known);
    assert_int_equal(peer.uid, getuid());
    assert_string_equal(peer.name, "");
    search_for(&peer, 1, &told);
    assert_int_equal(told.peers[0].state, PEER_SEARCHED);
    assert_int_equal(told.peers[0].pid, getpid());
    assert_string_equal(told.peers[0].name, own_name());
    probe_close(&p);
    close(fd);
}

static void a_tcp_peer_is_searched_for(void **state)
{
    struct probe p;
    struct peer peer;
    struct told told;
    (void)state;
    int fd = probe_pair(TCP_PAIR, &p);
    peer_of(p.stream, &peer);
    assert_int_equal(peer.state, PEER_LOCAL);
    assert_int_equal(peer.pid, 0);
    assert_false(peer.uid_known);
    search_for(&peer, 1, &told);
    assert_int_equal(told.peers[0].state, PEER_SEARCHED);
    assert_int_equal(told.peers[0].pid, getpid());
    assert_true(told.peers[0].uid_known);
    assert_int_equal(told.peers[0].uid, getuid());
    assert_string_equal(told.peers[0].name, own_name());
    probe_close(&p);
    close(fd);
}

/* Nobody has the other end of the second; the third is not on this machine; the fourth was searched
 * for. */
static void only_what_can_be_found_is(void **state)
{
    struct probe p[2];
    struct peer peers[4] = {{.state = PEER_ELSEWHERE}};
    struct told told;
    (void)state;
    int fd = probe_pair(TCP_PAIR, &p[0]), gone = probe_pair(TCP_PAIR, &p[1]);
    peer_of(p[0].stream, &peers[0]);
    peer_of(p[1].stream, &peers[1]);
    close(gone);
    peers[3] = (struct peer){.state = PEER_SEARCHED, .pid = 1};
    search_for(peers, 4, &told);
    assert_int_equal(told.peers[0].pid, getpid());
    assert_int_equal(told.peers[1].state, PEER_SEARCHED);
    assert_int_equal(told.peers[1].pid, 0);
    assert_false(told.peers[1].uid_known);
    assert_string_equal(told.peers[1].name, "");
    assert_int_equal(told.peers[2].state, PEER_ELSEWHERE);
    assert_int_equal(told.peers[3].state, PEER_SEARCHED);
    assert_string_equal(told.peers[3].name, "");
    probe_close(&p[0]);
    probe_close(&p[1]);
    close(fd);
}

/* A child of the test that connects to `port`, with a name of its own (which may be anything, and
 * is cut to 15 bytes), and stays until its pipe ends. */
static pid_t child_client(int port, const char *name, int *hold)
{
    int wait[2];
    assert_int_equal(pipe(wait), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        char byte;
        close(wait[1]);
        prctl(PR_SET_NAME, name);
        int fd = connect_tcp("127.0.0.1", port);
        _exit(fd >= 0 && read(wait[0], &byte, 1) == 0 ? 0 : 1);
    }
    close(wait[0]);
    *hold = wait[1];
    return pid;
}

static struct probe accepted;

static void on_accepted(void *owner, struct listener *l, struct stream *s)
{
    (void)owner;
    (void)l;
    probe_own(&accepted, s);
}

static void another_process_is_found(void **state)
{
    static const struct listener_events events = {.accepted = on_accepted};
    static const char name[] = "a\n\x1b[31m b) (name";
    enum err why;
    struct peer peer;
    struct told told;
    int hold, status;
    (void)state;
    accepted = (struct probe){.opened = 0};
    struct listener *l = listener_new(loop, "127.0.0.1:0", &events, NULL, &why);
    assert_non_null(l);
    pid_t child = child_client(listener_port(l), name, &hold);
    UNTIL(accepted.stream != NULL);
    peer_of(accepted.stream, &peer);
    search_for(&peer, 1, &told);
    assert_int_equal(told.peers[0].pid, child);
    assert_memory_equal(told.peers[0].name, name, PEER_NAME - 1);
    assert_int_equal(strlen(told.peers[0].name), PEER_NAME - 1);
    close(hold);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    probe_close(&accepted);
    listener_free(l);
}

/* More than one search looks for: the rest stays as it is, for the next. */
static void on_batch(void *owner, const struct peer *found, size_t n)
{
    size_t *searched = owner;
    while (*searched < n && found[*searched].state == PEER_SEARCHED)
        ++*searched;
    for (size_t i = *searched; i < n; i++)
        assert_int_equal(found[i].state, PEER_LOCAL);
}

static void a_batch_has_an_end(void **state)
{
    enum { MANY = PEER_BATCH + 3 };
    static struct peer peers[MANY];
    struct probe p;
    size_t searched = 0;
    (void)state;
    int fd = probe_pair(UNIX_PAIR, &p);
    for (size_t i = 0; i < MANY; i++)
        peer_of(p.stream, &peers[i]);
    assert_non_null(peer_search_start(loop, peers, MANY, on_batch, &searched));
    UNTIL(searched > 0);
    assert_int_equal(searched, PEER_BATCH);
    probe_close(&p);
    close(fd);
}

static void a_search_that_is_cancelled_tells_nothing(void **state)
{
    struct told told = {.times = 0};
    struct peer peer = {.state = PEER_ELSEWHERE};
    (void)state;
    for (int i = 0; i < 50; i++)
        peer_search_cancel(peer_search_start(loop, &peer, 1, on_found, &told));
    struct peer_search *late = peer_search_start(loop, &peer, 1, on_found, &told);
    uv_run(loop_uv(loop), UV_RUN_NOWAIT);
    if (told.times == 0)
        peer_search_cancel(late);
    int before = told.times;
    pass(20);
    assert_int_equal(told.times, before);
    peer_search_cancel(NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
#define test(f) cmocka_unit_test_setup_teardown(f, loop_begin, loop_end)
        test(a_unix_peer_is_known_at_once), test(a_tcp_peer_is_searched_for),
        test(only_what_can_be_found_is),    test(another_process_is_found),
        test(a_batch_has_an_end),           test(a_search_that_is_cancelled_tells_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
