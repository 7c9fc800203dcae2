/* How an inner end comes to its tunnel, by a pair of sockets: to the relay here, as if it had come
 * by a WebSocket, or, when another node has the tunnel, as a client that is passed on there. */
#include "core/base/encoding.h"
#include "core/base/random.h"
#include "core/net/proxy_protocol.h"
#include "core/net/socket.h"
#include "core/tunnel/frame.h"
#include "core/ws/handshake.h"
#include "gateway/hub/bridge_desk_internal.h"
#include "gateway/hub/cluster/nodes.h"
#include "gateway/hub/relay/buffered_stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void on_nothing(void *owner)
{
    (void)owner;
}

static void on_failed(void *owner, enum err why)
{
    (void)owner, (void)why; /* whoever gets it learns it himself */
}

static const struct stream_events no_events = {
    .readable = on_nothing, .writable = on_nothing, .failed = on_failed};

/* The relay's end of the pair, off the loop. Takes the descriptor over. */
static struct stream *relays_end(struct hub *hub, int fd)
{
    struct stream *s = stream_from_fd(hub->o.loop, fd);
    if (s == NULL)
        return NULL;
    snprintf(s->name, sizeof s->name, "%s", INNER_CLIENT);
    s = buffered_stream_new(hub->o.loop, s, &no_events, NULL);
    if (s == NULL || stream_leave(s))
        return s;
    stream_close(s);
    return NULL;
}

/* What its worker gets; r is NULL when another node has the tunnel. NULL: no memory. */
static struct message_inner_in *inner_in(const struct desk_inner *i, const struct registration *r,
                                         int fd)
{
    struct message_inner_in *m = MESSAGE(struct message_inner_in, MESSAGE_INNER_IN, i->worker);
    if (m == NULL) {
        close(fd);
        return NULL;
    }
    m->fd = fd;
    m->service = strdup(i->service);
    m->label = strdup(r != NULL ? r->label : i->tunnel);
    m->start =
        (struct inner_start){.serial = i->serial,
                             .role = i->role,
                             .asks = r == NULL,
                             .idle_s = r != NULL ? atomic_load(&r->account->stream_idle_s) : 0,
                             .service = m->service,
                             .label = m->label};
    if (m->service != NULL && m->label != NULL)
        return m;
    message_free(&m->message);
    return NULL;
}

bool desk_inner_start(struct desk_inner *i, struct registration *r)
{
    struct hub *hub = i->desk->hub;
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) != 0)
        return false;
    struct message_inner_in *in = inner_in(i, r, fds[0]);
    struct stream *s = relays_end(hub, fds[1]);
    struct message_migrate *m = MESSAGE(struct message_migrate, MESSAGE_MIGRATE_IN, i->worker);
    if (in == NULL || s == NULL || m == NULL) {
        if (in != NULL)
            message_free(&in->message);
        if (s != NULL)
            stream_close(s);
        free(m);
        return false;
    }
    m->registration = r;
    m->stream = s;
    hub_post(hub, &m->message);
    hub_post(hub, &in->message);
    return true;
}

/* ---- at another node, as a client that is passed on there ---- */

void desk_inner_name(char out[INSTANCE_SIZE + 1])
{
    uint8_t bytes[16];
    char text[BASE64_SIZE(16)];
    random_bytes(bytes, sizeof bytes);
    base64_encode(bytes, sizeof bytes, text, true);
    snprintf(out, INSTANCE_SIZE + 1, "%.*s", INSTANCE_SIZE, text);
}

static bool write_request(const struct desk_inner *i, struct buf *out)
{
    uint8_t nonce[16], header[PROXY_HEADER_MAX];
    char key[BASE64_SIZE(16)], instance[INSTANCE_SIZE + 1], extra[4096];
    const struct proxy_header h = {
        .version = 2, .client = i->client, .service = "", .opened_by = "", .asked = ""};
    random_bytes(nonce, sizeof nonce);
    base64_encode(nonce, sizeof nonce, key, false);
    desk_inner_name(instance);
    snprintf(extra, sizeof extra,
             "access-token: %s\r\ntunnel-instance: %s\r\n" FORWARD_CERTIFIED ": %s\r\n", i->token,
             instance, i->device);
    const struct ws_request r = {.host = "hub",
                                 .target = i->role == SESSION_SOURCE
                                               ? "/tunnel?local-proxy-mode=source"
                                               : "/tunnel?local-proxy-mode=destination",
                                 .protocols = FRAME_NATIVE_PROTOCOL ", aws.iot.securetunneling-3.0",
                                 .key = key,
                                 .extra = extra};
    bool good =
        buf_append(out, header, proxy_protocol_write(&h, header)) && ws_request_write(&r, out);
    explicit_bzero(extra, sizeof extra);
    return good;
}

bool desk_inner_pass_on(struct desk_inner *i, const struct node_info *node)
{
    struct hub *hub = i->desk->hub;
    struct buf request = {.limit = FORWARD_REQUEST_MAX};
    const struct forward_client c = {.client = INNER_CLIENT,
                                     .channel = "",
                                     .what = "tunnel",
                                     .id = i->tunnel,
                                     .thing = i->device,
                                     .side = i->role == SESSION_SOURCE ? SIDE_SOURCE
                                                                       : SIDE_DESTINATION};
    int fds[2];
    i->worker = hub_least_worker(hub);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) != 0)
        return false;
    struct message_inner_in *in = inner_in(i, NULL, fds[0]);
    struct stream *s = relays_end(hub, fds[1]);
    bool good = in != NULL && s != NULL && write_request(i, &request);
    if (good && forward_desk_own(hub->forwards, node, &c, &request, s)) {
        hub_post(hub, &in->message);
        return true;
    }
    if (!good && s != NULL)
        stream_close(s);
    if (in != NULL)
        message_free(&in->message);
    buf_wipe(&request);
    return false;
}
