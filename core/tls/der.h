/* Strict DER, one element at a time: definite and minimal lengths, single-byte tags. */
#ifndef CORE_TLS_DER_H
#define CORE_TLS_DER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum der_tag {
    DER_BOOLEAN = 0x01,
    DER_INTEGER = 0x02,
    DER_BITS = 0x03,
    DER_OCTETS = 0x04,
    DER_OID = 0x06,
    DER_UTC_TIME = 0x17,
    DER_GENERALIZED_TIME = 0x18,
    DER_SEQUENCE = 0x30,
    DER_SET = 0x31,
    DER_CONTEXT = 0x80,             /* + number */
    DER_CONTEXT_CONSTRUCTED = 0xA0, /* + number */
};

struct der {
    const uint8_t *p;
    size_t n;
};

/* Takes the first element off `in`: its tag, and what it holds. False: none, or not DER; `in` is as
 * it was then. */
bool der_next(struct der *in, uint8_t *tag, struct der *content);
/* The same when it must have this tag; else `content` is as it was, too. */
bool der_expect(struct der *in, uint8_t tag, struct der *content);

#endif
