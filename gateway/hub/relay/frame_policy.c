#include "gateway/hub/relay/frame_policy.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CODE_PROTOCOL 1002
#define CODE_POLICY 1008
#define CODE_TOO_BIG 1009

/* A service and the one stream that it may have. */
struct policy_service {
    struct span id;
    bool active;
    bool numbered; /* the stream's connections have ids (V3) */
    int32_t stream;
    struct service_end {
        bool seen; /* a STREAM_START has passed this end since it was attached */
        bool owed; /* the end is owed a STREAM_RESET */
        bool owed_numbered;
        int32_t owed_stream;
    } ends[SIDE_COUNT];
};

struct frame_policy {
    bool there[SIDE_COUNT], native[SIDE_COUNT];
    size_t n_owed[SIDE_COUNT];
    /* The frame being checked, which is too large for a stack that is used per frame. */
    struct frame frame;
    size_t n_services;
    /* The first is "", which serves V1 and tunnels without services. */
    struct policy_service services[];
};

/* The rules by frame type. Types that are not listed may not be sent at all. */
static const struct rule {
    bool may_send[SIDE_COUNT];
    bool alone; /* the reference program does not see what follows in the same message */
} rules[] = {
    [FRAME_DATA] = {{true, true}, false},
    [FRAME_STREAM_START] = {{true, false}, true},
    [FRAME_STREAM_RESET] = {{true, true}, true},
    [FRAME_SESSION_RESET] = {{false, false}, true},
    [FRAME_SERVICE_IDS] = {{false, false}, true},
    [FRAME_CONNECTION_START] = {{true, false}, false},
    [FRAME_CONNECTION_RESET] = {{true, true}, false},
    [FRAME_PEER] = {{false, false}, false},
    [FRAME_CONNECTION_OPENED] = {{false, true}, false},
    [FRAME_CONNECTION_FIN] = {{true, true}, false},
    [FRAME_CREDIT] = {{true, true}, false},
    [FRAME_RESUME] = {{true, true}, false},
    [FRAME_ECHO] = {{true, true}, false},
    [FRAME_ECHO_REPLY] = {{true, true}, false},
};
#define N_RULES ((int)(sizeof rules / sizeof *rules))

static bool is_known(int type)
{
    return type >= 0 && type < N_RULES && (type <= FRAME_CONNECTION_RESET || type >= FRAME_PEER);
}

struct frame_policy *frame_policy_new(const char *const *services, size_t n)
{
    size_t text = 1;
    for (size_t i = 0; i < n; i++)
        text += strlen(services[i]);
    struct frame_policy *s = calloc(1, sizeof *s + (n + 1) * sizeof s->services[0] + text);
    if (s == NULL)
        return NULL;
    s->n_services = n + 1;
    char *at = (char *)&s->services[n + 1];
    s->services[0].id = (struct span){at, 0};
    for (size_t i = 0; i < n; i++) {
        struct span id = {at, strlen(services[i])};
        memcpy(at, services[i], id.n);
        at += id.n;
        s->services[i + 1].id = id;
    }
    return s;
}

void frame_policy_free(struct frame_policy *s)
{
    free(s);
}

/* ---- owed STREAM_RESETs ---- */

static void owe(struct frame_policy *s, struct policy_service *v, enum side side, int32_t stream,
                bool numbered)
{
    struct service_end *e = &v->ends[side];
    if (!e->owed)
        s->n_owed[side]++;
    *e = (struct service_end){
        .seen = e->seen, .owed = true, .owed_stream = stream, .owed_numbered = numbered};
}

bool frame_policy_owes(const struct frame_policy *s, enum side side)
{
    return s->n_owed[side] > 0;
}

/* Peers of V3 need a connection id in the frame; peers of V1 and V2 must not get one. */
void frame_policy_next_owed(struct frame_policy *s, enum side side, struct frame *out)
{
    size_t i = 0;
    while (!s->services[i].ends[side].owed)
        i++;
    struct service_end *e = &s->services[i].ends[side];
    *out = (struct frame){.type = FRAME_STREAM_RESET,
                          .stream = e->owed_stream,
                          .service = s->services[i].id,
                          .connection = e->owed_numbered ? 1 : 0};
    e->owed = false;
    s->n_owed[side]--;
}

void frame_policy_services(const struct frame_policy *s, struct frame *out)
{
    *out = (struct frame){.type = FRAME_SERVICE_IDS};
    for (size_t i = 1; i < s->n_services; i++)
        out->services[out->n_services++] = s->services[i].id;
}

/* ---- ends ---- */

static void forget_end(struct frame_policy *s, enum side side)
{
    s->n_owed[side] = 0;
    for (size_t i = 0; i < s->n_services; i++)
        s->services[i].ends[side] = (struct service_end){0};
}

void frame_policy_attach(struct frame_policy *s, enum side side, bool native)
{
    s->there[side] = true;
    s->native[side] = native;
    forget_end(s, side);
}

void frame_policy_detach(struct frame_policy *s, enum side side)
{
    enum side other = side_other(side);
    s->there[side] = s->native[side] = false;
    forget_end(s, side);
    for (size_t i = 0; i < s->n_services; i++) {
        struct policy_service *v = &s->services[i];
        if (v->active && s->there[other])
            owe(s, v, other, v->stream, v->numbered);
        v->active = false;
    }
}

/* ---- judging ---- */

