#include "tests/unit/devices_shared_help.h"

#include "core/base/clock.h"

struct redis_test server;
struct node node[NODES];
const uint8_t *secrets_key;
bool hints_get_lost;

/* ---- what each node is told ---- */

static void told_enrolled(void *owner, const struct device_record *d)
{
    (void)d;
    ((struct node *)owner)->enrolled++;
}

static void told_changed(void *owner, const struct device_record *d, enum device_state before)
{
    (void)d, (void)before;
    ((struct node *)owner)->changed++;
}

static void told_reset(void *owner, const struct device_record *d)
{
    assert_false(d->has_key);
    ((struct node *)owner)->reset++;
}

static void told_removed(void *owner, const struct device_record *d)
{
    assert_non_null(d->name);
    ((struct node *)owner)->removed++;
}

static void told_moved(void *owner, const struct device_record *d)
{
    assert_non_null(d->node);
    ((struct node *)owner)->moved++;
}

static const struct device_events events = {.enrolled = told_enrolled,
                                            .changed = told_changed,
                                            .reset = told_reset,
                                            .removed = told_removed,
                                            .moved = told_moved};

/* As the node would hear of it, only sooner. */
static void hint(void *owner, const struct node_info *to, const char *kind, const char *id)
{
    (void)owner;
    assert_string_equal(kind, "device");
    for (int i = 0; i < NODES && !hints_get_lost; i++)
        if (nodes_alive(node[(i + 1) % NODES].nodes, nodes_owner(node[i].nodes)) == to)
            device_registry_look(node[i].devices, span_of(id));
}

/* ---- from the beginning to the end ---- */

static void open_node(struct node *n, struct nodes *as)
{
    char text[512] = "";
    enum err why;
    n->redis = redis_new(&(struct redis_options){.loop = loop, .url = server.url}, &why, text,
                         sizeof text);
    if (n->redis == NULL)
        fail_msg("%s: %s", err_name(why), text);
    n->nodes = as;
    double_fenced(as);
    n->devices = shared_devices_new(&(struct shared_devices_options){.loop = loop,
                                                                     .redis = n->redis,
                                                                     .nodes = n->nodes,
                                                                     .secrets_key = secrets_key,
                                                                     .max_invitations = 100,
                                                                     .remembered = 5,
                                                                     .hint = hint},
                                    &why, text, sizeof text);
    if (n->devices == NULL)
        fail_msg("%s: %s", err_name(why), text);
    n->subscriber = (struct device_subscriber){.events = &events, .owner = n};
    device_registry_subscribe(n->devices, &n->subscriber);
}

static void open_shared(void)
{
    redis_faults_none(loop);
    for (int i = 0; i < NODES; i++)
        open_node(&node[i], &doubles[i]);
    at_node(0);
}

static void close_shared(void)
{
    for (int i = 0; i < NODES; i++) {
        device_registry_free(node[i].devices);
        node[i].nodes->info.state = NODE_DEAD;
        redis_free(node[i].redis);
    }
}

/* Keys end by Redis' own clock, so that of the test has to begin with the same. */
static int64_t start(void)
{
    if (server.pid == 0)
        redis_test_start(&server, NULL);
    assert_string_equal(REDIS_CLI(&server, "FLUSHALL"), "OK");
    memset(node, 0, sizeof node);
    doubles_begin();
    cluster_clock = devices_now;
    hints_get_lost = false;
    return clock_wall_ms();
}

const struct devices_backend shared_backend = {
    .open = open_shared, .close = close_shared, .start = start};

/* ---- asking ---- */

void at_node(int n)
{
    devices = node[n].devices;
}

static bool quiet(void)
{
    for (int i = 0; i < NODES; i++)
        if (redis_counts(node[i].redis).unanswered > 0)
            return false;
    return true;
}

void settle(void)
{
    UNTIL(loop, quiet());
}

static void on_located(void *ctx, enum err why, const struct device_record *d)
{
    char *out = ctx;
    assert_int_equal(why, ERR_OK);
    snprintf(out, 64, "%s", d->node != NULL ? d->node : "");
}

const char *where(int n, const char *name)
{
    static char out[64];
    snprintf(out, sizeof out, "?");
    device_registry_get(node[n].devices, span_of(name), on_located, out);
    UNTIL(loop, out[0] != '?');
    return out;
}
