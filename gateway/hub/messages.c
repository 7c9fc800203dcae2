#include "gateway/hub/messages.h"

#include "core/base/secret.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void *message_new(enum message_kind kind, size_t worker, size_t size)
{
    struct message *m = calloc(1, size);
    if (m != NULL) {
        m->kind = kind;
        m->worker = worker;
    }
    return m;
}

static void free_accepted(void *message)
{
    const struct message_accepted *m = message;
    if (m->fd >= 0)
        close(m->fd);
}

static void free_admit_reply(void *message)
{
    registration_free(((struct message_admit_reply *)message)->registration);
}

/* The answer may hold tokens and keys, so it is wiped. */
static void free_api_reply(void *message)
{
    struct message_api_reply *m = message;
    secret_free(m->headers);
    if (m->body != NULL)
        explicit_bzero(m->body, m->size);
    free(m->body);
}

static void free_identity(void *message)
{
    identity_free(((struct message_identity *)message)->identity);
}

static void free_migrate(void *message)
{
    struct message_migrate *m = message;
    if (m->stream != NULL)
        stream_close(m->stream);
    registration_free(m->registration);
}

static void free_close(void *message)
{
    free(((struct message_close *)message)->tunnel);
}

static void free_admit_request(void *message)
{
    struct message_admit_request *m = message;
    secret_free(m->token);
    secret_free(m->client_token);
    free(m->device);
}

static void free_detached(void *message)
{
    registration_free(((struct message_detached *)message)->end_report.registration);
}

static void free_api_request(void *message)
{
    struct message_api_request *m = message;
    explicit_bzero(m->bytes, m->size);
}

static void free_device_hello(void *message)
{
    struct message_device_hello *m = message;
    explicit_bzero(m->bytes, m->size); /* there may be a join token in it */
}

static void free_mqtt_hello(void *message)
{
    struct message_mqtt_hello *m = message;
    if (m->password != NULL)
        explicit_bzero(m->password, m->n_password);
    free(m->password);
    free(m->device);
    free(m->host);
    free(m->client_id);
}

static void free_device_reply(void *message)
{
    device_ticket_free(((struct message_device_reply *)message)->ticket);
}

static void free_device_move(void *message)
{
    struct message_device_move *m = message;
    if (m->stream != NULL)
        stream_close(m->stream);
    device_ticket_free(m->ticket);
}

static void free_device_send(void *message)
{
    device_letter_free(((struct message_device_send *)message)->letter);
}

static void free_device_gone(void *message)
{
    device_ticket_free(((struct message_device_gone *)message)->gone.ticket);
}

static void free_bridge_hello(void *message)
{
    struct message_bridge_hello *m = message;
    explicit_bzero(m->bytes, m->n_path + m->n_token);
}

static void free_bridge_reply(void *message)
{
    bridge_ticket_free(((struct message_bridge_reply *)message)->ticket);
}

static void free_bridge_move(void *message)
{
    struct message_bridge_move *m = message;
    if (m->stream != NULL)
        stream_close(m->stream);
    bridge_ticket_free(m->ticket);
}

static void free_bridge_gone(void *message)
{
    bridge_ticket_free(((struct message_bridge_gone *)message)->gone.ticket);
}

static void free_forward(void *message)
{
    forward_ticket_free(((struct message_forward *)message)->ticket);
}

static void free_forward_move(void *message)
{
    struct message_forward_move *m = message;
    if (m->stream != NULL)
        stream_close(m->stream);
    forward_ticket_free(m->ticket);
}

static void free_forward_gone(void *message)
{
    forward_ticket_free(((struct message_forward_gone *)message)->gone.ticket);
}

static void free_cluster_keys(void *message)
{
    cluster_keys_free(((struct message_cluster_keys *)message)->keys);
}

static void free_inner_in(void *message)
{
    struct message_inner_in *m = message;
    if (m->fd >= 0)
        close(m->fd);
    free(m->service);
    free(m->label);
}

static void free_inner_wanted(void *message)
{
    free(((struct message_inner_wanted *)message)->service);
}

void message_free(struct message *m)
{
    static void (*const carried[MESSAGE_COUNT])(void *message) = {
#define X(name, free) [MESSAGE_##name] = free,
        MESSAGE_TABLE(X)
#undef X
    };
    if (carried[m->kind] != NULL)
        carried[m->kind](m);
    free(m);
}

void message_discard(void *owner, struct mail *m)
{
    (void)owner;
    message_free(message_of(m));
}

/* ---- copies of requests ---- */

static struct span put(char **at, struct span s)
{
    struct span copy = {*at, s.n};
    if (s.n > 0)
        memcpy(*at, s.p, s.n);
    *at += s.n;
    return s.p != NULL ? copy : s;
}

static size_t size_of(const struct http_head *head, struct span body)
{
    size_t n = head->method.n + head->target.n + head->reason.n + body.n;
    for (size_t i = 0; i < head->n_headers; i++)
        n += head->headers[i].name.n + head->headers[i].value.n;
    return n;
}

struct message_api_request *message_api_request_new(size_t worker, const struct http_head *head,
                                                    struct span body)
{
    size_t size = size_of(head, body);
    struct message_api_request *m = message_new(MESSAGE_API_REQUEST, worker, sizeof *m + size);
    if (m == NULL)
        return NULL;
    m->size = size;
    char *at = m->bytes;
    m->head = *head;
    m->head.method = put(&at, head->method);
    m->head.target = put(&at, head->target);
    m->head.reason = put(&at, head->reason);
    for (size_t i = 0; i < head->n_headers; i++) {
        m->head.headers[i].name = put(&at, head->headers[i].name);
        m->head.headers[i].value = put(&at, head->headers[i].value);
    }
    m->body = put(&at, body);
    return m;
}
