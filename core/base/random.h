/* Random bytes from the kernel, and names made of them. */
#ifndef CORE_BASE_RANDOM_H
#define CORE_BASE_RANDOM_H

#include <stddef.h>

void random_bytes(void *data, size_t n); /* getrandom(2); cannot fail */

#define UUID_SIZE 37                   /* 36 characters and NUL */
void random_uuid(char out[UUID_SIZE]); /* version 4, RFC 9562 section 5.4 */

#endif