__attribute__((format(printf, 3, 4))) static enum frame_action
reject(struct violation *violation, int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    violation->code = code;
    vsnprintf(violation->text, sizeof violation->text, format, args);
    va_end(args);
    return FRAME_REJECT;
}

static struct policy_service *find_service(struct frame_policy *s, struct span id)
{
    for (size_t i = 0; i < s->n_services; i++)
        if (span_equal(s->services[i].id, id))
            return &s->services[i];
    return NULL;
}

static bool on_stream(const struct policy_service *v, int32_t stream)
{
    return v->active && v->stream == stream;
}

/* A stream that was started without a service id must continue without one. */
static bool mixes_services(const struct frame_policy *s, const struct policy_service *v,
                           const struct frame *f)
{
    return v->id.n > 0 && f->type != FRAME_STREAM_START && !on_stream(v, f->stream) &&
           on_stream(&s->services[0], f->stream);
}

static enum frame_action judge_start(struct frame_policy *s, struct policy_service *v,
                                     const struct frame *f)
{
    bool numbered = f->connection != 0;
    v->ends[SIDE_SOURCE].seen = true;
    if (!s->there[SIDE_DESTINATION]) {
        owe(s, v, SIDE_SOURCE, f->stream, numbered);
        return FRAME_DROP;
    }
    v->ends[SIDE_DESTINATION].seen = true;
    v->active = true;
    v->stream = f->stream;
    v->numbered = numbered;
    return FRAME_PASS;
}

/* When the destination does not have the connection's stream, the source has to start the stream
 * anew. A CONNECTION_RESET would leave the source with a stream that never answers. */
static enum frame_action judge_connection_start(struct frame_policy *s, struct policy_service *v,
                                                const struct frame *f)
{
    if (on_stream(v, f->stream))
        return FRAME_PASS;
    owe(s, v, SIDE_SOURCE, f->stream, true);
    return FRAME_DROP;
}

/* Late frames of a stream that is over go only to an end that knew it and will ignore them; another
 * end could take them for a new stream. The reference program does not look at the stream of a
 * CONNECTION_RESET, and would end a connection of the present one. */
static enum frame_action judge_other(struct frame_policy *s, enum side side,
                                     struct policy_service *v, const struct frame *f)
{
    enum side to = side_other(side);
    bool current = on_stream(v, f->stream);
    if (current && f->type == FRAME_STREAM_RESET)
        v->active = false;
    bool harmless = f->type != FRAME_CONNECTION_RESET && s->there[to] && v->ends[to].seen;
    return current || harmless ? FRAME_PASS : FRAME_DROP;
}

/* Checks what must hold for every frame of a known type. FRAME_PASS: nothing is wrong so far. */
static enum frame_action check(const struct frame *f, enum side side, struct violation *violation)
{
    if (!rules[f->type].may_send[side])
        return reject(violation, CODE_POLICY, "%s must not come from a %s",
                      frame_type_name(f->type), side_name(side));
    if (f->payload_size > FRAME_PAYLOAD_MAX)
        return reject(violation, CODE_TOO_BIG, "payload above %d bytes", FRAME_PAYLOAD_MAX);
    return FRAME_PASS;
}

/* Native frames have no streams, so there is nothing to book. */
static enum frame_action judge_native(const struct frame_policy *s, enum side side,
                                      const struct frame *f, struct violation *violation)
{
    if (s->native[side])
        return s->native[side_other(side)] ? FRAME_PASS : FRAME_DROP;
    if (f->type < FRAME_PEER)
        return reject(violation, CODE_POLICY, "streamId 0");
    return f->ignorable ? FRAME_DROP
                        : reject(violation, CODE_POLICY, "%s from an end that is not native",
                                 frame_type_name(f->type));
}

static enum frame_action judge_stream(struct frame_policy *s, enum side side,
                                      struct violation *violation)
{
    const struct frame *f = &s->frame;
    struct policy_service *v = find_service(s, f->service);
    if (f->stream == 0)
        return reject(violation, CODE_POLICY, "streamId 0");
    if (v == NULL)
        return reject(violation, CODE_POLICY, "a service id that is not in this tunnel");
    if (mixes_services(s, v, f))
        return reject(violation, CODE_POLICY, "a service id in a stream that began without");
    if (f->type == FRAME_DATA && !v->ends[side].seen)
        return reject(violation, CODE_POLICY, "DATA for a service without a STREAM_START");
    if (f->type == FRAME_STREAM_START)
        return judge_start(s, v, f);
    if (f->type == FRAME_CONNECTION_START)
        return judge_connection_start(s, v, f);
    return judge_other(s, side, v, f);
}

enum frame_action frame_policy_check(struct frame_policy *s, enum side side, const uint8_t *p,
                                     size_t n, struct violation *violation)
{
    struct frame *f = &s->frame;
    if (frame_decode(p, n, f) != ERR_OK || f->type == FRAME_UNKNOWN)
        return reject(violation, CODE_PROTOCOL, "not a message of the tunnel protocol");
    if (!is_known(f->type))
        return f->ignorable ? FRAME_PASS
                            : reject(violation, CODE_POLICY, "unknown message type %d", f->type);
    enum frame_action v = check(f, side, violation);
    if (v == FRAME_PASS && frame_is_native(f))
        return judge_native(s, side, f, violation);
    if (v == FRAME_PASS)
        v = judge_stream(s, side, violation);
    return v == FRAME_PASS && rules[f->type].alone ? FRAME_PASS_ALONE : v;
}
