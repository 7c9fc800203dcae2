/* Outgoing records on their way to the lower stream: gathered in one block, sealed where they lie,
 * and sent with one write. While that write is pending nothing can be added, so at most one block
 * (LOOP_BLOCK bytes, eight full records and a bit) is queued here, and only one record while the
 * path is narrow: there a batch makes a keystroke wait (127 KB are a second at 1 Mbit/s). The
 * block goes back to the loop as soon as it is empty. */
#ifndef CORE_TLS_RECORD_WRITER_H
#define CORE_TLS_RECORD_WRITER_H

#include "core/net/loop.h"
#include "core/net/stream.h"
#include "core/tls/record.h"

struct batch {
    struct loop *loop;
    struct stream *lower;
    struct record_layer *keys; /* may be used once the handshake is done */
    uint8_t *block;
    size_t sealed;    /* bytes at the front that are ready to be sent */
    size_t open;      /* plaintext bytes in the record after them; 0: no record is open */
    bool sending;     /* the lower stream has all of it */
    uint64_t sent_at; /* loop_now of the last write */
    int narrow;       /* writes that must still be taken at once before batches grow again */
    bool no_memory;   /* stays set: something was lost */
};

/* Takes as much of the spans as fits, without their first `from` bytes, and returns how much: 0
 * while sending. Data that fits into one record is not spread over two, so that a message usually
 * is one record. What fills most of a record is encrypted from where it lies to where the record
 * goes; less is copied and shares one. */
size_t batch_put_spans(struct batch *b, const struct stream_span *spans, size_t n, size_t from);
/* Adds a whole alert; false when there is no room now. */
bool batch_alert(struct batch *b, int level, int number);
/* Gives room for bytes that are records already (those of the handshake); batch_added tells how
 * many were put there. 0 while sending. */
size_t batch_room(struct batch *b, uint8_t **p);
void batch_added(struct batch *b, size_t n);

/* Seals the open record and sends. False: the lower stream is not done with it, and its `writable`
 * must lead to batch_sent. */
bool batch_flush(struct batch *b);
void batch_sent(struct batch *b);
/* Sends what the lower stream takes at once, without waiting, and ends the batch. */
void batch_end(struct batch *b);

#endif
