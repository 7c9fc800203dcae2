#include "tests/unit/devices_help.h"

#include "gateway/hub/registry/registry.h"

struct loop *loop;
struct registry *tunnels;
struct device_registry *devices;
int64_t clock_ms, start_ms;

int64_t devices_now(void)
{
    return clock_ms;
}

/* ---- events ---- */

int n_enrolled, n_changed, n_reset, n_removed;
char told[129];

static void tell(int *n, const struct device_record *d)
{
    ++*n;
    snprintf(told, sizeof told, "%s", d->name);
}

static void told_enrolled(void *owner, const struct device_record *d)
{
    (void)owner;
    tell(&n_enrolled, d);
}

static void told_changed(void *owner, const struct device_record *d, enum device_state before)
{
    (void)owner, (void)before;
    tell(&n_changed, d);
}

static void told_reset(void *owner, const struct device_record *d)
{
    (void)owner;
    assert_false(d->has_key || d->by_certificate);
    tell(&n_reset, d);
}

static void told_removed(void *owner, const struct device_record *d)
{
    (void)owner;
    tell(&n_removed, d);
}

static const struct device_events events = {.enrolled = told_enrolled,
                                            .changed = told_changed,
                                            .reset = told_reset,
                                            .removed = told_removed};
static struct device_subscriber subscriber = {.events = &events};

void forget_found(void);

/* ---- from the beginning to the end ---- */

static void open_local(void)
{
    char text[512] = "";
    enum err why;
    devices = device_registry_new(&(struct device_registry_options){
        .loop = loop, .max_invitations = 100, .now = devices_now});
    assert_non_null(devices);
    tunnels =
        registry_new(&(struct registry_options){.loop = loop,
                                                .folder = folder,
                                                .now = devices_now,
                                                .companion = device_registry_companion(devices)},
                     &why, text, sizeof text);
    if (tunnels == NULL)
        fail_msg("%s: %s", err_name(why), text);
}

static void close_local(void)
{
    registry_free(tunnels);
    device_registry_free(devices);
    tunnels = NULL;
}

static const struct devices_backend local = {
    .open = open_local, .close = close_local, .in_turn = true};
const struct devices_backend *devices_backend = &local;

void open_devices(void)
{
    devices_backend->open();
    device_registry_subscribe(devices, &subscriber);
}

void close_devices(void)
{
    devices_backend->close();
    devices = NULL;
}

void reopen(void)
{
    close_devices();
    open_devices();
}

int setup(void **state)
{
    (void)state;
    log_setup(LOG_OFF, false);
    make_folder();
    loop = loop_new();
    clock_ms = start_ms =
        devices_backend->start != NULL ? devices_backend->start() : INT64_C(1700000000000);
    n_enrolled = n_changed = n_reset = n_removed = 0;
    open_devices();
    return loop == NULL;
}

int teardown(void **state)
{
    (void)state;
    close_devices();
    get(NULL);
    forget_found();
    loop_free(loop);
    remove_folder();
    return 0;
}

/* ---- what came ---- */

void answer_clear(struct answer *a)
{
    if (a->device.name != NULL)
        device_record_free(&a->device);
    *a = (struct answer){0};
}

static void keep(struct answer *a, const struct device_record *d)
{
    a->calls++;
    if (d != NULL)
        assert_true(device_record_copy(&a->device, d));
}

void on_device(void *ctx, enum err why, const struct device_record *d)
{
    ((struct answer *)ctx)->why = why;
    keep(ctx, d);
}

void on_enrolled(void *ctx, enum enrol_result result, const struct device_record *d)
{
    assert_true((d != NULL) == (result == ENROL_KNOWN || result == ENROL_NEW));
    ((struct answer *)ctx)->result = result;
    keep(ctx, d);
}

void on_invitation(void *ctx, enum err why, const struct invitation *i)
{
    struct answer *a = ctx;
    a->calls++;
    a->why = why;
    snprintf(a->id, sizeof a->id, "%s", i != NULL ? i->id : "");
}

/* ---- asking ---- */

const uint8_t *key_of(char of)
{
    static uint8_t key[DEVICE_KEY_SIZE];
    memset(key, of, sizeof key);
    return key;
}

void ask_enrol(struct answer *a, const char *name, char key, const char *token)
{
    struct enrolment e = {.name = span_of(name),
                          .key = key != 0 ? key_of(key) : NULL,
                          .join_token = span_of(token),
                          .version = "1.2",
                          .address = "192.0.2.1"};
    *a = (struct answer){0};
    device_registry_enrol(devices, &e, on_enrolled, a);
}

enum enrol_result enrol(const char *name, char key, const char *token)
{
    struct answer a;
    ask_enrol(&a, name, key, token);
    UNTIL(loop, a.calls > 0);
    enum enrol_result result = a.result;
    answer_clear(&a);
    return result;
}

