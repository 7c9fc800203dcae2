#include "tests/unit/http_help.h"

/* ---- splits ---- */

size_t next_piece(struct cut *cut, size_t left)
{
    size_t n = left;
    if (cut->how == BYTES)
        n = 1;
    else if (cut->how == RANDOM) {
        cut->seed = cut->seed * 1103515245u + 12345u;
        n = 1 + (cut->seed >> 16) % 13;
    }
    return n < left ? n : left;
}

struct cut cut_number(unsigned i)
{
    return i == 0   ? (struct cut){WHOLE, 0}
           : i == 1 ? (struct cut){BYTES, 0}
                    : (struct cut){RANDOM, i};
}

uint8_t *exact(const void *p, size_t n)
{
    uint8_t *copy = malloc(n > 0 ? n : 1);
    assert_non_null(copy);
    memcpy(copy, p, n);
    return copy;
}
