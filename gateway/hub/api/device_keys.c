/* CreateDevice, RotateDeviceKeys: devices that Azure's SDKs know by symmetric keys. The keys are
 * told once, in the answer that makes them. */
#include "gateway/hub/devices/device_keys.h"
#include "core/base/encoding.h"
#include "gateway/hub/api/api_internal.h"
#include "gateway/hub/api/shapes.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NO_SECRETS_KEY                                                                             \
    "This hub keeps no symmetric keys: it was started without --secrets-key (share/doc/state.md)."
#define SECRET_TEXT BASE64_SIZE(DEVICE_SECRET_MAX)

enum which { PRIMARY, SECONDARY, KEYS };
static const char *const members[KEYS] = {"primaryKey", "secondaryKey"};

/* A call with the keys that it makes. */
struct keying {
    struct call *c;
    struct device_keys keys;
    bool fresh[KEYS]; /* keys that the answer tells */
    bool given;       /* the caller has said which are to be new */
    char *azure_id;
};

static void keying_free(struct keying *k)
{
    explicit_bzero(&k->keys, sizeof k->keys);
    free(k->azure_id);
    free(k);
}

/* NULL: answered. */
static struct keying *keying_new(struct call *c)
{
    struct keying *k = calloc(1, sizeof *k);
    if (k == NULL)
        answer_error(c, ERR_NO_MEMORY);
    else
        k->c = c;
    return k;
}

static struct device_secret *secret_at(struct device_keys *keys, enum which w)
{
    return w == PRIMARY ? &keys->primary : &keys->secondary;
}

static void write_keys(struct keying *k)
{
    char text[SECRET_TEXT];
    for (int w = PRIMARY; w < KEYS; w++) {
        const struct device_secret *s = secret_at(&k->keys, (enum which)w);
        if (!k->fresh[w])
            continue;
        base64_encode(s->bytes, s->n, text, false);
        json_text(&k->c->out, members[w], span_of(text));
    }
    explicit_bzero(text, sizeof text);
}

static void answer_keys(struct keying *k, const struct device_record *d)
{
    struct call *c = k->c;
    json_open(&c->out, NULL, '{');
    json_text(&c->out, "device", span_of(d->name));
    json_text(&c->out, "azureId", span_of(d->azure_id != NULL ? d->azure_id : d->name));
    write_keys(k);
    json_close(&c->out, '}');
    keying_free(k);
    answer_ok(c);
}

/* ---- CreateDevice ---- */

static void on_created(void *ctx, enum err why, const struct device_record *d)
{
    struct keying *k = ctx;
    struct call *c = k->c;
    if (why == ERR_OK) {
        answer_keys(k, d);
        return;
    }
    keying_free(k);
    if (why == ERR_AMBIGUOUS)
        answer_fault(c, FAULT_ALREADY_EXISTS,
                     "Device %s, or one whose name or azureId is taken for the same, is there "
                     "already.",
                     c->thing);
    else if (why == ERR_LIMIT)
        answer_fault(c, FAULT_LIMIT_EXCEEDED, "The limit devices is %" PRIu64 ".",
                     limits_of_call(c)->devices);
    else
        answer_error(c, why);
}

static bool take_key(struct keying *k, enum which w)
{
    const cJSON *given = shape_member(k->c->input, members[w]);
    k->fresh[w] = true;
    if (given == NULL) {
        device_secret_new(secret_at(&k->keys, w));
        return true;
    }
    bool fine = device_secret_from(span_of(given->valuestring), secret_at(&k->keys, w));
    explicit_bzero(given->valuestring, strlen(given->valuestring));
    if (!fine)
        return REFUSE(k->c, FAULT_VALIDATION, "%s is not the base64 of %d to %d bytes.", members[w],
                      DEVICE_SECRET_MIN, DEVICE_SECRET_MAX);
    return true;
}

/* The model's pattern has said which characters there are. */
static bool take_azure_id(struct keying *k)
{
    const char *text = input_text(k->c->input, "azureId");
    struct span module = span_of(text), device = span_cut(&module, '/');
    bool slash = text != NULL && strchr(text, '/') != NULL;
    if (text == NULL)
        return true;
    if (device.n == 0 || device.n > 128 || module.n > 128 || (slash && module.n == 0) ||
        memchr(module.p, '/', module.n) != NULL)
        return REFUSE(k->c, FAULT_VALIDATION,
                      "azureId is the id of a device, or of a device and a module with '/' between "
                      "them, of 1 to 128 characters each.");
    k->azure_id = strdup(text);
    if (k->azure_id != NULL)
        return note_text(k->c, "azureId", text);
    answer_error(k->c, ERR_NO_MEMORY);
    return false;
}

