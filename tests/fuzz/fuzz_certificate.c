/* A certificate (DER): the names that are read out of it, and what it is as its own authority. */
#include "core/tls/constraint.h"
#include "core/tls/dn.h"
#include "core/tls/path.h"
#include "core/tls/san.h"

#include <stdlib.h>
#include <string.h>

static void check_subject(const struct certificate *c)
{
    char name[DN_COMMON_NAME_MAX + 1];
    const char *wrong = dn_common_name(c->subject, name);
    if ((wrong == NULL) != (name[0] != '\0'))
        abort();
    for (const char *p = name; *p != '\0'; p++)
        if (*p < ' ' || *p > '~')
            abort();
}

static void check_names(const struct certificate *c)
{
    static const uint8_t address[4] = {127, 0, 0, 1};
    char first[40];
    san_has_address(c->names, address, sizeof address, "127.0.0.1");
    if (strlen(san_first(c->names, first, sizeof first)) >= sizeof first)
        abort();
}

/* Whether it is trusted, or is held against itself by its name constraints. */
static void check_path(const struct certificate *c)
{
    struct path_verdict v;
    char name[CONSTRAINT_NAME];
    size_t order[1];
    constraint_allows(c, c, true, name);
    constraint_allows_host(c, "127.0.0.1");
    if (strlen(name) >= sizeof name || path_order(c, 1, 0, order) != 1)
        abort();
    struct path_question q = {.shown = c,
                              .n = 1,
                              .anchors = c,
                              .n_anchors = 1,
                              .purpose = PURPOSE_SERVER,
                              .host = "localhost",
                              .now = c->not_before};
    path_verify(&q, &v);
    if ((v.why == ERR_OK) != (v.text[0] == '\0') || strlen(v.text) >= sizeof v.text)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct certificate c;
    if (certificate_parse(&c, data, size) != NULL)
        return 0;
    check_subject(&c);
    check_names(&c);
    check_path(&c);
    return 0;
}
