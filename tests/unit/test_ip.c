/* Whom a limit is for, and lists of addresses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/net/ip.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct ip ip(const char *text)
{
    struct ip ip = {{0}};
    char mapped[64];
    snprintf(mapped, sizeof mapped, "::ffff:%s", text);
    assert_int_equal(inet_pton(AF_INET6, strchr(text, ':') != NULL ? text : mapped, ip.bytes), 1);
    return ip;
}

static void test_origin(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool same;
    } rows[] = {
        {"192.0.2.7", "192.0.2.7", true},
        {"192.0.2.7", "192.0.2.8", false},
        {"192.0.2.7", "::ffff:192.0.2.7", true}, /* on a socket that takes both */
        {"2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true},
        {"2001:db8:1:2::1", "2001:db8:1:3::1", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ip a = ip_origin(ip(rows[i].a)), b = ip_origin(ip(rows[i].b));
        if ((memcmp(&a, &b, sizeof a) == 0) != rows[i].same)
            fail_msg("%s and %s", rows[i].a, rows[i].b);
    }
}

static void test_peer(void **state)
{
    (void)state;
    int pair[2], door = socket(AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = inet_addr("127.3.2.1")};
    socklen_t n = sizeof at;
    const struct ip none = {{0}}, want = ip("127.3.2.1");
    assert_int_equal(bind(door, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(door, 1), 0);
    assert_int_equal(getsockname(door, (struct sockaddr *)&at, &n), 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&from, sizeof from), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    int got = accept(door, NULL, NULL);
    struct ip peer = ip_of_peer(got);
    assert_memory_equal(&peer, &want, sizeof peer);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    peer = ip_of_peer(pair[0]);
    assert_memory_equal(&peer, &none, sizeof peer);
    close(door), close(fd), close(got), close(pair[0]), close(pair[1]);
}

static void test_list(void **state)
{
    (void)state;
    static const char *const good[] = {"192.0.2.7", "10.0.0.0/9", "2001:db8::/33", "fe80::1/128"};
    static const char *const bad[] = {"",           "x",  "10.0.0.0/33", "10.0.0.0/",  "10.0.0/8",
                                      "2001::/129", "/8", "10.0.0.0/-1", "10.0.0.0/8x"};
    static const char *const in[] = {"192.0.2.7", "10.127.255.255", "2001:db8:7fff::1", "fe80::1"};
    static const char *const out[] = {"192.0.2.6", "10.128.0.0", "2001:db8:8000::", "fe80::", "::"};
    struct ip_list l = {.n = 0};
    assert_false(ip_list_has(&l, ip("192.0.2.7")));
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_int_equal(ip_list_add(&l, good[i]), ERR_OK);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (ip_list_add(&l, bad[i]) != ERR_USAGE)
            fail_msg("%s is taken", bad[i]);
    for (size_t i = 0; i < sizeof in / sizeof *in; i++)
        if (!ip_list_has(&l, ip(in[i])))
            fail_msg("%s is not in it", in[i]);
    for (size_t i = 0; i < sizeof out / sizeof *out; i++)
        if (ip_list_has(&l, ip(out[i])))
            fail_msg("%s is in it", out[i]);
    while (l.n < IP_LIST_MAX)
        assert_int_equal(ip_list_add(&l, "::/0"), ERR_OK);
    assert_int_equal(ip_list_add(&l, "::/0"), ERR_LIMIT);
    assert_true(ip_list_has(&l, ip("::")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_origin),
        cmocka_unit_test(test_peer),
        cmocka_unit_test(test_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
