/* What key `o` runs: the words of each command, and names that get into none. */
#include "tui/state/open_command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct open_command made(const char *service, const char *host, const char *listen,
                                bool here, bool in_tmux, bool on_desktop)
{
    const struct open_target t = {service, host, listen, here, in_tmux, on_desktop};
    struct open_command c;
    open_command_make(&t, &c);
    if (c.how != OPEN_NOTHING)
        assert_null(c.words[c.n]);
    return c; /* its words point into what was here; callers look at text and n */
}

static void words_are(const struct open_command *c, enum open_how how, const char *text)
{
    assert_int_equal(c->how, how);
    assert_string_equal(c->text, text);
}

static void ssh(void **state)
{
    static const char proxy[] = "'ProxyCommand=tunnel-gateway connect --gateway 127.0.0.1:1080 "
                                "%h %p'";
    char text[300];
    (void)state;
    struct open_command c = made("SSH1", "ssh1.tunnel", "127.0.0.1:1080", true, false, true);
    snprintf(text, sizeof text, "ssh -o %s -- ssh1.tunnel", proxy);
    words_are(&c, OPEN_TERMINAL, text);
    assert_int_equal(c.n, 5);
    c = made("ssh", "ssh1.tunnel", "127.0.0.1:1080", true, true, true);
    snprintf(text, sizeof text, "tmux new-window -n ssh1.tunnel ssh -o %s -- ssh1.tunnel", proxy);
    words_are(&c, OPEN_TMUX, text);
    assert_int_equal(c.n, 9);
    c = made("sftp", "ssh1.tunnel", "", false, true, true); /* elsewhere it is only shown */
    words_are(&c, OPEN_PRINT, "ssh -o 'ProxyCommand=tunnel-gateway connect %h %p' -- ssh1.tunnel");
    c = made("SSH1", "ssh1.tunnel", "/run/user/1000/gw.sock", true, false, false);
    words_are(&c, OPEN_TERMINAL,
              "ssh -o 'ProxyCommand=tunnel-gateway connect --gateway /run/user/1000/gw.sock %h "
              "%p' -- ssh1.tunnel");
}

static void browser(void **state)
{
    (void)state;
    struct open_command c = made("HTTP1", "http1.tunnel", "[::1]:1080", true, true, true);
    words_are(&c, OPEN_DESKTOP, "xdg-open http://http1.tunnel/");
    c = made("https", "web.tunnel", "", true, true, true);
    words_are(&c, OPEN_DESKTOP, "xdg-open https://web.tunnel/");
    c = made("HTTP1", "http1.tunnel", "", true, true, false); /* there is no desktop */
    words_are(&c, OPEN_PRINT, "xdg-open http://http1.tunnel/");
}

static void others(void **state)
{
    (void)state;
    struct open_command c = made("plc:modbus", "plc.tunnel", "[::1]:1080", true, true, true);
    words_are(&c, OPEN_PRINT, "tunnel-gateway connect --gateway '[::1]:1080' plc.tunnel 80");
    c = made("", "plc.tunnel", "", true, true, true);
    words_are(&c, OPEN_PRINT, "tunnel-gateway connect plc.tunnel 80");
    c = made("SSH1", "", "127.0.0.1:1080", true, false, false);
    assert_int_equal(c.how, OPEN_NOTHING);
    assert_int_equal(c.n, 0);
}

/* No name becomes an option, a part of a shell's line, or a format of tmux. */
static void hostile(void **state)
{
    static const char *const names[] = {"-oProxyCommand=x",
                                        "--",
                                        "-",
                                        ".x",
                                        "a b",
                                        "a;b",
                                        "a|b",
                                        "a&b",
                                        "$(x)",
                                        "`x`",
                                        "#(x)",
                                        "#{x}",
                                        "a'b",
                                        "a\"b",
                                        "a\\b",
                                        "a\nb",
                                        "a\x1b[m",
                                        "%h",
                                        "{a,b}",
                                        "~x",
                                        "a*",
                                        "a?",
                                        "a/b",
                                        "a@b",
                                        "a%b",
                                        "a=b",
                                        "\xc3\xa4",
                                        "x;",
                                        "a!b",
                                        "<x"};
    char longest[300];
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char listen[80];
        struct open_command c = made("SSH1", names[i], "127.0.0.1:1080", true, true, true);
        assert_int_equal(c.how, OPEN_NOTHING);
        assert_int_equal(c.n, 0);
        snprintf(listen, sizeof listen, "%s:1080", names[i]);
        c = made("SSH1", "ssh1.tunnel", listen, true, true, true);
        assert_true(c.how == OPEN_NOTHING || strcmp(names[i], ".x") == 0);
        snprintf(listen, sizeof listen, "/run/%s", names[i]);
        c = made("SSH1", "ssh1.tunnel", listen, true, true, true);
        assert_true(c.how == OPEN_NOTHING || strspn(names[i], "-.abx/") == strlen(names[i]));
    }
    memset(longest, 'a', sizeof longest);
    longest[254] = '\0';
    assert_int_equal(made("SSH1", longest, "", true, true, true).how, OPEN_NOTHING);
    longest[253] = '\0';
    assert_int_equal(made("SSH1", longest, "", true, true, true).how, OPEN_TMUX);
    assert_int_equal(made(longest, "a", "", true, true, true).how, OPEN_PRINT);
}

static void names_of_devices(void **state)
{
    char host[160];
    (void)state;
    assert_true(open_device_host("SSH1", "Pump_07", host, sizeof host));
    assert_string_equal(host, "ssh1.pump-07.tunnel");
    assert_true(open_device_host("plc:modbus_2", "p", host, sizeof host));
    assert_string_equal(host, "plc-modbus-2.p.tunnel");
    assert_false(open_device_host("", "p", host, sizeof host));
    assert_false(open_device_host("SSH1", "", host, sizeof host));
    assert_false(open_device_host("SSH1", "_p", host, sizeof host));
    assert_false(open_device_host("SSH1", "a.b", host, sizeof host));
    assert_false(open_device_host("$(x)", "p", host, sizeof host));
    assert_false(
        open_device_host("SSH1", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                         host, sizeof host));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ssh),     cmocka_unit_test(browser),          cmocka_unit_test(others),
        cmocka_unit_test(hostile), cmocka_unit_test(names_of_devices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
