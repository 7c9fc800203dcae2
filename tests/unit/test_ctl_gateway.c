/* tunnelctl open --run-source: the gateway that it starts. */
#include "tests/unit/ctl_help.h"

/* ---- the gateway ---- */

#define CLOSED call("CloseTunnel", "{\"tunnelId\":\"" ID1 "\"}", 200, "{}")

static void runs_the_gateway(void **state)
{
    (void)state;
    set_keys(true);
    setenv("AWSIOT_TUNNEL_ACCESS_TOKEN", "stale", 1);
    setenv("AWSIOT_TUNNEL_REGION", "eu-central-1", 1);
    int code = run(CALLS(call("OpenTunnel", NULL, 200, OPENED), DESCRIBED(ID1), CLOSED),
                   WORDS("open", "--services", "A", "--ca", "/ca.pem", "--run-source", "--",
                         "--listen", "/tmp/x y"));
    unsetenv("AWSIOT_TUNNEL_ACCESS_TOKEN");
    unsetenv("AWSIOT_TUNNEL_REGION");
    set_keys(false);
    assert_int_equal(code, 7);
    assert_has(out, "On the device");
    assert_has_not(out, "Here:");
    assert_has(out, "\nargs: --ca /ca.pem --listen /tmp/x y\n"
                    "AWSIOT_TUNNEL_ACCESS_TOKEN=SOURCE\n"
                    "AWSIOT_TUNNEL_ENDPOINT=127.0.0.1:8443\n");
    assert_has_not(out, "stale");
    assert_has_not(out, "AWS_SECRET_ACCESS_KEY");
    assert_has(err, "the gateway has ended, the tunnel " ID1 " is closed\n");
}

static void a_gateway_that_is_killed(void **state)
{
    (void)state;
    setenv("GATEWAY_SIGNAL", "KILL", 1);
    int code =
        run(CALLS(call("OpenTunnel", NULL, 200, OPENED),
                  call("CloseTunnel", NULL, 400, "{\"__type\":\"ResourceNotFoundException\"}")),
            WORDS("open", "--run-source", "--json", "-k"));
    unsetenv("GATEWAY_SIGNAL");
    assert_int_equal(code, 128 + 9);
    assert_has(out, "args: -k\n");
    assert_has_not(out, "sourceAccessToken");
    assert_has(err, "is closed\n");
}

/* Its tunnel belongs to somebody else now. */
static void a_gateway_whose_token_was_replaced(void **state)
{
    (void)state;
    setenv("GATEWAY_CODE", "3", 1);
    int code = run(CALLS(call("OpenTunnel", NULL, 200, OPENED), DESCRIBED(ID1)),
                   WORDS("open", "--run-source"));
    unsetenv("GATEWAY_CODE");
    assert_int_equal(code, GATEWAY_TOKEN_REPLACED);
    assert_has(err,
               "its source token was replaced by someone else; the tunnel " ID1 " stays open\n");
}

static void a_tunnel_that_cannot_be_closed(void **state)
{
    (void)state;
    assert_int_equal(run(CALLS(call("OpenTunnel", NULL, 200, OPENED), DESCRIBED(ID1),
                               lost("CloseTunnel", ERR_TIMEOUT, "timed out")),
                         WORDS("open", "--run-source")),
                     7);
    assert_has(err, "the tunnel " ID1 " could not be closed: cannot reach 127.0.0.1:8443");
}

static void no_gateway(void **state)
{
    (void)state;
    unlink(file_in("tunnel-gateway"));
    setenv("PATH", directory, 1);
    int code = run(CALLS(call("OpenTunnel", NULL, 200, OPENED), DESCRIBED(ID1), CLOSED),
                   WORDS("open", "--run-source"));
    assert_int_equal(code, CTL_FAILED);
    assert_has(err, "cannot run tunnel-gateway: no such file");
    code = run(CALLS(call("OpenTunnel", NULL, 200, OPENED), DESCRIBED(ID1), CLOSED),
               WORDS("open", "--run-source", "--keep-open"));
    assert_int_equal(code, CTL_FAILED);
    assert_has(err, "cannot run tunnel-gateway: No such file");
    make_gateway();
}

/* The gateway takes this program's place: in a child, so that the tests stay. */
static void becomes_the_gateway(void **state)
{
    struct ctl c = {.api = {.post = fake_post, .clock = fake_clock}};
    const struct step steps[] = {call("OpenTunnel", NULL, 200, OPENED), DESCRIBED(ID1)};
    char words[4][20] = {"tunnelctl", "open", "--run-source", "--keep-open"};
    char *argv[] = {words[0], words[1], words[2], words[3]};
    int fd = new_file(), status;
    (void)state;
    memset(&fake, 0, sizeof fake);
    fake.steps = steps;
    fake.n = 2;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        dup2(fd, 1);
        ctl_main(&c, 4, argv);
        _exit(99);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 7);
    read_back(fd, out, sizeof out);
    assert_has(out, "On the device");
    assert_has(out, "AWSIOT_TUNNEL_ACCESS_TOKEN=SOURCE\n");
}

/* SIGTERM to tunnelctl goes on to the gateway; its end is waited for. */
static void signals_are_passed_on(void **state)
{
    struct gateway_process_options o = {.program = "/bin/sh", .token = "t", .endpoint = "h:1"};
    char script[] = "trap 'exit 7' TERM; kill -TERM $PPID; while :; do sleep 0.01; done";
    char flag[] = "-c", *args[] = {flag, script};
    char text[200] = "";
    int code = -1;
    struct loop *loop = loop_new();
    (void)state;
    o.args = args;
    o.n_args = 2;
    assert_int_equal(gateway_process_run(loop, &o, &code, text, sizeof text), ERR_OK);
    assert_int_equal(code, 7);
    loop_free(loop);
}

static void finds_the_gateway(void **state)
{
    char self[4096], small[4], memory[4096];
    (void)state;
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    assert_true(n > 0);
    self[n] = '\0';
    assert_string_equal(gateway_process_find(small, sizeof small), "tunnel-gateway");
    strcpy(strrchr(self, '/') + 1, "tunnel-gateway");
    assert_string_equal(gateway_process_find(memory, sizeof memory),
                        access(self, X_OK) == 0 ? self : "tunnel-gateway");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_the_gateway),
        cmocka_unit_test(a_gateway_that_is_killed),
        cmocka_unit_test(a_gateway_whose_token_was_replaced),
        cmocka_unit_test(a_tunnel_that_cannot_be_closed),
        cmocka_unit_test(no_gateway),
        cmocka_unit_test(becomes_the_gateway),
        cmocka_unit_test(signals_are_passed_on),
        cmocka_unit_test(finds_the_gateway),
    };
    return cmocka_run_group_tests(tests, begin, finish);
}
