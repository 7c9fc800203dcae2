/* Trust anchors, keys, and the names in certificates. */
#ifndef TESTS_UNIT_TRUST_HELP_H
#define TESTS_UNIT_TRUST_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/tls/certificate.h"
#include "core/tls/identity.h"
#include "core/tls/pem.h"
#include "core/tls/san.h"
#include "core/tls/trust.h"
#include "tests/support/certificates.h"

#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

extern char text[256];
struct buf get_file(const char *name);

/* ---- trust ---- */

/* ed.pem and pss.pem, with keys of kinds that are not supported. */
void make_strange_certificates(void);

int setup(void **state);
int teardown(void **state);

#endif
