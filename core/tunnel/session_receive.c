/* What comes over the transport: frames are put together and go to whom they concern. */
#include "core/base/log.h"
#include "core/base/service_id.h"
#include "core/tunnel/conn_io.h"
#include "core/tunnel/resume.h"
#include "core/tunnel/session_internal.h"

#include <stdio.h>

/* With one that breaks the rules nothing is taken up again. */
void session_broken(struct session *s, enum err why, const char *text)
{
    conn_settle(&s->host);
    if (why == ERR_PROTOCOL)
        resume_end_all(&s->native, why, false);
    s->host.events->broken(s->host.owner, why, text);
}

/* ---- SERVICE_IDS ---- */

static bool renew_services(struct session *s, const struct frame *f)
{
    struct service_list *there = &s->host.services;
    if (there->n > 0 && service_list_same(there, f)) {
        service_list_renew(there);
        return true;
    }
    resume_end_all(&s->native, ERR_STREAM_REPLACED, false);
    service_list_free(there);
    if (service_list_take(there, f))
        return true;
    service_list_free(there);
    return false;
}

/* Ids get into host names, logs, labels and pages: one that breaks the rule stays out of all. An
 * empty one is no service, as an empty list is. */
static bool ids_are_right(struct session *s, const struct frame *f)
{
    char text[200], id[90];
    for (size_t i = 0; i < f->n_services; i++) {
        if (f->services[i].n == 0 || service_id_is(f->services[i]))
            continue;
        snprintf(text, sizeof text,
                 "the hub names a service \"%s\", which is no service id (" SERVICE_ID_RULE ")",
                 str_escape(f->services[i], id, sizeof id));
        session_broken(s, ERR_PROTOCOL, text);
        return false;
    }
    return true;
}

static void on_service_ids(struct session *s, const struct frame *f)
{
    const struct service_list *there = &s->host.services;
    if (!ids_are_right(s, f))
        return;
    if (s->host.open) {
        if (!service_list_same(there, f))
            log_warning(
                "%sthe hub sent another list of services in mid-session; the first one stays",
                s->host.title);
        return;
    }
    if (!renew_services(s, f)) {
        session_broken(s, ERR_NO_MEMORY, "no memory for the list of services");
        return;
    }
    s->host.open = true;
    enum err why = s->host.events->services(s->host.owner, there->ids, there->n_ids);
    if (why != ERR_OK)
        session_broken(s, why, "the services of the tunnel do not fit the configuration");
}

/* ---- frames ---- */

/* False: its connection cannot take more now; the frame must come again. */
static bool take_frame(struct session *s, const uint8_t *p, size_t n)
{
    struct frame f;
    if (frame_decode(p, n, &f) != ERR_OK) {
        session_broken(s, ERR_PROTOCOL, "bytes that are no tunnel message");
        return true;
    }
    if (!conn_gathers(&s->host, &f))
        conn_settle(&s->host);
    if (frame_is_native(&f) && s->host.transport.native)
        return resume_frame(&s->native, &f);
    switch (f.type) {
    case FRAME_DATA:
    case FRAME_STREAM_START:
    case FRAME_CONNECTION_START:
    case FRAME_STREAM_RESET:
    case FRAME_CONNECTION_RESET:
    case FRAME_SESSION_RESET:
        return aws_frame(&s->aws, &f);
    case FRAME_SERVICE_IDS:
        on_service_ids(s, &f);
        return true;
    default:
        if (!f.ignorable)
            session_broken(s, ERR_PROTOCOL, "a message of unknown type that must not be ignored");
        return true;
    }
}

/* Delivers an assembled frame that had to wait, and tells by *taken that its last byte, which was
 * left to the transport meanwhile, is done with now. */
static bool deliver_waiting(struct session *s, size_t *taken)
{
    if (s->waiting == NULL)
        return true;
    if (!take_frame(s, s->waiting, s->waiting_size))
        return false;
    s->waiting = NULL;
    *taken = 1;
    return true;
}

static bool lend_memory(struct session *s)
{
    if (s->cutter.memory == NULL)
        s->cutter.memory = loop_block(s->host.loop);
    return s->cutter.memory != NULL;
}

void session_return_memory(struct session *s)
{
    loop_unblock(s->host.loop, s->cutter.memory);
    s->cutter = (struct frame_cutter){0};
    s->waiting = NULL;
}

size_t session_input_steady(struct session *s, uint8_t *p, size_t n)
{
    size_t taken = 0;
    s->host.stall.stalled = s->host.gather.may = false;
    if (!deliver_waiting(s, &taken)) {
        s->host.stall.stalled = true;
        return 0;
    }
    while (taken < n && s->host.attached) {
        uint8_t *frame;
        size_t size, used = frame_cut(&s->cutter, p + taken, n - taken, &frame, &size);
        if (frame == NULL && used == 0) {
            if (lend_memory(s))
                continue;
            session_broken(s, ERR_NO_MEMORY, "no memory for a message");
            break;
        }
        bool in_place = frame >= p && frame < p + n;
        s->host.gather.may = in_place;
        if (frame != NULL && !take_frame(s, frame, size)) {
            s->host.stall.stalled = true;
            if (in_place)
                break;
            s->waiting = frame;
            s->waiting_size = size;
            taken += used - 1; /* less than all: only then does the transport come again */
            break;
        }
        taken += used;
    }
    if (s->host.attached && s->cutter.have == 0 && s->waiting == NULL && s->cutter.memory != NULL)
        session_return_memory(s);
    return s->host.attached ? taken : n;
}

void session_settle(struct session *s)
{
    conn_settle(&s->host);
}

size_t session_input(struct session *s, uint8_t *p, size_t n)
{
    size_t taken = session_input_steady(s, p, n);
    session_settle(s);
    return taken;
}
