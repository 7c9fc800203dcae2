/* Tunnels on demand against a scripted control API, on the test's own clock. */
#include "tests/support/clock.h"
#include "tests/support/net.h"

#include "core/base/log.h"
#include "gateway/source/devices.h"

#define IDLE_MS 600000
#define TIMEOUT_MS 30000
#define CALLS_MAX 2000

struct call {
    char target[64];
    char *input; /* as JSON */
    uint64_t timeout_ms;
    void (*done)(void *owner, struct api_answer *a);
    void *owner;
    bool over, cancelled;
};
static struct call calls[CALLS_MAX];
static size_t n_calls;
static bool api_is_full;

static struct forwards *forwards;
static struct tunnels *tunnels;
static struct devices *devices;
static struct names *names;
static struct service_traits traits;
static struct hub_config hub;
static struct tunnel_options tunnel;
static int renewals;
static bool key_is_new;

/* ---- the API ---- */

static struct api_call *fake_call(void *api, const struct api_call_options *o, enum err *why)
{
    assert_ptr_equal(api, calls);
    assert_non_null(o->input);
    char *input = cJSON_PrintUnformatted(o->input);
    cJSON_Delete(o->input);
    *why = ERR_LIMIT;
    if (api_is_full) {
        cJSON_free(input);
        return NULL;
    }
    assert_true(n_calls < CALLS_MAX);
    struct call *c = &calls[n_calls++];
    *c = (struct call){
        .input = input, .timeout_ms = o->timeout_ms, .done = o->done, .owner = o->owner};
    snprintf(c->target, sizeof c->target, "%s", o->target);
    return (struct api_call *)(void *)c;
}

static void fake_cancel(struct api_call *call)
{
    struct call *c = (struct call *)(void *)call;
    if (c == NULL)
        return;
    assert_false(c->over);
    c->over = c->cancelled = true;
}

static void answer(size_t i, struct api_answer a)
{
    assert_true(i < n_calls);
    assert_false(calls[i].over);
    calls[i].over = true;
    calls[i].done(calls[i].owner, &a);
}

static void refuse(size_t i, const char *error, const char *message)
{
    struct api_answer a = {.why = ERR_REJECTED};
    snprintf(a.failure.error, sizeof a.failure.error, "%s", error);
    snprintf(a.failure.message, sizeof a.failure.message, "%s", message);
    answer(i, a);
}

static void accept_as(size_t i, const char *device)
{
    cJSON *output = cJSON_CreateObject();
    cJSON_AddStringToObject(output, "device", device);
    cJSON_AddStringToObject(output, "tunnelId", "tunnel-1");
    cJSON_AddStringToObject(output, "sourceAccessToken", "token");
    answer(i, (struct api_answer){.why = ERR_OK, .output = output});
    cJSON_Delete(output);
}

/* ---- questions ---- */

static char text[FORWARD_TEXT];
static struct forward_target target;

static enum err ask_as(const char *host, bool quiet)
{
    const struct forward_question q = {.host = span_of(host), .quiet = quiet};
    target = (struct forward_target){.service = ""};
    text[0] = '\0';
    return devices_resolve(devices, &q, &target, text);
}

static enum err ask(const char *host)
{
    return ask_as(host, false);
}

static void assert_waits(const char *host)
{
    assert_int_equal(ask(host), ERR_DEVICE_SILENT);
    assert_true(target.awaited);
    assert_int_equal(target.wait_ms, TIMEOUT_MS + DEVICES_MARGIN_MS);
}

