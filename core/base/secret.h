/* Tokens, passwords and keys in memory. */
#ifndef CORE_BASE_SECRET_H
#define CORE_BASE_SECRET_H

#include "core/base/str.h"

void secret_free(char *text); /* overwrites the text and frees it; NULL is fine */

/* Takes the same time wherever a and b differ; their lengths are no secret. */
bool secret_equal(struct span a, struct span b);

#endif
