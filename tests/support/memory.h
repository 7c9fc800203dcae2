/* Memory that runs out when a test wants it to: what is linked with that (failing_memory in
 * tests/unit/CMakeLists.txt) asks here for all of its memory, also inside the libraries. Only the
 * thread of the test is refused. */
#ifndef TESTS_SUPPORT_MEMORY_H
#define TESTS_SUPPORT_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
char *__wrap_strdup(const char *text);

/* The n-th request for memory from now on gets none; 0: all get some. The ones after it do. */
void memory_fails(size_t n);
/* Whether that request has come. All requests get memory again. */
bool memory_failed(void);

#endif
