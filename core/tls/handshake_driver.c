#include "core/tls/handshake_driver.h"

#include "core/tls/alert.h"
#include "core/tls/cache.h"

#include <stdlib.h>
#include <string.h>

void handshake_driver_free(struct handshake_driver *d)
{
    handshake_free(d->handshake);
    identity_free(d->server.identity);
    free(d->step);
}

/* ---- to the other side ---- */

/* Moves its output into the batch. 0: the lower stream must take some first. */
static int collect(struct handshake_driver *d)
{
    uint8_t *p;
    size_t room = batch_room(d->out, &p);
    if (room == 0 && batch_flush(d->out))
        room = batch_room(d->out, &p);
    if (room > 0) {
        batch_added(d->out, handshake_take(d->handshake, p, room));
        return 1;
    }
    /* Until the record is taken, events about further bytes are of no use. */
    stream_read_on(d->in->lower, false);
    return d->out->no_memory ? -ERR_NO_MEMORY : 0;
}

static int refuse(struct handshake_driver *d)
{
    static const uint8_t header[] = {RECORD_ALERT, 3, 3, 0, 2, ALERT_FATAL};
    int alert;
    uint8_t *p;
    enum err why = handshake_error(d->handshake, d->in->problem, sizeof d->in->problem, &alert);
    if (alert >= 0 && batch_room(d->out, &p) > sizeof header) {
        memcpy(p, header, sizeof header);
        p[sizeof header] = (uint8_t)alert;
        batch_added(d->out, sizeof header + 1);
    }
    batch_flush(d->out);
    d->in->end = why; /* inbox_end would replace the problem */
    return -(int)why;
}

/* ---- from the other side ---- */

/* Watches the stream while a step waits: a client that has left needs no turn. */
static int look_after(struct handshake_driver *d)
{
    uint8_t *p;
    long size = inbox_record(d->in, &p);
    if (size > 0)
        stream_read_on(d->in->lower, false);
    return size < 0 ? (int)size : 0;
}

/* 0: there is nothing to feed now. */
static int feed(struct handshake_driver *d)
{
    uint8_t *p;
    stream_read_on(d->in->lower, true);
    batch_flush(d->out); /* the other side acts next */
    long size = inbox_record(d->in, &p);
    if (size <= 0)
        return (int)size;
    int may = d->admit != NULL ? d->admit(d, p, (size_t)size) : 1;
    if (may > 0) {
        handshake_feed(d->handshake, p, (size_t)size);
        stream_consume(d->in->lower, (size_t)size);
    }
    return may;
}

/* ---- both ---- */

static enum handshake_state state(const struct handshake_driver *d)
{
    return d->handshake != NULL ? handshake_state(d->handshake) : HANDSHAKE_READS;
}

int handshake_driver_go(struct handshake_driver *d)
{
    int went = 1;
    if (d->step != NULL)
        return look_after(d);
    while (went > 0) {
        switch (state(d)) {
        case HANDSHAKE_WRITES:
            went = collect(d);
            break;
        case HANDSHAKE_READS:
            went = feed(d);
            break;
        case HANDSHAKE_DONE:
            return 1;
        case HANDSHAKE_FAILED:
            return refuse(d);
        }
    }
    return went;
}

/* ---- the end ---- */

static enum err take_name(struct handshake_driver *d, char **peer_name)
{
    const char *problem, *name = handshake_peer_name(d->handshake, &problem);
    if (problem != NULL)
        inbox_note(d->in, problem);
    if (name != NULL && (*peer_name = strdup(name)) == NULL)
        return ERR_NO_MEMORY;
    return ERR_OK;
}

enum err handshake_driver_finish(struct handshake_driver *d, struct handshake_result *result,
                                 char **peer_name)
{
    bool ours = handshake_finish(d->handshake, d->in->keys, result);
    enum err why = ours ? take_name(d, peer_name) : ERR_TLS;
    handshake_free(d->handshake);
    d->handshake = NULL;
    d->in->handshaking = false;
    return why;
}

/* ---- servers ---- */

/* Allocates its 41 KB, when they are needed first. */
static bool begin(struct handshake_driver *d)
{
    if (d->handshake != NULL)
        return true;
    d->handshake = handshake_server(&d->server);
    identity_free(d->server.identity);
    d->server.identity = NULL;
    return d->handshake != NULL;
}

/* The record is copied, since a loop's block for each waiting stream would be too much. Reading
 * goes on, to learn of clients that leave meanwhile. */
static int wait_for_turn(struct handshake_driver *d, const uint8_t *record, size_t size)
{
    bool known = d->handshake != NULL || cache_knows(d->server.cache, record, size);
    d->step = malloc(size);
    if (d->step == NULL)
        return -ERR_NO_MEMORY;
    memcpy(d->step, record, size);
    d->step_size = size;
    stream_consume(d->in->lower, size);
    d->server.waits(d->server.turns, known);
    return 0;
}

/* Only a handshake message in the clear costs key operations; ChangeCipherSpec and alerts cost
 * none. */
static int admit(struct handshake_driver *d, const uint8_t *record, size_t size)
{
    if (record[0] == RECORD_CHANGE_CIPHER_SPEC)
        d->server.waits = NULL;
    if (record[0] == RECORD_HANDSHAKE && d->server.waits != NULL)
        return wait_for_turn(d, record, size);
    return begin(d) ? 1 : -ERR_NO_MEMORY;
}

void handshake_driver_serve(struct handshake_driver *d, const struct tls_server_options *options)
{
    d->admit = admit;
    d->server = *options;
    identity_ref(d->server.identity);
}

int handshake_driver_turn(struct handshake_driver *d)
{
    uint8_t *step = d->step;
    if (step == NULL)
        return 0;
    d->step = NULL;
    bool begun = begin(d);
    if (begun)
        handshake_feed(d->handshake, step, d->step_size);
    free(step);
    return begun ? handshake_driver_go(d) : -ERR_NO_MEMORY;
}