static bool permitted_creation(struct call *c, const char *name, const struct tags *labels)
{
    const struct access_request w = {.operation = c->operation, .thing = name, .tags = labels};
    const char *denied = denial(c, &w);
    return denied == NULL || REFUSE(c, FAULT_ACCESS_DENIED, "%s", denied);
}

static bool note_labels(struct call *c, const cJSON *labels)
{
    return labels == NULL || note_items(c, "labels", labels);
}

static void create(struct keying *k, const struct tags *labels)
{
    struct call *c = k->c;
    struct device_record sealed = {.name = c->thing};
    if (!device_keys_seal(c->api->secrets_key, &k->keys, &sealed)) {
        keying_free(k);
        answer_error(c, ERR_NO_MEMORY);
        return;
    }
    const struct device_creation d = {.name = c->thing,
                                      .azure_id = k->azure_id,
                                      .labels = labels,
                                      .sealed = sealed.sealed,
                                      .n_sealed = sealed.n_sealed};
    drop_input(c);
    device_registry_create(c->api->devices, &d, on_created, k);
    free(sealed.sealed);
}

void create_device(struct call *c, const struct tunnel_record *t)
{
    const char *name = input_text(c->input, "device");
    const cJSON *items = shape_member(c->input, "labels");
    struct tags labels = {0};
    (void)t;
    snprintf(c->thing, sizeof c->thing, "%s", name);
    struct keying *k = keying_new(c);
    if (k == NULL)
        return;
    if (take_tags(c, items, &labels) && permitted_creation(c, name, &labels) &&
        (c->api->secrets_key != NULL || REFUSE(c, FAULT_VALIDATION, NO_SECRETS_KEY)) &&
        take_azure_id(k) && note_labels(c, items) && take_key(k, PRIMARY) && take_key(k, SECONDARY))
        create(k, &labels);
    else
        keying_free(k);
    tags_free(&labels);
}

/* ---- RotateDeviceKeys ---- */

static void on_rotated(void *ctx, enum err why, const struct device_record *d)
{
    struct keying *k = ctx;
    struct call *c = k->c;
    if (why == ERR_OK) {
        answer_keys(k, d);
        return;
    }
    keying_free(k);
    if (why == ERR_USAGE)
        answer_fault(c, FAULT_VALIDATION,
                     "Device %s has symmetric keys: say which one is to be replaced, PRIMARY, "
                     "SECONDARY or BOTH (key; in tunnelctl, --rotate).",
                     c->thing);
    else if (why == ERR_FORBIDDEN)
        answer_fault(c, FAULT_ACCESS_DENIED, "%s", c->denied);
    else
        answer_device_error(c, why);
}

static bool permits(void *ctx, const struct device_record *d, const struct tags *after)
{
    struct call *c = ((struct keying *)ctx)->c;
    struct access_request w = {.operation = c->operation, .thing = d->name, .tags = after};
    c->denied = denial(c, &w);
    return c->denied == NULL;
}

/* Keys that are there and do not open were sealed with another secrets key: both are made anew. */
static enum err reseal(void *ctx, struct device_record *next)
{
    struct keying *k = ctx;
    const uint8_t *key = k->c->api->secrets_key;
    if (next->sealed != NULL && !k->given)
        return ERR_USAGE;
    if (!device_keys_open(key, next, &k->keys))
        k->fresh[PRIMARY] = k->fresh[SECONDARY] = true;
    for (int w = PRIMARY; w < KEYS; w++)
        if (k->fresh[w])
            device_secret_new(secret_at(&k->keys, (enum which)w));
    return device_keys_seal(key, &k->keys, next) ? ERR_OK : ERR_NO_MEMORY;
}

void rotate_device_keys(struct call *c, const struct device_record *d)
{
    static const struct device_update u = {.permits = permits, .reseal = reseal};
    const char *which = input_text(c->input, "key");
    struct access_request w = {0};
    if (!permitted_device(c, &w, d) || (which != NULL && !note_text(c, "which", which)))
        return;
    struct keying *k = c->api->secrets_key != NULL ? keying_new(c) : NULL;
    if (c->api->secrets_key == NULL)
        answer_fault(c, FAULT_VALIDATION, NO_SECRETS_KEY);
    if (k == NULL)
        return;
    k->given = which != NULL;
    k->fresh[PRIMARY] = which == NULL || strcmp(which, "SECONDARY") != 0;
    k->fresh[SECONDARY] = which == NULL || strcmp(which, "PRIMARY") != 0;
    drop_input(c);
    device_registry_update(c->api->devices, span_of(d->name), &u, on_rotated, k);
}