/* The client is told that, and does not wait. */
static void assert_refused(const char *host, enum err why, const char *words)
{
    assert_int_equal(ask(host), why);
    assert_false(target.awaited);
    if (strstr(text, words) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", words, text);
}

static void pass_ms(uint64_t ms)
{
    now_ms += ms;
    fire_timers(); /* those that are due since a millisecond */
}

static size_t calls_of(const char *operation)
{
    size_t n = 0;
    for (size_t i = 0; i < n_calls; i++)
        n += strstr(calls[i].target, operation) != NULL;
    return n;
}

static bool renew_key(void *owner)
{
    (void)owner;
    renewals++;
    return key_is_new;
}

static void on_finished(void *owner, enum err why)
{
    (void)owner, (void)why;
    fail_msg("the gateway would end");
}

/* ---- set-up ---- */

static int begin(void **state)
{
    log_setup(LOG_OFF, false);
    loop_begin(state);
    now_ms = 1000;
    n_calls = 0;
    renewals = 0;
    api_is_full = key_is_new = false;
    forwards = forwards_new(loop, NULL);
    names = names_new();
    hub = (struct hub_config){.host = "127.0.0.1", .port = 1, .insecure = true, .ping_ms = 20000};
    tunnel = (struct tunnel_options){.end = {.role = SESSION_SOURCE,
                                             .version = 3,
                                             .native = true,
                                             .user_agent = "test",
                                             .hub = &hub,
                                             .resume_ms = 120000}};
    tunnels = tunnels_new(loop, &(struct tunnels_options){.forwards = forwards,
                                                          .names = names,
                                                          .traits = &traits,
                                                          .finished = on_finished});
    devices = devices_new(loop, &(struct devices_options){.api = {fake_call, fake_cancel, calls},
                                                          .tunnels = tunnels,
                                                          .forwards = forwards,
                                                          .tunnel = &tunnel,
                                                          .idle_ms = IDLE_MS,
                                                          .timeout_ms = TIMEOUT_MS,
                                                          .renew_key = renew_key});
    assert_non_null(devices);
    return 0;
}

static int end(void **state)
{
    forwards_free(forwards);
    tunnels_free(tunnels);
    devices_free(devices);
    names_free(names);
    for (size_t i = 0; i < n_calls; i++)
        cJSON_free(calls[i].input);
    return loop_end(state);
}

/* ---- tests ---- */

static void one_question_for_all(void **state)
{
    (void)state;
    assert_waits("SSH1.Pump_07.tunnel");
    assert_waits("ssh1.pump-07.tunnel");
    assert_waits("HTTP1.PUMP:07.tunnel");
    assert_int_equal(n_calls, 1);
    assert_string_equal(calls[0].target, "TunnelHub.ConnectDevice");
    assert_int_equal(calls[0].timeout_ms, TIMEOUT_MS + DEVICES_MARGIN_MS);
    assert_non_null(strstr(calls[0].input, "\"device\":\"pump-07\",\"service\":\"SSH1\""));
    assert_non_null(strstr(calls[0].input, "\"timeoutSeconds\":30,\"idleSeconds\":600"));
    assert_waits("SSH1.pump-08.tunnel");
    assert_int_equal(n_calls, 2);
    pass_ms(TIMEOUT_MS); /* a late answer is one, too */
    accept_as(0, "Pump_07");
    assert_int_equal(ask("SSH1.pump-07.tunnel"), ERR_HUB_DOWN);
    assert_true(target.awaited);
    assert_int_equal(target.wait_ms, DEVICE_TUNNELS_ARRIVAL_MS);
    assert_int_equal(n_calls, 2);
    assert_waits("SSH1.pump-08.tunnel");
}

static void device_that_does_not_come(void **state)
{
    (void)state;
    assert_waits("SSH1.pump-07.tunnel");
    accept_as(0, "pump-07");
    for (int i = 0; i < 6; i++)
        pass_ms(5000);
    assert_int_equal(calls_of("CloseTunnel"), 1);
    assert_non_null(strstr(calls[1].input, "\"tunnelId\":\"tunnel-1\",\"delete\":true"));
    assert_int_equal(calls_of("ConnectDevice"), 1);
}

static void its_clients_are_told_once(void **state)
{
    (void)state;
    assert_waits("SSH1.pump-07.tunnel");
    accept_as(0, "pump-07");
    for (int i = 0; i < 100 && calls_of("CloseTunnel") == 0; i++)
        pass_ms(1000);
    assert_refused("SSH1.pump-07.tunnel", ERR_DEVICE_SILENT, "accepted, but did not connect");
    assert_int_equal(calls_of("ConnectDevice"), 1);
    pass_ms(DEVICES_REMEMBER_MS + 1);
    assert_waits("SSH1.pump-07.tunnel");
    assert_int_equal(calls_of("ConnectDevice"), 2);
}

static void no_counts_for_a_moment(void **state)
{
    (void)state;
    assert_waits("SSH1.pump-07.tunnel");
    refuse(0, "DeviceAwayException", "away");
    for (int i = 0; i < 50; i++)
        assert_refused("HTTP1.pump-07.tunnel", ERR_DEVICE_OFFLINE, "device pump-07 is away");
    assert_int_equal(n_calls, 1);
    assert_int_equal(ask_as("SSH1.pump-07.tunnel", true), ERR_DEVICE_OFFLINE);
    assert_string_equal(text, err_text(ERR_DEVICE_OFFLINE)); /* a stranger */
    pass_ms(DEVICES_REMEMBER_MS);
    assert_refused("SSH1.pump-07.tunnel", ERR_DEVICE_OFFLINE, "away");
    pass_ms(1);
    assert_waits("SSH1.pump-07.tunnel");
    assert_int_equal(n_calls, 2);
}

static void no_for_a_service(void **state)
{
    (void)state;
    assert_waits("ssh9.pump-07.tunnel");
    refuse(0, "ServiceNotServedException", "it serves SSH1");
    assert_refused("SSH9.pump-07.tunnel", ERR_NO_SERVICE, "device pump-07: it serves SSH1");
    assert_waits("SSH1.pump-07.tunnel");
    assert_non_null(strstr(calls[1].input, "\"service\":\"SSH1\""));
}

static void hub_that_is_not_reached(void **state)
{
    struct api_answer lost = {.why = ERR_REFUSED};
    (void)state;
    snprintf(lost.text, sizeof lost.text, "127.0.0.1:1: connection refused\x1b[2J");
    assert_waits("SSH1.pump-07.tunnel");
    for (size_t i = 0; i < 7; i++) {
        answer(i, lost);
        assert_waits("SSH1.pump-07.tunnel");
        pass_ms(DEVICES_AGAIN_MS + 1);
        assert_int_equal(n_calls, i + 2);
    }
    answer(7, lost);
    assert_refused("SSH1.pump-07.tunnel", ERR_HUB_DOWN, "127.0.0.1:1: connection refused\\x1b[2J");
    assert_int_equal(n_calls, 8);
}

static void hub_that_is_silent(void **state)
{
    (void)state;
    assert_waits("SSH1.pump-07.tunnel");
    answer(0, (struct api_answer){.why = ERR_TIMEOUT, .text = "no answer in time"});
    assert_refused("SSH1.pump-07.tunnel", ERR_TIMEOUT, "no answer in time");
    assert_int_equal(n_calls, 1);
}

static void key_that_is_not_taken(void **state)
{
    (void)state;
    assert_waits("SSH1.pump-07.tunnel");
    refuse(0, "UnrecognizedClientException", "who?");
    assert_refused("SSH1.pump-07.tunnel", ERR_ACCESS_DENIED, "does not know this gateway's access");
    assert_int_equal(renewals, 1);
    pass_ms(DEVICES_REMEMBER_MS + 1);
    key_is_new = true;
    assert_waits("SSH1.pump-07.tunnel");
    refuse(1, "InvalidSignatureException", "?");
    assert_int_equal(n_calls, 3); /* by the new key */
    assert_waits("SSH1.pump-07.tunnel");
    refuse(2, "InvalidSignatureException", "?");
    assert_refused("SSH1.pump-07.tunnel", ERR_ACCESS_DENIED, "this machine's clock is wrong");
    assert_int_equal(renewals, 2);
    assert_int_equal(n_calls, 3);
}

static void answers_that_lie(void **state)
{
    static const struct {
        const char *device, *id, *token;
    } cases[] = {
        {"pump-08", "t", "token"},     {"pump-07 ", "t", "token"},        {"", "t", "token"},
        {"pump-07", "", "token"},      {"pump-07", "t\n", "token"},       {"pump-07", "t", ""},
        {"pump-07", "t", "to\r\nken"}, {"pump-07", "t", "to\xc3\xa4ken"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cJSON *output = cJSON_CreateObject();
        cJSON_AddStringToObject(output, "device", cases[i].device);
        cJSON_AddStringToObject(output, "tunnelId", cases[i].id);
        cJSON_AddStringToObject(output, "sourceAccessToken", cases[i].token);
        assert_waits("SSH1.pump-07.tunnel");
        answer(i, (struct api_answer){.why = ERR_OK, .output = output});
        cJSON_Delete(output);
        assert_refused("SSH1.pump-07.tunnel", ERR_REJECTED, "no tunnel to device pump-07");
        pass_ms(DEVICES_REMEMBER_MS + 1);
    }
}

static void bounds(void **state)
{
    char host[60];
    (void)state;
    for (int i = 0; i < DEVICES_MAX; i++) {
        snprintf(host, sizeof host, "SSH1.device-%d.tunnel", i);
        assert_waits(host);
    }
    assert_refused("SSH1.one-more.tunnel", ERR_LIMIT, "too many devices");
    assert_waits("SSH1.device-7.tunnel");
    assert_int_equal(n_calls, DEVICES_MAX);
    refuse(0, "ResourceNotFoundException", "none");
    api_is_full = true;
    pass_ms(DEVICES_REMEMBER_MS + 1);
    assert_refused("SSH1.one-more.tunnel", ERR_LIMIT, "too many devices are asked for at once");
}

static void tunnels_are_bounded(void **state)
{
    char host[60], name[30];
    const struct names_tunnel *list;
    (void)state;
    for (int i = 0; i <= DEVICE_TUNNELS_MAX; i++) {
        snprintf(name, sizeof name, "device-%d", i);
        snprintf(host, sizeof host, "SSH1.%s.tunnel", name);
        assert_waits(host);
        accept_as(n_calls - 1, name);
    }
    assert_refused(host, ERR_LIMIT, "too many devices at once");
    assert_int_equal(tunnels_list(tunnels, &list), DEVICE_TUNNELS_MAX);
    devices_leave(devices);
    assert_int_equal(tunnels_list(tunnels, &list), 0);
    assert_int_equal(calls_of("CloseTunnel"), DEVICE_TUNNELS_MAX);
}

static void idle_tunnel_is_closed(void **state)
{
    (void)state;
    devices_change(
        devices, &(struct devices_options){.tunnel = &tunnel, .idle_ms = 1000, .timeout_ms = 1000});
    assert_int_equal(ask("SSH1.pump-07.tunnel"), ERR_DEVICE_SILENT);
    assert_int_equal(target.wait_ms, 1000 + DEVICES_MARGIN_MS);
    accept_as(0, "pump-07");
    pass_ms(900);
    assert_int_equal(ask("SSH1.pump-07.tunnel"), ERR_HUB_DOWN); /* that is a use */
    pass_ms(900);
    assert_int_equal(calls_of("CloseTunnel"), 0);
    pass_ms(200);
    assert_int_equal(calls_of("CloseTunnel"), 1);
    assert_int_equal(ask("SSH1.pump-07.tunnel"), ERR_DEVICE_SILENT);
    assert_int_equal(calls_of("ConnectDevice"), 2);
}

/* Any spelling of any name asks for the device of its fold and for no other, and is answered by the
 * tunnel of that device only. Names are short, so that many are alike. */
static void names_lead_to_their_device(void **state)
{
    static const char alphabet[] = "aAbB:_-1";
    char folds[64][DEVICE_NAME_MAX + 1];
    size_t n_folds = 0;
    uint32_t random = 7;
    (void)state;
    for (int i = 0; i < 1500; i++) {
        char name[4], fold[DEVICE_NAME_MAX + 1], host[40];
        char wanted[DEVICE_NAME_MAX + 20];
        size_t size = 1 + random % 3, known = 0, before = n_calls;
        for (size_t k = 0; k < size; k++) {
            random = random * 1664525 + 1013904223;
            name[k] = alphabet[(random >> 16) % 8];
        }
        name[size] = '\0';
        assert_true(device_name_fold(span_of(name), fold));
        while (known < n_folds && strcmp(folds[known], fold) != 0)
            known++;
        snprintf(host, sizeof host, "SSH1.%s.tunnel", name);
        enum err why = ask(host);
        if (known < n_folds) { /* its tunnel is coming up */
            assert_int_equal(why, ERR_HUB_DOWN);
            assert_int_equal(n_calls, before);
            continue;
        }
        assert_int_equal(why, ERR_DEVICE_SILENT);
        if (n_calls == before) /* it is being asked for */
            continue;
        snprintf(wanted, sizeof wanted, "\"device\":\"%s\"", fold);
        assert_non_null(strstr(calls[before].input, wanted));
        if (n_folds == 64)
            continue;
        accept_as(before, name);
        memcpy(folds[n_folds++], fold, sizeof fold);
    }
    assert_int_equal(n_folds, 64);
}

static void end_in_the_middle(void **state)
{
    (void)state;
    assert_waits("SSH1.pump-07.tunnel");
    devices_free(devices);
    devices = NULL;
    assert_true(calls[0].cancelled);
}

#define test(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(one_question_for_all),       test(device_that_does_not_come),
        test(its_clients_are_told_once),  test(no_counts_for_a_moment),
        test(no_for_a_service),           test(hub_that_is_not_reached),
        test(hub_that_is_silent),         test(key_that_is_not_taken),
        test(answers_that_lie),           test(bounds),
        test(tunnels_are_bounded),        test(idle_tunnel_is_closed),
        test(names_lead_to_their_device), test(end_in_the_middle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