enum err invite(const char *token, const char *names, int64_t uses, int64_t lifetime_ms)
{
    struct invitation i = {.uses = uses, .expires = clock_ms + lifetime_ms};
    struct answer a = {0};
    struct span rest = span_of(names);
    while (rest.n > 0)
        assert_true(texts_add(&i.names, span_cut(&rest, ' ')));
    assert_true(tags_set(&i.labels, span_of("site"), span_of("7")));
    device_registry_invite(devices, &i, token, 0, on_invitation, &a);
    assert_null(i.names.items);
    UNTIL(loop, a.calls > 0);
    return a.why;
}

static enum err wait_for(struct answer *a)
{
    UNTIL(loop, a->calls > 0);
    enum err why = a->why;
    assert_int_equal(a->calls, 1);
    answer_clear(a);
    return why;
}

enum err set_state(const char *name, enum device_state state)
{
    struct answer a = {0};
    device_registry_update(devices, span_of(name), &(struct device_update){.state = &state},
                           on_device, &a);
    return wait_for(&a);
}

enum err reset(const char *name)
{
    struct answer a = {0};
    device_registry_reset(devices, span_of(name), on_device, &a);
    return wait_for(&a);
}

enum err remove_device(const char *name)
{
    struct answer a = {0};
    device_registry_remove(devices, span_of(name), on_device, &a);
    return wait_for(&a);
}

const struct device_record *get(const char *name)
{
    static struct answer a;
    answer_clear(&a);
    if (name == NULL)
        return NULL;
    device_registry_get(devices, span_of(name), on_device, &a);
    UNTIL(loop, a.calls > 0);
    assert_int_equal(a.calls, 1);
    assert_true((a.why == ERR_OK) == (a.device.name != NULL));
    return a.why == ERR_OK ? &a.device : NULL;
}

enum err create_device(const char *name, const char *azure_id)
{
    struct device_creation c = {.name = name,
                                .azure_id = azure_id,
                                .sealed = (const uint8_t *)"sealed",
                                .n_sealed = strlen("sealed")};
    struct answer a = {0};
    device_registry_create(devices, &c, on_device, &a);
    UNTIL(loop, a.calls > 0);
    enum err why = a.why;
    assert_true((why == ERR_OK) == (a.device.name != NULL));
    answer_clear(&a);
    return why;
}

const char *azure_device(const char *id)
{
    static char name[129];
    struct answer a = {0};
    device_registry_get_azure(devices, span_of(id), on_device, &a);
    UNTIL(loop, a.calls > 0);
    snprintf(name, sizeof name, "%s", a.why == ERR_OK ? a.device.name : "");
    answer_clear(&a);
    return name;
}

/* ---- lists ---- */

struct search {
    uint8_t token[TOKEN_HASH];
    bool found, ended;
};
static struct invitation found;

void forget_found(void)
{
    invitation_free(&found);
}

static bool on_each_invitation(void *ctx, const struct invitation *i)
{
    struct search *s = ctx;
    if (memcmp(i->token, s->token, TOKEN_HASH) != 0)
        return true;
    s->found = true;
    found = (struct invitation){.id = strdup(i->id),
                                .uses = i->uses,
                                .used = i->used,
                                .created = i->created,
                                .expires = i->expires};
    assert_true(texts_copy(&found.names, &i->names) && tags_copy(&found.labels, &i->labels));
    return false;
}

static void on_end(void *ctx, enum err why)
{
    assert_int_equal(why, ERR_OK);
    ((struct search *)ctx)->ended = true;
}

const struct invitation *invitation_of(const char *token)
{
    struct search s = {0};
    forget_found();
    token_hash(span_of(token), s.token);
    device_registry_invitations(
        devices, &(struct invitation_page){.each = on_each_invitation, .done = on_end}, &s);
    UNTIL(loop, s.ended);
    return s.found ? &found : NULL;
}

struct tally {
    size_t n;
    char last[129];
    bool ended;
};

static bool count_one(void *ctx, const struct device_record *d)
{
    struct tally *c = ctx;
    assert_true(strcmp(c->last, d->name) < 0);
    snprintf(c->last, sizeof c->last, "%s", d->name);
    c->n++;
    return true;
}

static void on_counted(void *ctx, enum err why)
{
    assert_int_equal(why, ERR_OK);
    ((struct tally *)ctx)->ended = true;
}

size_t list_devices(void)
{
    struct tally c = {0};
    device_registry_page(
        devices, &(struct device_page){.after = "", .each = count_one, .done = on_counted}, &c);
    UNTIL(loop, c.ended);
    return c.n;
}

size_t count_devices(void)
{
    size_t n = list_devices();
    UNTIL(loop, device_registry_counts(devices).devices == n);
    return n;
}
