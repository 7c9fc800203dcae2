/* Outgoing records on their way to the lower stream: gathered in one block, sealed where they lie,
 * and sent with one write. While that write is pending nothing can be added, so what is queued here
 * is one block (LOOP_BLOCK bytes, four full records and a bit) at most, and one record while the
 * way is narrow: there a batch is time that a keystroke waits (64 KB are half a second at 1
 * Mbit/s). The block goes back to the loop as soon as it is empty. */
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
    size_t sealed;  /* bytes at the front that may go */
    size_t open;    /* plaintext bytes in the record after them; 0: none */
    bool sending;   /* all of it is with the lower stream */
    int narrow;     /* so many more writes must be taken at once before batches grow again */
    bool no_memory; /* once and for all: something was lost */
};

/* Takes as much of p as fits and returns how much: 0 while sending. What fits into one record is
 * not spread over two, so that a message usually is one record. */
size_t batch_put(struct batch *b, const uint8_t *p, size_t n);
/* Adds a whole alert; false when there is no room now. */
bool batch_alert(struct batch *b, int level, int number);
/* Room for bytes that are records already (those of the handshake); batch_added tells how many
 * were put there. 0 while sending. */
size_t batch_room(struct batch *b, uint8_t **p);
void batch_added(struct batch *b, size_t n);

/* Seals and sends. False: the lower stream is not done with it; call batch_sent on its `writable`.
 */
bool batch_flush(struct batch *b);
void batch_sent(struct batch *b);
/* Without waiting: what the lower stream takes at once, and ends. */
void batch_end(struct batch *b);

#endif
