#include "core/tls/record_reader.h"

#include "core/base/str.h"
#include "core/tls/alert.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MAX_IDLE 32

void inbox_free(struct inbox *in)
{
    loop_unblock(in->loop, in->carry);
    in->carry = NULL;
}

long inbox_end(struct inbox *in, enum err why, int alert, const char *format, ...)
{
    if (in->end != ERR_OK)
        return -(long)in->end;
    va_list args;
    va_start(args, format);
    vsnprintf(in->problem, sizeof in->problem, format, args);
    va_end(args);
    in->end = why;
    in->alert = alert;
    stream_read_on(in->lower, false);
    return -(long)why;
}

void inbox_note(struct inbox *in, const char *problem)
{
    if (in->end == ERR_OK)
        snprintf(in->problem, sizeof in->problem, "%s", problem);
}

/* ---- whole records ---- */

/* An end without close_notify counts as orderly, since the service that we talk to ends that way;
 * in the middle of a record it does not. */
static long lower_ended(struct inbox *in, enum err why)
{
    uint8_t *p;
    if (why != ERR_EOF)
        return inbox_end(in, why, -1, "%s", err_text(why));
    if (in->handshaking)
        return inbox_end(in, why, -1, "closed by the other side during the TLS handshake");
    if (stream_peek(in->lower, 1, &p) > 0)
        return inbox_end(in, ERR_RESET, -1, "cut off in the middle of a TLS record");
    return inbox_end(in, why, -1, "closed by the other side without close_notify");
}

static long no_record(struct inbox *in, const uint8_t *p)
{
    char begin[32];
    if (!in->handshaking)
        return inbox_end(in, ERR_TLS, ALERT_RECORD_OVERFLOW, "what came is not a TLS record");
    str_escape((struct span){(const char *)p, RECORD_HEADER}, begin, sizeof begin);
    return inbox_end(in, ERR_TLS, -1,
                     "not TLS: the other side does not speak TLS (it begins with \"%s\")", begin);
}

long inbox_record(struct inbox *in, uint8_t **p)
{
    if (in->end != ERR_OK)
        return -(long)in->end;
    long got = stream_peek(in->lower, RECORD_HEADER, p);
    if (got < 0)
        return lower_ended(in, (enum err) - got);
    if (got < RECORD_HEADER)
        return 0;
    size_t size = record_size(*p);
    if (size == 0)
        return no_record(in, *p);
    got = stream_peek(in->lower, size, p);
    if (got < 0)
        return lower_ended(in, (enum err) - got);
    return got >= (long)size ? (long)size : 0;
}

/* ---- what is in them ---- */

static long on_alert(struct inbox *in, const uint8_t *p, size_t n)
{
    if (n != 2)
        return inbox_end(in, ERR_TLS, ALERT_DECODE_ERROR, "a malformed alert came");
    if (p[1] == ALERT_CLOSE_NOTIFY)
        return inbox_end(in, ERR_EOF, -1, "closed by the other side");
    return inbox_end(in, ERR_TLS, -1, "alert %d from the other side (%s)", p[1], alert_name(p[1]));
}

/* A server may ask for a new handshake (RFC 5246 section 7.4.1.1), which a client may ignore. */
static bool is_hello_request(const struct inbox *in, uint8_t type, const uint8_t *p, size_t n)
{
    static const uint8_t hello_request[4];
    return in->is_client && type == RECORD_HANDSHAKE && n == sizeof hello_request &&
           memcmp(p, hello_request, n) == 0;
}

static long skip(struct inbox *in, size_t size)
{
    stream_consume(in->lower, size);
    if (++in->idle > MAX_IDLE)
        return inbox_end(in, ERR_TLS, ALERT_UNEXPECTED_MESSAGE,
                         "too many TLS records without content");
    return 1;
}

/* 1: reading goes on with what is in plain now; < 0: the end. */
static long open_record(struct inbox *in, uint8_t *p, size_t size)
{
    uint8_t type = p[0];
    size_t n;
    uint8_t *plain = record_open(in->keys, p, size, &n);
    if (plain == NULL)
        return inbox_end(in, ERR_TLS, ALERT_BAD_RECORD_MAC, "a TLS record was damaged on the way");
    if (type == RECORD_ALERT)
        return on_alert(in, plain, n);
    if ((type == RECORD_DATA && n == 0) || is_hello_request(in, type, plain, n))
        return skip(in, size);
    if (type != RECORD_DATA)
        return inbox_end(in, ERR_TLS, ALERT_UNEXPECTED_MESSAGE,
                         "a TLS message came that does not belong there");
    in->idle = 0;
    in->record = size;
    in->plain = plain;
    in->left = n;
    return 1;
}

/* Gets a record's plaintext and returns how much of it is left: 0 for none now, < 0 for the end. */
static long fetch(struct inbox *in)
{
    while (in->left == 0) {
        uint8_t *p = NULL;
        long size = in->handshaking ? 0 : inbox_record(in, &p);
        if (size > 0)
            size = open_record(in, p, (size_t)size);
        if (size <= 0)
            return size;
    }
    return (long)in->left;
}

static void use_plain(struct inbox *in, size_t n)
{
    in->plain += n;
    in->left -= n;
    if (in->left == 0) {
        stream_consume(in->lower, in->record);
        in->record = 0;
        in->plain = NULL;
    }
}

/* ---- more than one record at once ---- */

static size_t carried(const struct inbox *in)
{
    return in->carry_end - in->carry_start;
}

/* Copies records into the block until it holds `want` bytes, or no more can be had. */
static long gather(struct inbox *in, size_t want)
{
    if (in->carry == NULL && (in->carry = loop_block(in->loop)) == NULL)
        return inbox_end(in, ERR_NO_MEMORY, -1, "%s", err_text(ERR_NO_MEMORY));
    if (in->carry_start > 0)
        memmove(in->carry, in->carry + in->carry_start, carried(in));
    in->carry_end -= in->carry_start;
    in->carry_start = 0;
    while (carried(in) < want) {
        long there = fetch(in);
        if (there <= 0)
            return there;
        memcpy(in->carry + in->carry_end, in->plain, (size_t)there);
        in->carry_end += (size_t)there;
        use_plain(in, (size_t)there);
    }
    return (long)carried(in);
}

long inbox_peek(struct inbox *in, size_t want, uint8_t **p)
{
    long there = in->carry == NULL ? fetch(in) : (long)carried(in);
    if (there <= 0)
        return there;
    if ((size_t)there < want) {
        assert(want + RECORD_MAX_PLAIN <= LOOP_BLOCK);
        there = gather(in, want);
    }
    *p = in->carry != NULL ? in->carry + in->carry_start : in->plain;
    return there;
}

void inbox_consume(struct inbox *in, size_t n)
{
    if (in->carry == NULL) {
        assert(n <= in->left);
        if (n > 0)
            use_plain(in, n);
        return;
    }
    assert(n <= carried(in));
    in->carry_start += n;
    if (in->carry_start == in->carry_end) {
        in->carry_start = in->carry_end = 0;
        inbox_free(in);
    }
}
