/* Certificates for tests: made by the openssl command in a directory of their own. */
#ifndef TESTS_SUPPORT_CERTIFICATES_H
#define TESTS_SUPPORT_CERTIFICATES_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern char certs_directory[64];
int certs_make(void);
int certs_remove(void);

/* The path of a file there; valid until the 32nd call after this one. */
const char *certs_file(const char *name);

#endif
