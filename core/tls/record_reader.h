/* Incoming records, read where they lie in the lower stream's buffer and decrypted there. A record
 * is consumed below when its plaintext is used up, so nothing is held here; only a peek for more
 * than one record has to offer copies, into a block that goes back when it is empty. */
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

    enum err end;      /* why nothing more comes; ERR_OK: not so */
    int alert;         /* with it: what the other side must be told; -1: nothing */
    char problem[256]; /* with it: a sentence */

    size_t record;  /* size of the record that lies decrypted below; 0: none */
    uint8_t *plain; /* what is left of it */
    size_t left;
    unsigned idle;  /* records in a row that carried nothing */
    uint8_t *carry; /* a block with carried bytes, which come before plain */
    size_t carry_start, carry_end;
};

void inbox_free(struct inbox *in);
/* From now on: nothing but this. The first reason stays. Returns -why. */
long inbox_end(struct inbox *in, enum err why, int alert, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* A problem that does not end reading. */
void inbox_note(struct inbox *in, const char *problem);

/* The next whole record as it is, for the handshake: its size, 0 not yet, < 0 the end. Consumed
 * below by the caller. */
long inbox_record(struct inbox *in, uint8_t **p);

/* Plaintext, as stream_peek and stream_consume. As with sockets, less than `want` is 0, and the end
 * when no more will come; a peek for 1 then still gives what there is. */
long inbox_peek(struct inbox *in, size_t want, uint8_t **p);
void inbox_consume(struct inbox *in, size_t n);

#endif
