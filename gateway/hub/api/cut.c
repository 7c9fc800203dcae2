/* The end of all that an access key has opened: CutKey, and keys that were removed. */
#include "gateway/hub/api/api_internal.h"

#include "core/base/log.h"
#include "gateway/hub/api/shapes.h"
#include "gateway/hub/registry/sweep.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char was_cut[] = "the access key that opened it was cut off";
static const char was_removed[] = "the access key that opened it was removed";

/* One line for each tunnel: who had opened it, and why it is closed. */
static void note_cut(struct api *a, const struct tunnel_record *t, const char *why,
                     const char *request_id)
{
    const struct log_field fields[] = {
        {"tunnel", t->id, 0}, {"thing", t->thing, 0},       {"key", t->key_id, 0},
        {"reason", why, 0},   {"requestId", request_id, 0},
    };
    a->counts.cut++;
    audit_event(a->audit, "cut", fields, sizeof fields / sizeof *fields);
}

/* ---- CutKey ---- */

/* As ListTunnels shows them: those that the caller may not see are none of its business. */
static bool is_of_key(void *ctx, const struct tunnel_record *t)
{
    const struct call *c = ctx;
    const char *thing = t->thing[0] != '\0' ? t->thing : NULL;
    return strcmp(t->key_id, c->cut_key) == 0 &&
           (c->key == NULL || key_sees(c->key, thing, &t->tags));
}

static void on_cut(void *ctx, const struct tunnel_record *t)
{
    struct call *c = ctx;
    c->cut++;
    note_cut(c->api, t, was_cut, c->request_id);
}

static void on_all_cut(void *ctx, enum err why)
{
    struct call *c = ctx;
    char closed[24];
    snprintf(closed, sizeof closed, "%zu", c->cut);
    if (!note_text(c, "closed", closed))
        return;
    if (why != ERR_OK) {
        answer_error(c, why);
        return;
    }
    json_open(&c->out, NULL, '{');
    json_number(&c->out, "closedTunnels", (int64_t)c->cut);
    json_close(&c->out, '}');
    answer_ok(c);
}

void cut_key(struct call *c, const struct tunnel_record *t)
{
    static const struct sweep how = {
        .why = was_cut, .picks = is_of_key, .closed = on_cut, .done = on_all_cut};
    const char *id = input_text(c->input, "accessKeyId");
    struct access_request w = {0};
    (void)t;
    if (!permitted(c, &w, NULL) || !note_text(c, "accessKeyId", id))
        return;
    snprintf(c->cut_key, sizeof c->cut_key, "%s", id);
    drop_input(c);
    registry_sweep(c->api->registry, &how, c);
}

/* ---- keys that were removed ---- */

static bool is_orphan(void *ctx, const struct tunnel_record *t)
{
    const struct api *a = ctx;
    return a->keys != NULL && t->key_id[0] != '\0' &&
           keys_find(a->keys, span_of(t->key_id)) == NULL;
}

static void on_orphan_closed(void *ctx, const struct tunnel_record *t)
{
    struct api *a = ctx;
    a->revocation.closed++;
    note_cut(a, t, was_removed, "");
}

static void on_revoked(void *ctx, enum err why)
{
    struct api *a = ctx;
    size_t closed = a->revocation.closed;
    a->revocation.running = false;
    a->revocation.closed = 0;
    if (closed > 0)
        log_warning("tunnels were closed, since the access keys that opened them are not among the "
                    "keys any more: %zu",
                    closed);
    if (why == ERR_OK) {
        a->revocation.complained = false;
        return;
    }
    a->revocation.due = true;
    if (!a->revocation.complained && why != ERR_SHUTDOWN)
        log_error("tunnels of access keys that were removed could not be closed: %s; trying again",
                  err_text(why));
    a->revocation.complained = true;
}

void api_revoke(struct api *a)
{
    static const struct sweep how = {
        .why = was_removed, .picks = is_orphan, .closed = on_orphan_closed, .done = on_revoked};
    a->revocation.due = a->revocation.running;
    if (a->revocation.running)
        return;
    a->revocation.running = true;
    registry_sweep(a->registry, &how, a);
}

void api_opened(struct api *a, const struct tunnel_record *t)
{
    if (is_orphan(a, t))
        a->revocation.due = true;
}

void api_tick(struct api *a)
{
    if (a->revocation.due)
        api_revoke(a);
}
