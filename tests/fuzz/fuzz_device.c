/* Messages of the device link, both ways: what was decoded must survive being written and read
 * again, and its texts must lie in the input. */
#include "core/device/device_message.h"
#include "core/device/device_proof.h"
#include "core/device/hub_message.h"

#include <stdlib.h>
#include <string.h>

static void check(bool holds)
{
    if (!holds)
        abort();
}

static struct span input;

static void same(struct span a, struct span b)
{
    check(a.n == 0 || (a.p >= input.p && a.p + a.n <= input.p + input.n));
    check(span_equal(a, b));
}

static void same_services(const struct span *a, size_t n, const struct span *b, size_t m)
{
    check(n == m && n <= DEVICE_LINK_SERVICES_MAX);
    for (size_t i = 0; i < n; i++)
        same(a[i], b[i]);
}

static void same_bytes(const uint8_t *a, const uint8_t *b, size_t n)
{
    check((a == NULL) == (b == NULL) && (a == NULL || memcmp(a, b, n) == 0));
}

static void same_status(const struct device_status *a, const struct device_status *b)
{
    same_services(a->services, a->n_services, b->services, b->n_services);
    same(a->version, b->version);
    check(a->uptime_s == b->uptime_s && a->accepting == b->accepting && a->ping_s == b->ping_s);
}

static void same_device(const struct device_message *a, const struct device_message *b)
{
    check(a->kind == b->kind);
    if (a->kind == DEVICE_MESSAGE_HELLO) {
        same(a->hello.device, b->hello.device);
        same(a->hello.join_token, b->hello.join_token);
        same_bytes(a->hello.public_key, b->hello.public_key, P256_POINT_SIZE);
        same_bytes(a->hello.signature, b->hello.signature, P256_SIGNATURE_SIZE);
        same_status(&a->hello.status, &b->hello.status);
        same_services(a->hello.tunnels, a->hello.n_tunnels, b->hello.tunnels, b->hello.n_tunnels);
        check(a->hello.names_tunnels == b->hello.names_tunnels);
    } else if (a->kind == DEVICE_MESSAGE_STATUS)
        same_status(&a->status, &b->status);
    else if (a->kind == DEVICE_MESSAGE_ANSWER) {
        same(a->answer.id, b->answer.id);
        same(a->answer.why, b->answer.why);
        check(a->answer.accepted == b->answer.accepted && a->answer.code == b->answer.code);
        check(device_code_text(a->answer.code) != NULL);
    }
}

static void same_notice(const struct hub_notice *a, const struct hub_notice *b)
{
    same(a->id, b->id);
    same(a->access_token, b->access_token);
    same_services(a->services, a->n_services, b->services, b->n_services);
    same(a->service, b->service);
    same(a->opened_by, b->opened_by);
    same(a->why, b->why);
    same(a->tunnel, b->tunnel);
    check(a->answer_ms == b->answer_ms);
}

static void same_hub(const struct hub_message *a, const struct hub_message *b)
{
    check(a->kind == b->kind);
    if (a->kind == HUB_MESSAGE_CHALLENGE)
        same_bytes(a->nonce, b->nonce, DEVICE_NONCE_SIZE);
    else if (a->kind == HUB_MESSAGE_WELCOME) {
        same(a->welcome.device, b->welcome.device);
        check(a->welcome.enrolled == b->welcome.enrolled);
        check(a->welcome.pending == b->welcome.pending);
    } else if (a->kind == HUB_MESSAGE_REFUSED) {
        same(a->refused.text, b->refused.text);
        check(a->refused.reason == b->refused.reason);
        check(device_reason_text(a->refused.reason) != NULL);
    } else if (a->kind == HUB_MESSAGE_NOTICE)
        same_notice(&a->notice, &b->notice);
    else if (a->kind == HUB_MESSAGE_WITHDRAWN)
        same(a->withdrawn, b->withdrawn);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t out[2 * DEVICE_LINK_MESSAGE_MAX];
    struct device_message device, device_again;
    struct hub_message hub, hub_again;
    input = (struct span){(const char *)data, size};
    if (device_message_decode(data, size, &device) == ERR_OK &&
        device.kind != DEVICE_MESSAGE_OTHER) {
        size_t n = device_message_encode(&device, out, sizeof out);
        check(n > 0 && device_message_decode(out, n, &device_again) == ERR_OK);
        same_device(&device, &device_again);
    }
    if (hub_message_decode(data, size, &hub) == ERR_OK && hub.kind != HUB_MESSAGE_OTHER) {
        size_t n = hub_message_encode(&hub, out, sizeof out);
        check(n > 0 && hub_message_decode(out, n, &hub_again) == ERR_OK);
        same_hub(&hub, &hub_again);
    }
    return 0;
}
