#include "core/base/secret.h"

#include <stdlib.h>
#include <string.h>

void secret_free(char *text)
{
    if (text != NULL)
        explicit_bzero(text, strlen(text));
    free(text);
}

bool secret_equal(struct span a, struct span b)
{
    unsigned char differ = a.n != b.n;
    for (size_t i = 0; i < a.n; i++)
        differ |= (unsigned char)(a.p[i] ^ (i < b.n ? b.p[i] : 0));
    return differ == 0;
}
