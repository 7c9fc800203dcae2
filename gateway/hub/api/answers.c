/* Answers and exceptions in the form of awsJson1.1, and a line in the audit log for each. */
#include "gateway/hub/api/api_internal.h"

#include "core/base/random.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of an exception's body, which holds any text, escaped. */
#define ERROR_MAX ((size_t)256 * 1024)

static const struct {
    const char *name;
    int status;
} faults[FAULT_COUNT] = {
#define X(name, text, status) [FAULT_##name] = {text, status},
    FAULT_TABLE(X)
#undef X
};

/* ---- the audit log ---- */

static void audit(const struct call *c, const char *result, int status)
{
    struct log_field fields[8 + NOTES_MAX] = {
        {"requestId", c->request_id, 0}, {"key", c->key_id, 0},    {"client", c->client, 0},
        {"operation", c->target, 0},     {"tunnel", c->tunnel, 0}, {"thing", c->thing, 0},
    };
    size_t n = 6;
    for (size_t i = 0; i < NOTES_MAX; i++)
        if (c->notes[i].name != NULL)
            fields[n++] = (struct log_field){c->notes[i].name, c->notes[i].text, 0};
    fields[n++] = (struct log_field){"result", result, 0};
    fields[n++] = (struct log_field){"status", NULL, status};
    if (c->known)
        audit_event(c->api->audit, "call", fields, n);
    else
        audit_stranger(c->api->audit, "call", fields, n);
}

/* ---- the end of a call ---- */

void drop_input(struct call *c)
{
    cJSON_Delete(c->input);
    c->input = NULL;
}

static void call_free(struct call *c)
{
    if (map_get(&c->api->waiting, &c->caller, sizeof c->caller) == c)
        map_remove(&c->api->waiting, &c->caller, sizeof c->caller);
    drop_input(c);
    keys_free(c->keys);
    buf_wipe(&c->out.bytes);
    for (size_t i = 0; i < NOTES_MAX; i++)
        free(c->notes[i].text);
    explicit_bzero(c->token, sizeof c->token);
    free(c);
}

static void finish(struct call *c, int status, const char *error, struct span body)
{
    struct api_answer a = {.status = status, .error = error, .body = body};
    struct api_counts *counts = &c->api->counts;
    memcpy(a.request_id, c->request_id, sizeof a.request_id);
    if (c->node != NULL) { /* another node counts it, and has the line */
        a.node = c->node;
        a.device = c->thing;
        c->done(c->ctx, &a);
        call_free(c);
        return;
    }
    (error == NULL ? counts->ok : counts->failed)[c->operation]++;
    audit(c, error == NULL ? "ok" : error, status);
    c->done(c->ctx, &a);
    call_free(c);
}

static struct span written(const struct json_writer *w)
{
    return (struct span){(const char *)w->bytes.data, w->bytes.size};
}

/* last_seen: 0: it is left out. */
static void write_fault(struct json_writer *w, const char *name, struct span text,
                        int64_t last_seen)
{
    json_open(w, NULL, '{');
    json_text(w, "__type", span_of(name));
    json_text(w, "message", text);
    if (last_seen != 0)
        json_time(w, "lastSeenAt", last_seen);
    json_close(w, '}');
}

static void finish_out_of_memory(struct call *c)
{
    static const char body[] =
        "{\"__type\":\"InternalServerException\",\"message\":\"The hub is out of memory.\"}";
    finish(c, 500, faults[FAULT_INTERNAL].name, span_of(body));
}

void answer_elsewhere(struct call *c, const char *node)
{
    c->node = node;
    answer_fault(c, FAULT_INTERNAL, "The hub that device %s is at cannot be asked now: try again.",
                 c->thing);
}

void answer_ok(struct call *c)
{
    if (c->out.failed)
        finish_out_of_memory(c);
    else
        finish(c, 200, NULL, written(&c->out));
}

