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

/* Takes the first element off `in`: its tag and its content. False: `in` is empty or not DER, and
 * stays as it was. */
bool der_next(struct der *in, uint8_t *tag, struct der *content);
/* As der_next, but the element must have this tag. False: `content` stays as it was, too. */
bool der_expect(struct der *in, uint8_t tag, struct der *content);

#endif
