#include "tests/unit/trust_help.h"

char text[256];

struct buf get_file(const char *name)
{
    struct buf b;
    assert_int_equal(pem_read(certs_file(name), &b), ERR_OK);
    return b;
}

/* ---- trust ---- */

void make_strange_certificates(void)
{
    char command[512];
    snprintf(command, sizeof command,
             "cd %s && openssl req -x509 -new -key ed.key -days 9 -subj /CN=ed -out ed.pem && "
             "openssl req -x509 -newkey rsa-pss -nodes -keyout pss.key -days 9 -subj /CN=pss "
             "-out pss.pem 2>/dev/null",
             certs_directory);
    assert_int_equal(system(command), 0);
}

int setup(void **state)
{
    (void)state;
    return certs_make();
}

int teardown(void **state)
{
    (void)state;
    return certs_remove();
}
