/* Incoming records, read where they lie in the lower stream's buffer and decrypted there. The lower
 * stream consumes a record when its plaintext is used up, so nothing is held here; only a peek for
 * more than one record needs copies, in a block that is given back when it is empty. */
#ifndef CORE_TLS_RECORD_READER_H
#define CORE_TLS_RECORD_READER_H

#include "core/net/loop.h"
#include "core/net/stream.h"
#include "core/tls/record.h"

struct inbox {
    struct loop *loop;
    struct stream *lower;
    struct record_layer *keys; /* used once the handshake is done */
    bool is_client, handshaking;

    enum err end;      /* why nothing more comes; ERR_OK: reading goes on */
    int alert;         /* the alert for the other side that goes with end; -1: no alert */
    char problem[256]; /* a sentence that goes with end */

    size_t record;  /* size of the record that lies decrypted below; 0: there is no such record */
    uint8_t *plain; /* the rest of its plaintext */
    size_t left;
    unsigned idle;  /* records in a row that carried nothing */
    uint8_t *carry; /* a block of copied bytes, which come before plain */
    size_t carry_start, carry_end;
};

void inbox_free(struct inbox *in);
/* Ends reading: from now on only this error is returned. The first reason stays. Returns -why. */
long inbox_end(struct inbox *in, enum err why, int alert, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Keeps a problem that does not end reading. */
void inbox_note(struct inbox *in, const char *problem);

/* Gets the next whole record as it is, for the handshake. Returns its size, 0 when it has not come
 * yet, < 0 for the end. The caller consumes it below. */
long inbox_record(struct inbox *in, uint8_t **p);

/* Gives plaintext as stream_peek and stream_consume do. As with sockets, the result is 0 for less
 * than `want`, and the end when no more will come; a peek for 1 then still gives what there is. */
long inbox_peek(struct inbox *in, size_t want, uint8_t **p);
void inbox_consume(struct inbox *in, size_t n);

#endif
