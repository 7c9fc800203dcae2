/* What the other side will think of an identity. */
#include "core/tls/identity.h"
#include "core/tls/path.h"
#include "core/tls/trust.h"

#include <stdio.h>

bool identity_has_host(const struct identity *i, const char *host)
{
    return path_has_host(&i->own, host);
}

bool identity_is_trusted(const struct identity *i, const struct trust *t, const char *host,
                         int64_t now, enum err *why, char *text, size_t size)
{
    struct certificate chain[IDENTITY_MAX_CHAIN];
    struct path_verdict v;
    size_t n = 0;
    while (n < i->n && certificate_parse(&chain[n], i->chain[n].data, i->chain[n].data_len) == NULL)
        n++;
    path_verify(&(struct path_question){.shown = chain,
                                        .n = n,
                                        .anchors = t->anchors,
                                        .n_anchors = t->n,
                                        .purpose = t->purpose,
                                        .host = host,
                                        .now = now},
                &v);
    *why = v.why;
    snprintf(text, size, "%s", v.why == ERR_OK ? "" : v.text);
    return v.why == ERR_OK;
}
