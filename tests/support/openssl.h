/* The openssl program as the other side. */
#ifndef TESTS_SUPPORT_OPENSSL_H
#define TESTS_SUPPORT_OPENSSL_H

#include <sys/types.h>

/* Starts argv, without input or errors. *output is the reading end of its output, for the caller to
 * close, who also waits for the process. */
pid_t openssl_start(char *const argv[], int *output);

#endif
