#include "tests/support/node.h"

#include "core/net/listener.h"
#include "core/tls/tls.h"

struct node node;
struct cluster_keys *node_keys;

static char dir[64], cert[100], key[100];
static struct identity *identity;
static struct trust *trust;
static struct tls_cache *cache;

static void node_opened(void *owner)
{
    struct probe *p = owner;
    const char *name = tls_peer_name(p->stream);
    p->opened++;
    snprintf(node.peer, sizeof node.peer, "%s", name != NULL ? name : "nobody");
    stream_read_on(p->stream, true);
}

static const struct stream_events node_events = {.opened = node_opened,
                                                 .readable = probe_readable,
                                                 .writable = probe_writable,
                                                 .failed = probe_failed};

static void on_accepted(void *owner, struct listener *l, struct stream *s)
{
    const struct tls_server_options o = {
        .identity = identity, .cache = cache, .client_trust = trust};
    (void)owner, (void)l;
    node.accepted++;
    node.probe.stream = node.hangs ? s : tls_server(loop, s, &o, &node_events, &node.probe);
    if (node.hangs)
        stream_set_owner(s, &node_events, &node.probe);
}

int node_begin(void **state)
{
    static const struct listener_events events = {.accepted = on_accepted};
    enum err why;
    if (loop_begin(state) != 0)
        return -1;
    memset(&node, 0, sizeof node);
    node.probe.on_readable = drain;
    node.listener = listener_new(loop, "localhost:0", &events, NULL, &why);
    if (node.listener == NULL)
        return -1;
    snprintf(node.address, sizeof node.address, "localhost:%d", listener_port(node.listener));
    return 0;
}

int node_end(void **state)
{
    if (node.probe.stream != NULL)
        probe_close(&node.probe);
    listener_free(node.listener);
    free(node.probe.got);
    return loop_end(state);
}

int node_once(void **state)
{
    char command[700], text[200];
    enum err why;
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/test_node.XXXXXX");
    if (mkdtemp(dir) == NULL)
        return -1;
    snprintf(cert, sizeof cert, "%s/cert.pem", dir);
    snprintf(key, sizeof key, "%s/key.pem", dir);
    snprintf(command, sizeof command,
             "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
             "-subj /CN=localhost -addext subjectAltName=DNS:localhost "
             "-keyout %s -out %s 2>/dev/null",
             key, cert);
    if (system(command) != 0)
        return -1;
    identity = identity_new(cert, key, &why, text, sizeof text);
    trust =
        trust_new(&(struct trust_sources){.file = cert, .clients = true}, &why, text, sizeof text);
    cache = tls_cache_new(10000);
    node_keys =
        cluster_keys_new(&(struct cluster_key_files){cert, key, cert}, &why, text, sizeof text);
    return identity != NULL && trust != NULL && cache != NULL && node_keys != NULL ? 0 : -1;
}

int node_at_last(void **state)
{
    (void)state;
    cluster_keys_free(node_keys);
    identity_free(identity);
    trust_free(trust);
    tls_cache_free(cache);
    unlink(cert);
    unlink(key);
    return rmdir(dir);
}