void answer_fault(struct call *c, enum fault f, const char *format, ...)
{
    struct buf text = {.limit = ERROR_MAX};
    va_list args;
    va_start(args, format);
    bool fits = buf_vprintf(&text, format, args);
    va_end(args);
    buf_wipe(&c->out.bytes);
    c->out = (struct json_writer){.bytes.limit = ERROR_MAX};
    write_fault(&c->out, faults[f].name, (struct span){(const char *)text.data, text.size},
                c->last_seen);
    buf_free(&text);
    if (fits && !c->out.failed)
        finish(c, faults[f].status, faults[f].name, written(&c->out));
    else
        finish_out_of_memory(c);
}

void answer_error(struct call *c, enum err why)
{
    switch (why) {
    case ERR_NOT_FOUND:
        answer_fault(c, FAULT_NOT_FOUND, "Tunnel %s does not exist.", c->tunnel);
        break;
    case ERR_TUNNEL_CLOSED:
        answer_fault(c, FAULT_NOT_FOUND, "Tunnel %s is closed: it has no access tokens any more.",
                     c->tunnel);
        break;
    case ERR_TOO_LARGE:
        answer_fault(c, FAULT_LIMIT_EXCEEDED,
                     "What the hub keeps of the open tunnels of this access key is limited, tags "
                     "most of all: close tunnels that are not needed, or give them fewer tags.");
        break;
    case ERR_BUSY:
        answer_fault(c, FAULT_INTERNAL,
                     "The hub's store is busy: its Redis does not answer or takes nothing new, or "
                     "another program has locked its database. Try again.");
        break;
    default:
        answer_fault(c, FAULT_INTERNAL, "The hub could not store it: %s.", err_text(why));
        break;
    }
}

void answer_unseen(struct call *c, enum err why)
{
    if (why == ERR_NOT_FOUND || why == ERR_BUSY)
        answer_error(c, why);
    else
        answer_fault(c, FAULT_INTERNAL, "The hub could not look it up: %s.", err_text(why));
}

void answer_page(struct call *c, const char *list)
{
    json_open(&c->out, NULL, '{');
    json_open(&c->out, list, '[');
}

void answer_page_end(struct call *c, enum err why, const char *next)
{
    if (why != ERR_OK) {
        answer_unseen(c, why);
        return;
    }
    json_close(&c->out, ']');
    if (next != NULL)
        json_text(&c->out, "nextToken", span_of(next));
    json_close(&c->out, '}');
    answer_ok(c);
}

void answer_empty(void *ctx, enum err why, const struct tunnel_record *t)
{
    struct call *c = ctx;
    (void)t; /* the tunnel may be gone */
    if (why != ERR_OK) {
        answer_error(c, why);
        return;
    }
    json_open(&c->out, NULL, '{');
    json_close(&c->out, '}');
    answer_ok(c);
}

/* ---- requests that never became a call ---- */

static const char *name_of(int status)
{
    static const struct {
        int status;
        const char *name;
    } names[] = {
        {408, "RequestTimeoutException"},
        {413, "RequestEntityTooLargeException"},
        {431, "RequestEntityTooLargeException"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].status == status)
            return names[i].name;
    return status < 500 ? faults[FAULT_SERIALIZATION].name : faults[FAULT_INTERNAL].name;
}

void api_bad_request(int status, const char *text, struct api_answer *out, char *body, size_t size)
{
    struct json_writer w = {.bytes.limit = size};
    *out = (struct api_answer){.status = status, .error = name_of(status)};
    random_uuid(out->request_id);
    write_fault(&w, out->error, span_of(text), 0);
    if (w.failed) {
        buf_free(&w.bytes);
        w = (struct json_writer){.bytes.limit = size};
        write_fault(&w, out->error, span_of(""), 0);
    }
    if (!w.failed)
        memcpy(body, w.bytes.data, w.bytes.size);
    out->body = (struct span){body, w.failed ? 0 : w.bytes.size};
    buf_free(&w.bytes);
}
