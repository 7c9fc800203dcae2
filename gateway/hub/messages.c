#include "gateway/hub/messages.h"

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

static void wipe(char *secret)
{
    if (secret != NULL)
        explicit_bzero(secret, strlen(secret));
    free(secret);
}

/* It may hold access tokens. */
static void free_answer(struct message_api_reply *m)
{
    if (m->body != NULL)
        explicit_bzero(m->body, m->size);
    free(m->body);
}

static void free_client(struct message_migrate *m)
{
    if (m->stream != NULL)
        stream_close(m->stream);
    registration_free(m->registration);
}

static void free_knock(struct message_admit_request *m)
{
    wipe(m->token);
    wipe(m->client_token);
    free(m->device);
}

void message_free(struct message *m)
{
    void *all = m;
    switch (m->kind) {
    case MESSAGE_ACCEPTED:
        if (((struct message_accepted *)all)->fd >= 0)
            close(((struct message_accepted *)all)->fd);
        break;
    case MESSAGE_ADMIT_REPLY:
        registration_free(((struct message_admit_reply *)all)->registration);
        break;
    case MESSAGE_MIGRATE_IN:
    case MESSAGE_MIGRATE_OUT:
        free_client(all);
        break;
    case MESSAGE_CLOSE:
        free(((struct message_close *)all)->tunnel);
        break;
    case MESSAGE_API_REPLY:
        free_answer(all);
        break;
    case MESSAGE_IDENTITY:
        identity_free(((struct message_identity *)all)->identity);
        break;
    case MESSAGE_ADMIT_REQUEST:
        free_knock(all);
        break;
    case MESSAGE_DETACHED:
        registration_free(((struct message_detached *)all)->end_report.registration);
        break;
    case MESSAGE_API_REQUEST:
        explicit_bzero(((struct message_api_request *)all)->bytes,
                       ((struct message_api_request *)all)->size);
        break;
    case MESSAGE_REFUSED:
    case MESSAGE_DRAIN:
    case MESSAGE_DRAINED:
    case MESSAGE_STOP:
        break;
    }
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
