/* Texts and bytes in protobuf messages, for nanopb: decoded, they are views of where they lie;
 * encoded, they are copied from where they are. An empty text is not written, as proto3 has it. */
#ifndef PROTO_MESSAGE_TEXT_H
#define PROTO_MESSAGE_TEXT_H

#include "core/base/str.h"

#include <pb_decode.h>
#include <pb_encode.h>

/* The bytes of the message that is decoded. */
struct message_input {
    const uint8_t *p;
    size_t n;
};

/* Where one text goes; the last one of several counts. */
struct message_text {
    const struct message_input *in;
    struct span *out;
};
pb_callback_t message_text_read(struct message_text *t); /* t must outlive the decoding */
pb_callback_t message_text_write(const struct span *text);

/* Where the texts of a repeated field go. */
struct message_texts {
    const struct message_input *in;
    struct span *out;
    size_t *n, max; /* Those above max are left out. */
};
pb_callback_t message_text_read_all(struct message_texts *t);

struct message_texts_out {
    const struct span *texts;
    size_t n;
};
pb_callback_t message_text_write_all(const struct message_texts_out *t);

#endif
