/* A certificate (DER): the names that are read out of it. */
#include "core/tls/san.h"
#include "core/tls/subject.h"

#include <stdlib.h>
#include <string.h>

static void check_subject(const uint8_t *data, size_t size)
{
    char name[SUBJECT_NAME_MAX + 1];
    const char *wrong = subject_common_name(data, size, name);
    if ((wrong == NULL) != (name[0] != '\0'))
        abort();
    for (const char *p = name; *p != '\0'; p++)
        if (*p < ' ' || *p > '~')
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t address[4] = {127, 0, 0, 1};
    char first[40];
    check_subject(data, size);
    san_has_address(data, size, address, sizeof address, "127.0.0.1");
    if (strlen(san_first(data, size, first, sizeof first)) >= sizeof first)
        abort();
    return 0;
}
